"""Layered drawing of directed graphs (Sugiyama, Tagawa and Toda 1981): ranks, order within them, positions.

Ranks are longest paths from the sources. Edges over several ranks are cut by dummies, so that they find a way between
the boxes; in very large graphs only the shorter ones, so that the work stays linear. What comes to a gathering item
from far away shares its dummies, so that it arrives in one strand. Crossings are reduced by barycentres, sweeping down
and up. Positions come last: each item moves towards its neighbours as far as those beside it allow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Edge = tuple[int, int]
_ORDER_SWEEPS, _POSITION_SWEEPS = 24, 24
_LIGHT = 0.01
MOST_DUMMIES, MOST_STEPS = 4000, 300_000  # of all routes: those that share dummies take steps as well


@dataclass
class Layering:
    """Items 0, 1, … (dummies behind the given ones) with their ranks, centres and neighbours.

    Attributes:
        widths: of each item; dummies are narrow.
        edges: those given.
        gap: the least space between items of a rank; two dummies stand closer.
        gathering: items whose long edges come in one strand.
        ranks: the items of each rank, from left to right.
        x: the centre of each item.
        rank_of: the rank of each item.
        routes: for each edge the items that it passes through, its ends included.
    """

    widths: list[float]
    edges: Sequence[Edge]
    gap: float
    gathering: frozenset[int] = frozenset()
    ranks: list[list[int]] = field(default_factory=list)
    x: list[float] = field(default_factory=list)
    rank_of: list[int] = field(default_factory=list)
    routes: dict[Edge, list[int]] = field(default_factory=dict)
    _count: int = 0  # of items that are no dummies
    _strands: frozenset[int] = frozenset()
    _light: frozenset[int] = frozenset()
    _above: dict[int, list[int]] = field(default_factory=dict)
    _below: dict[int, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.edges = list(dict.fromkeys(self.edges))
        self._count = len(self.widths)
        self.rank_of = longest_path_ranks(len(self.widths), self.edges)
        self._cut_long_edges()
        self.ranks = [[] for _ in range(max(self.rank_of, default=-1) + 1)]
        for item, rank in enumerate(self.rank_of):
            self.ranks[rank].append(item)
        self._order()
        self._place()

    def _cut_long_edges(self) -> None:
        budget, steps = MOST_DUMMIES, MOST_STEPS
        strands: dict[Edge, int] = {}  # the dummy of a gathering item in a rank
        for start, end in sorted(self.edges, key=lambda edge: self.rank_of[edge[1]] - self.rank_of[edge[0]]):
            between = range(self.rank_of[start] + 1, self.rank_of[end])
            budget -= sum((end, rank) not in strands for rank in between)
            steps -= len(between)
            if min(budget, steps) < 0:
                self.routes[start, end] = [start, end]
                continue
            route = [start]
            for rank in between:
                dummy = strands.get((end, rank), len(self.widths))
                if end in self.gathering:
                    strands[end, rank] = dummy
                if dummy == len(self.widths):
                    self.widths.append(self.gap / 2)
                    self.rank_of.append(rank)
                route.append(dummy)
            self.routes[start, end] = route = [*route, end]
            for upper, lower in pairwise(route):
                if lower not in self._below.setdefault(upper, []):
                    self._below[upper].append(lower)
                    self._above.setdefault(lower, []).append(upper)
        self._strands = self.gathering | frozenset(strands.values())
        self._light = self._find_light(self._strands)

    def _find_light(self, strands: frozenset[int]) -> frozenset[int]:
        """What makes room for others and follows them: strands, sources and their long edges, and what ends there."""
        sources = {item for item in range(self._count) if item not in self._above}
        from_sources = {item for (start, _), route in self.routes.items() if start in sources for item in route[1:-1]}
        ending = {item for item in range(self._count) if strands.issuperset(self._below.get(item, ()))}
        return strands | sources | from_sources | ending

    def _order(self) -> None:
        best, fewest = [list(rank) for rank in self.ranks], self.crossings()
        for sweep in range(_ORDER_SWEEPS):
            if fewest == 0:
                break
            down = sweep % 2 == 0
            neighbours = self._above if down else self._below
            for beside, rank in pairwise(self.ranks if down else self.ranks[::-1]):
                place = {item: i for i, item in enumerate(beside)}
                centres = {item: _mean([place[n] for n in neighbours.get(item, ())], i) for i, item in enumerate(rank)}
                rank.sort(key=centres.__getitem__)
            crossings = self.crossings()
            if crossings < fewest:
                best, fewest = [list(rank) for rank in self.ranks], crossings
        self.ranks = best

    def crossings(self) -> int:
        """How often edges between neighbouring ranks cross."""
        total = 0
        for upper, lower in pairwise(self.ranks):
            place = {item: i for i, item in enumerate(lower)}
            ends = [sorted(place[n] for n in self._below.get(item, ())) for item in upper]
            flat = [end for group in ends for end in group]
            total += sum(a > b for i, a in enumerate(flat) for b in flat[i + 1:])
        return total

    def _place(self) -> None:
        self.x = [0.0] * len(self.widths)
        for rank in self.ranks:
            self._settle(rank, dict.fromkeys(rank, 0.0))
        for sweep in range(_POSITION_SWEEPS):
            if sweep == _POSITION_SWEEPS - 2:
                self._draw_strands_close()
            down = sweep % 2 == 0
            for rank in self.ranks if down else reversed(self.ranks):
                near, far = (self._above, self._below) if down else (self._below, self._above)
                wanted = {item: _mean([self.x[n] for n in self._followed(item, near.get(item, []), far.get(item, []))],
                                      self.x[item]) for item in rank}
                self._settle(rank, wanted)
        left = min((self.x[i] - w / 2 for i, w in enumerate(self.widths)), default=0.0)
        self.x = [x - left for x in self.x]

    def _draw_strands_close(self) -> None:
        """Moves each strand, straight as it is, towards what it gathers, as far as there is room beside it.

        Its end goes with it, and the sources that lead to nothing else.
        """
        for end in self.gathering:
            routes = [route for (_, to), route in self.routes.items() if to == end]
            moved = {end, *(i for route in routes for i in route[1:-1]),
                     *(route[0] for route in routes if route[0] not in self._above and len(self._below[route[0]]) == 1)}
            gathered = [self.x[route[0]] for route in routes if route[0] not in moved]
            way = 1 if _mean(gathered, 0.0) > self.x[end] else -1
            pairs = (pair[::way] for rank in self.ranks for pair in pairwise(rank))
            room = [abs(self.x[beside] - self.x[item]) - self._apart(item, beside)
                    for item, beside in pairs if item in moved and beside not in moved]
            for item in moved:
                self.x[item] += way * min(room, default=0.0)

    def _followed(self, item: int, near: list[int], far: list[int]) -> list[int]:
        """The neighbours that an item moves towards: those of one side that are not light, or else of the other.

        A strand goes straight on.
        """
        if item in self._strands:
            firm = ([n for n in side if n in self._strands] for side in (near, far))
        else:
            firm = ([n for n in side if n not in self._light] for side in (near, far))
        return next(filter(None, firm), near or far)

    def _settle(self, rank: list[int], wanted: Mapping[int, float]) -> None:
        """Puts a rank where its items want to be, least squares, without changing order or overlapping."""
        offsets: list[float] = []
        reach = 0.0
        for left, right in pairwise([rank[0], *rank]):
            reach += self._apart(left, right) if offsets else 0.0
            offsets.append(reach)
        levels = isotonic([wanted[item] - offset for item, offset in zip(rank, offsets, strict=True)],
                          [_LIGHT if item in self._light else 1.0 for item in rank])
        for item, offset, level in zip(rank, offsets, levels, strict=True):
            self.x[item] = level + offset

    def _apart(self, left: int, right: int) -> float:
        """The least distance between the centres of two items of a rank."""
        both = left >= self._count and right >= self._count
        return (self.widths[left] + self.widths[right]) / 2 + (0.0 if both else self.gap)


def longest_path_ranks(count: int, edges: Sequence[Edge]) -> list[int]:
    """The length of the longest path from a source to each item; sources move down to right above their readers."""
    import networkx as nx

    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from(edges)
    ranks = [0] * count
    for rank, items in enumerate(nx.topological_generations(graph)):
        for item in items:
            ranks[item] = rank
    for item in graph:
        if graph.in_degree(item) == 0 and graph.out_degree(item):
            ranks[item] = min(ranks[reader] for reader in graph.successors(item)) - 1
    return ranks


def isotonic(values: Sequence[float], weights: Sequence[float] | None = None) -> list[float]:
    """The non-decreasing sequence nearest to `values` in (weighted) least squares.

    Pool adjacent violators (Ayer et al. 1955).
    """
    blocks: list[tuple[float, float, int]] = []  # mean, weight, length
    for value, weight in zip(values, weights or [1.0] * len(values), strict=True):
        blocks.append((value, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, u, m), (b, v, n) = blocks[-2:]
            blocks[-2:] = [((a * u + b * v) / (u + v), u + v, m + n)]
    return [mean for mean, _, length in blocks for _ in range(length)]


def _mean(numbers: Sequence[float], otherwise: float) -> float:
    return sum(numbers) / len(numbers) if numbers else otherwise
