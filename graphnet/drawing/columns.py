"""A column of a drawing: what is drawn, laid out in ranks that flow down or up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from graphnet.drawing.boxes import FLOW, GRADIENT, Arrow, Box, Point, Text
from graphnet.drawing.layering import Layering

_GAP, _RANK_GAP = 18.0, 22.0
_STRAIGHT = 0.05  # less than can be seen, in points


@dataclass(frozen=True, slots=True)
class Item:
    """What is to be a box: its text, the values that it makes, and those that it reads."""

    text: Text
    made: tuple[int, ...]
    read: tuple[int, ...]
    phase: str


def draw_column(items: Sequence[Item], upwards: bool, ends: Collection[str] = ()) -> tuple[
        list[Box], list[Arrow], float]:
    """Boxes, the arrows between them, and the width of a column.

    Args:
        items: what is drawn, in the order of the boxes.
        upwards: whether what reads a value stands above what makes it.
        ends: phases whose items gather what comes to them from far away in one strand; those arrows are gradients.
    """
    maker = {value: i for i, item in enumerate(items) for value in item.made}
    edges = [(maker[v], i) for i, item in enumerate(items) for v in dict.fromkeys(item.read) if v in maker]
    gathering = frozenset(i for i, item in enumerate(items) if item.read and item.phase in ends)
    layout = Layering([item.text.width for item in items], edges, _GAP, gathering)
    heights = [max((items[i].text.height for i in rank if i < len(items)), default=0.0) for rank in layout.ranks]
    heights = heights[::-1] if upwards else heights
    tops = [above + i * _RANK_GAP for i, above in enumerate(accumulate(heights, initial=0.0))]

    def row(item: int) -> int:
        rank = layout.rank_of[item]
        return len(heights) - 1 - rank if upwards else rank

    def middle(item: int) -> float:
        return tops[row(item)] + heights[row(item)] / 2

    boxes = [Box(layout.x[i], middle(i), item.text) for i, item in enumerate(items)]
    sign = -1 if upwards else 1
    arrows = []
    for (start, end), route in layout.routes.items():
        inner = [(layout.x[i], middle(i) + sign * side * heights[row(i)] / 2) for i in route[1:-1] for side in (-1, 1)]
        points = ((layout.x[start], boxes[start].y + sign * boxes[start].height / 2), *inner,
                  (layout.x[end], boxes[end].y - sign * boxes[end].height / 2))
        arrows.append(Arrow(_without_straights(points), GRADIENT if end in gathering else FLOW))
    return boxes, arrows, max(layout.x[i] + layout.widths[i] / 2 for i in range(len(layout.widths)))


def _without_straights(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points without those amid a straight way up or down, which are most where an arrow passes hundreds of ranks.
    """
    kept = [points[0]]
    for (x, y), (after, _) in pairwise(points[1:]):
        if max(abs(x - kept[-1][0]), abs(after - kept[-1][0])) > _STRAIGHT:
            kept.append((x, y))
    return *kept, points[-1]
