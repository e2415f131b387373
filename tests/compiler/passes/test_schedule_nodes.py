from hypothesis import given
from hypothesis import strategies as st
from pass_checks import check_numbers, check_settled, text

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import BACKWARD, Graph, Origin, Output
from graphnet.compiler.op import f64
from graphnet.compiler.ops import Add, ReduceSum, Reshape, Tanh
from graphnet.compiler.passes.schedule_nodes import ScheduleNodes, peak
from graphnet.compiler.rewrite import check_graph
from graphnet.compiler.types import TensorType


def wide(branches: int = 3) -> Graph:
    """Every branch is made large before any is made small again."""
    b = Builder("g")
    x = b.input("x", TensorType("float64", ("N", 8)))
    large = [b.add(Tanh(), x) for _ in range(branches)]
    small = [b.add(ReduceSum((1,)), h) for h in large]
    total = small[0]
    for value in small[1:]:
        total = b.add(Add(), total, value)
    return b.build([Output("y", total)])


def bytes_at_peak(graph: Graph) -> int:
    """Counted plainly: what is live while each node runs, at N = 64."""
    sizes = {v: t.bind({"N": 64}).nbytes for v, t in graph.types.items()}
    most = 0
    for time, node in enumerate(graph.nodes):
        born = {i.value for i in graph.inputs} | {v for n in graph.nodes[:time + 1] for v in n.outputs}
        needed = {v for n in graph.nodes[time:] for v in n.inputs} | graph.kept | set(node.outputs)
        unread = {i.value for i in graph.inputs} - {v for n in graph.nodes for v in n.inputs}
        most = max(most, sum(sizes[v] for v in born & needed | unread))
    return most


def test_golden():
    assert str(ScheduleNodes().run(wide(2))) == text("""
        graph g
          input %0 x: f64[N,8]
          %1 = tanh(%0) : f64[N,8]
          %3 = reduce_sum{axes=(1,)}(%1) : f64[N]
          %2 = tanh(%0) : f64[N,8]
          %4 = reduce_sum{axes=(1,)}(%2) : f64[N]
          %5 = add(%3, %4) : f64[N]
          output y = %5
        """)


def test_numbers_stay():
    check_numbers(wide(), ScheduleNodes().run(wide()))


def test_second_run_changes_nothing():
    check_settled(ScheduleNodes(), wide())


def test_the_peak_falls_as_counted_plainly():
    before, after = wide(5), ScheduleNodes().run(wide(5))
    assert bytes_at_peak(after) < bytes_at_peak(before)
    for graph in (before, after):
        sizes = {v: t.bind({"N": 64}).nbytes for v, t in graph.types.items()}
        assert peak(graph, graph.nodes, sizes) == bytes_at_peak(graph)


def test_an_order_that_cannot_be_bettered_stays():
    b = Builder("g")
    h = b.input("x", f64(4, 3))
    for _ in range(5):
        h = b.add(Tanh(), h)
    graph = b.build([Output("y", h)])
    assert ScheduleNodes().run(graph) is graph


def test_a_view_keeps_its_source_alive():
    b = Builder("g")
    x = b.input("x", f64(4, 3))
    views = [b.add(Reshape((12,)), b.add(Tanh(), x)) for _ in range(3)]
    sums = [b.add(ReduceSum((0,)), view) for view in views]
    graph = b.build([Output(f"y{i}", value) for i, value in enumerate(sums)])
    sizes = {v: t.nbytes for v, t in graph.types.items()}
    assert peak(graph, graph.nodes, sizes) == 4 * 12 * 8  # x and all three
    after = check_settled(ScheduleNodes(), graph)
    assert peak(after, after.nodes, sizes) == 2 * 12 * 8 + 2 * 8  # x, the third, and two sums
    check_numbers(graph, after)


def test_phases_keep_their_order():
    b = Builder("g")
    x = b.input("x", f64(4, 3))
    with b.at(Origin(), BACKWARD):
        large = [b.add(Tanh(), x) for _ in range(3)]
        small = [b.add(ReduceSum((0, 1)), h) for h in large]
    graph = b.build([Output(f"y{i}", value) for i, value in enumerate(small)])
    after = ScheduleNodes().run(graph)
    assert [node.op.name for node in after.nodes] == ["tanh", "reduce_sum"] * 3
    assert {node.phase for node in after.nodes} == {BACKWARD}


@given(st.data())
def test_any_graph_stays_valid_and_never_gets_worse(data):
    b = Builder("g")
    values = [b.input("x", f64(4, 3))]
    for _ in range(data.draw(st.integers(1, 12))):
        a, c = (data.draw(st.sampled_from(values)) for _ in range(2))
        values.append(b.add(Add(), a, c) if data.draw(st.booleans()) else b.add(Tanh(), a))
    kept = data.draw(st.lists(st.sampled_from(values[1:]), min_size=1, unique=True))
    graph = b.build([Output(f"y{i}", value) for i, value in enumerate(kept)])
    after = ScheduleNodes().run(graph)
    check_graph(after)
    sizes = {v: t.nbytes for v, t in graph.types.items()}
    assert sorted(n.outputs for n in after.nodes) == sorted(n.outputs for n in graph.nodes)
    assert peak(after, after.nodes, sizes) <= peak(graph, graph.nodes, sizes)
