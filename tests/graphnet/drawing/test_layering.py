from itertools import pairwise

import numpy as np
import pytest

from graphnet.drawing.layering import MOST_DUMMIES, MOST_STEPS, Layering, isotonic, longest_path_ranks


def random_edges(seed: int, count: int) -> list[tuple[int, int]]:
    rng = np.random.default_rng(seed)
    return [(i, j) for j in range(1, count) for i in range(j) if rng.random() < 3 / count] + [(count - 2, count - 1)]


def test_ranks_are_longest_paths() -> None:
    assert longest_path_ranks(5, [(0, 1), (1, 2), (0, 2), (2, 3)]) == [0, 1, 2, 3, 0]


def test_a_source_stands_right_above_its_first_reader() -> None:
    assert longest_path_ranks(4, [(0, 1), (1, 2), (3, 2)]) == [0, 1, 2, 1]


@pytest.mark.parametrize("seed", range(10))
def test_layers_hold(seed: int) -> None:
    count = 25
    edges = random_edges(seed, count)
    widths = list(np.random.default_rng(seed).uniform(10, 60, count))
    layout = Layering(list(widths), edges, gap=8)
    assert sorted(item for rank in layout.ranks for item in rank) == list(range(len(layout.widths)))
    for (start, end), route in layout.routes.items():
        assert (route[0], route[-1]) == (start, end)
        assert [layout.rank_of[i] for i in route] == list(range(layout.rank_of[start], layout.rank_of[end] + 1))
    for rank in layout.ranks:
        for left, right in pairwise(rank):
            between = layout.x[right] - layout.x[left]
            gap = 0 if left >= count and right >= count else 8  # lines may run closer to one another than boxes
            assert between >= (layout.widths[left] + layout.widths[right]) / 2 + gap - 1e-6
    assert min(x - w / 2 for x, w in zip(layout.x, layout.widths, strict=True)) == pytest.approx(0)


def test_crossings_are_undone() -> None:
    assert Layering([10.0] * 4, [(0, 3), (1, 2)], 5).crossings() == 0
    # two chains whose declaration is interleaved
    edges = [(0, 3), (1, 2), (2, 5), (3, 4), (4, 7), (5, 6)]
    assert Layering([10.0] * 8, edges, 5).crossings() == 0


def test_k_3_3_cannot_be_drawn_without() -> None:
    assert Layering([10.0] * 6, [(i, j) for i in range(3) for j in (3, 4, 5)], 5).crossings() == 9


def test_a_chain_is_a_straight_line() -> None:
    layout = Layering([10.0, 30.0, 20.0], [(0, 1), (1, 2)], 5)
    assert layout.x == pytest.approx([15.0] * 3)


def test_what_hangs_on_a_chain_does_not_bend_it() -> None:
    """Each item of a chain has a source beside it, as each convolution has its weights."""
    edges = [(i, i + 1) for i in range(7)] + [(8 + i, i + 1) for i in range(7)]
    layout = Layering([40.0] * 15, edges, 5)
    assert max(layout.x[1:8]) - min(layout.x[1:8]) < 3
    assert max(layout.x) - min(layout.x) <= 93


def test_a_gathering_item_is_reached_in_one_strand() -> None:
    count = 12
    chain = [(i, i + 1) for i in range(count - 1)]
    hanging = [(i, count + i) for i in range(count - 1)]
    edges = chain + hanging + [(end, 2 * count) for _, end in hanging]
    loose, strand = (Layering([20.0] * (2 * count + 1), edges, 6, gathering)
                     for gathering in (frozenset(), frozenset([2 * count])))
    dummies = range(2 * count + 1, len(strand.widths))
    assert len(dummies) == len({strand.rank_of[i] for i in dummies})
    assert len(strand.widths) < len(loose.widths)
    for start, end in edges:
        route = strand.routes[start, end]
        assert [strand.rank_of[i] for i in route] == list(range(strand.rank_of[start], strand.rank_of[end] + 1))
    reach, narrow = (max(layout.x) for layout in (loose, strand))
    assert narrow < reach


def test_isotonic_regression() -> None:
    assert isotonic([3, 1], [3, 1]) == [2.5, 2.5]
    assert isotonic([1, 3, 2, 4]) == [1, 2.5, 2.5, 4]
    assert isotonic([3, 2, 1]) == [2, 2, 2]
    assert isotonic([]) == []


def test_very_many_long_edges_are_drawn_straight() -> None:
    count = 400
    chain = [(i, i + 1) for i in range(count - 1)]
    layout = Layering([10.0] * count, chain + [(i, count - 1) for i in range(count - 2)], 5)
    assert len(layout.widths) <= count + MOST_DUMMIES
    assert layout.routes[0, count - 1] == [0, count - 1]
    assert len(layout.routes[count - 5, count - 1]) == 5


def test_the_same_graph_gives_the_same_layout() -> None:
    edges = random_edges(3, 30)
    assert Layering([10.0] * 30, edges, 5).x == Layering([10.0] * 30, edges, 5).x


def test_the_work_stays_linear_where_a_gathering_item_has_very_many_edges() -> None:
    """Edges that share dummies have routes of their own: of n items in a row n²/2 steps."""
    count = 1000
    edges = [*pairwise(range(count)), *((i, count) for i in range(count))]
    layout = Layering([10.0] * (count + 1), edges, 6.0, frozenset([count]))
    assert set(layout.routes) == set(edges)
    assert sum(map(len, layout.routes.values())) < MOST_STEPS + 2 * len(edges)
    assert len(layout.routes[count - 100, count]) > 50
    assert layout.routes[0, count] == [0, count]
