"""The memory planner by itself: blocks with lifetimes in, offsets out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphnet.compiler.planning.memory import (
    Block,
    _by_area,
    _by_size,
    _by_time,
    _place_few,
    _place_many,
    align,
    lower_bound,
    plan,
)
from graphnet.compiler.planning.program import ALIGNMENT


@st.composite
def blocks(draw):
    first = draw(st.integers(-1, 30))
    return Block(draw(st.integers(0, 1000)), first, first + draw(st.integers(0, 12)))


def check(planned, given_blocks):
    offsets, total = planned
    assert len(offsets) == len(given_blocks)
    for offset, block in zip(offsets, given_blocks, strict=True):
        assert offset % ALIGNMENT == 0
        assert offset >= 0
        assert offset + block.size <= total
    placed = list(zip(offsets, given_blocks, strict=True))
    for i, (offset, block) in enumerate(placed):
        for other_offset, other in placed[:i]:
            together = block.first <= other.last and other.first <= block.last
            apart = offset + block.size <= other_offset or other_offset + other.size <= offset
            assert not together or apart or not block.size or not other.size, f"{block} and {other} overlap"
    assert lower_bound(given_blocks) <= total
    assert total <= sum(align(block.size) for block in given_blocks)


@pytest.mark.parametrize("planner", [plan, _by_area, _by_size, _by_time])
@given(st.lists(blocks(), max_size=40))
def test_no_two_live_blocks_overlap(planner, given_blocks):
    check(planner(given_blocks), given_blocks)


@given(st.lists(blocks(), max_size=40))
def test_the_smallest_plan_is_kept(given_blocks):
    assert plan(given_blocks)[1] == min(
        planner(given_blocks)[1] for planner in (_by_area, _by_size, _by_time))


@given(st.lists(blocks(), max_size=40), st.randoms())
def test_few_blocks_are_placed_as_many_are(given_blocks, chance):
    order = chance.sample(range(len(given_blocks)), len(given_blocks))
    assert _place_few(given_blocks, order) == _place_many(given_blocks, order)


@given(st.lists(blocks(), max_size=20), st.integers(50, 70))
def test_blocks_larger_than_any_machine_are_placed_alike(given_blocks, power):
    """Their size can be asked all the same: nobody takes the memory."""
    large = [Block(align(block.size) << power, block.first, block.last) for block in given_blocks]
    assert _place_many(large, range(len(large))) == _place_few(large, range(len(large)))


@given(st.lists(blocks(), max_size=20))
def test_equal_blocks_have_equal_plans(given_blocks):
    assert plan(given_blocks) == plan(list(given_blocks))


def test_nothing_takes_nothing():
    assert plan([]) == ([], 0)
    assert lower_bound([]) == 0


def test_one_after_the_other_share_memory():
    assert plan([Block(100, 0, 1), Block(100, 2, 3), Block(100, 4, 4)]) == ([0, 0, 0], 128)


def test_touching_lifetimes_do_not_share():
    """Both ends count: an instruction reads one block and writes the other."""
    assert plan([Block(64, 0, 1), Block(64, 1, 2)])[1] == 128


def test_lower_bound_is_the_most_that_lives_at_once():
    assert lower_bound([Block(64, 0, 2), Block(64, 1, 3), Block(128, 4, 5)]) == 128


@pytest.mark.parametrize(("size", "aligned"), [(0, 0), (1, 64), (64, 64), (65, 128)])
def test_align(size, aligned):
    assert align(size) == aligned


def test_thousands_of_blocks():
    chain = [Block(100, i, i + 1) for i in range(20_000)]
    assert plan(chain)[1] == 256
