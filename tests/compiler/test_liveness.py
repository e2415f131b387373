from hypothesis import given
from hypothesis import strategies as st

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Graph, Output
from graphnet.compiler.liveness import BEFORE, Life, lifetimes, live_bytes, owners
from graphnet.compiler.op import f64
from graphnet.compiler.ops import Add, Relu, Reshape, Tanh


def with_views() -> Graph:
    """x → a → view → view of the view → b, and c that nobody reads."""
    b = Builder("g")
    x, unread, w = b.input("x", f64(2, 3)), b.input("unread", f64(1)), b.parameter("w", f64(6))
    a = b.add(Tanh(), x)  # 3
    view = b.add(Reshape((3, 2)), a)  # 4
    again = b.add(Reshape((6,)), view)  # 5
    b.add(Relu(), x)  # 6
    y = b.add(Add(), again, w)  # 7
    assert (x, unread, w, a, view, again, y) == (0, 1, 2, 3, 4, 5, 7)
    return b.build([Output("y", y)])


def test_a_value_lives_until_its_last_view_was_read():
    graph = with_views()
    assert lifetimes(graph.nodes, graph.kept) == {
        0: Life(BEFORE, 3), 2: Life(BEFORE, 4), 3: Life(0, 4), 4: Life(1, 4), 5: Life(2, 4), 6: Life(3, 3),
        7: Life(4, 5)}


def test_views_may_count_as_any_other_node():
    graph = with_views()
    lives = lifetimes(graph.nodes, graph.kept, through_views=False)
    assert (lives[3], lives[4], lives[5]) == (Life(0, 1), Life(1, 2), Life(2, 4))


def test_what_is_given_out_lives_past_the_end_and_so_does_what_it_is_a_view_of():
    graph = with_views()
    assert lifetimes(graph.nodes, [5])[3] == Life(0, 5)
    assert lifetimes((), [0]) == {0: Life(BEFORE, 0)}


def test_owners_are_the_sources_of_views():
    assert owners(with_views()) == {0: 0, 1: 1, 2: 2, 3: 3, 4: 3, 5: 3, 6: 6, 7: 7}


def test_live_bytes_of_no_instructions_are_those_of_the_inputs():
    assert live_bytes([(5, BEFORE, BEFORE), (7, BEFORE, 0)], 0) == [12]


PIECES = st.lists(st.tuples(st.integers(0, 100), st.integers(BEFORE, 6), st.integers(BEFORE, 6)).map(
    lambda piece: (piece[0], min(piece[1:]), max(piece[1:]))))


@given(PIECES)
def test_live_bytes_as_counted_plainly(pieces):
    counted = [sum(size for size, first, last in pieces if first <= time <= last) for time in range(BEFORE, 7)]
    assert live_bytes(pieces, 7) == counted
    assert live_bytes(pieces, 6) == counted[:-1] or any(first == 6 for _, first, _ in pieces)
