"""What weights are for, as the ops that take them say it."""

from dataclasses import replace

from graphnet.compiler import ops
from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Graph, Output
from graphnet.compiler.op import f64, registered_ops
from graphnet.compiler.parsing import parse_graph
from graphnet.compiler.roles import ROLES, roles_by_value


def graph() -> Graph:
    b = Builder("g")
    x, w = b.input("x", f64(2, 3)), b.parameter("w", f64(3, 4))
    declared = {"s": (2, 2), "t": (4,), "u": (2, 4)}
    scale, shift, unknown = (b.parameter(name, f64(*dims)) for name, dims in declared.items())
    penalised = b.add(ops.Penalty(0.0, 1.0), shift)  # says nothing
    y = b.add(ops.ScaleAxis(1), b.add(ops.MatMul(), x, w), b.add(ops.Reshape((4,)), scale))
    y = b.add(ops.Add(), b.add(ops.BiasAdd(1), y, shift), unknown)
    b.penalty("p", penalised)
    tied = b.add(ops.MatMul(), y, b.add(ops.Transpose((1, 0)), w))
    again = b.add(ops.MatMul(True), tied, b.add(ops.Transpose((1, 0)), w))
    return b.build([Output("y", b.add(ops.BiasAdd(1), again, shift))])


def named(g: Graph) -> dict[str, str]:
    roles = roles_by_value(g)
    return {p.name: roles[p.value] for p in g.parameters}


def test_ops_say_what_their_inputs_are_through_ops_that_only_move_elements() -> None:
    assert named(graph()) == {"w": "kernel", "s": "scale", "t": "bias", "u": "kernel"}


def test_a_role_of_its_own_counts_more_and_is_in_the_text() -> None:
    g = graph()
    own = replace(g, parameters=tuple(replace(p, role="slope") if p.name == "u" else p for p in g.parameters))
    assert named(own) == named(g) | {"u": "slope"}
    assert "u: f64[2,4] role slope\n" in own.text
    assert named(parse_graph(own.text)) == named(own)


def test_every_op_speaks_of_known_roles() -> None:
    for op in registered_ops().values():
        assert set(op.roles.values()) <= set(ROLES)
