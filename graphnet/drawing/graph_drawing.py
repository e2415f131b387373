"""Makes a drawing of a Graph: boxes with text and paths between them, in points, without saying how they are painted.

Prediction flows down. A training graph has two columns: forward flows down on the left, backward and update flow up on
the right, so that what belongs to one layer stands side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from graphnet.compiler.ir import FORWARD, UPDATE, Graph, Node
from graphnet.compiler.op import Op
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.planning.program import layers_of
from graphnet.compiler.types import TensorType
from graphnet.compiler.words import LINE as MOST
from graphnet.compiler.words import label, visible
from graphnet.drawing.layering import Layering

FONT, LINE = 9.0, 12.0
_CHARACTER = 0.61 * FONT  # the advance of a monospaced face
_PAD, _GAP, _RANK_GAP, _COLUMN_GAP = 8.0, 18.0, 22.0, 90.0

Point = tuple[float, float]
FLOW, GRADIENT, KEPT = "flow", "gradient", "kept"


@dataclass(frozen=True, slots=True)
class Box:
    """A node or an input: centre, size, lines of text, the first of them the op's, and its layer."""

    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...]
    layer: str
    tip: str
    rounded: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """A value that goes from one box to another: a `FLOW`, a `GRADIENT` for the update, or one that is `KEPT` from the
    forward for the backward pass.
    """

    points: tuple[Point, ...]
    kind: str = FLOW

    @property
    def curves(self) -> list[tuple[Point, Point, Point]]:
        """The cubic Bézier curves that it is drawn as, from the first point on: two control points and the end."""
        found = []
        for (x0, y0), (x1, y1) in pairwise(self.points):
            x, y = (x0 + x1) / 2, (y0 + y1) / 2
            found.append(((x, y0), (x, y1), (x1, y1)) if self.kind == KEPT else ((x0, y), (x1, y), (x1, y1)))
        return found


@dataclass(frozen=True, slots=True)
class Drawing:
    """Boxes and arrows; y grows downwards."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


@dataclass(frozen=True, slots=True)
class _Item:
    lines: tuple[str, ...]
    layer: str
    tip: str
    made: tuple[int, ...]
    read: tuple[int, ...]
    phase: str
    rounded: bool = False

    @property
    def forward(self) -> bool:
        return self.phase == FORWARD

    @property
    def width(self) -> float:
        return max(map(len, self.lines)) * _CHARACTER + 2 * _PAD

    @property
    def height(self) -> float:
        return len(self.lines) * LINE + _PAD


def draw_graph(graph: Graph) -> Drawing:
    """The drawing of a graph; weights and states are left out, and inputs that nothing reads."""
    items = [*_inputs(graph), *(_of_node(graph, node) for node in graph.nodes)]
    columns = [[item for item in items if item.forward is forward] for forward in (True, False)]
    boxes: dict[int, Box] = {}  # by the place of the item
    place = {id(item): i for i, item in enumerate(items)}
    maker = {value: i for i, item in enumerate(items) for value in item.made}
    arrows: list[Arrow] = []
    left = 0.0
    for column, upwards in zip(columns, (False, True), strict=True):
        if not column:
            continue
        placed, paths, width = _draw_column(column, upwards and len(columns[0]) > 0)
        boxes |= {place[id(item)]: replace(box, x=box.x + left) for item, box in zip(column, placed, strict=True)}
        arrows += [Arrow(tuple((x + left, y) for x, y in path), kind) for path, kind in paths]
        left += width + _COLUMN_GAP
    height = max(box.y + box.height / 2 for box in boxes.values())
    for item in columns[1]:
        makers = {maker[v] for v in item.read if v in maker and items[maker[v]].forward}
        arrows += [_across(boxes[m], boxes[place[id(item)]]) for m in sorted(makers)]
    return Drawing(left - _COLUMN_GAP, height, tuple(boxes[i] for i in sorted(boxes)), tuple(arrows))


def _draw_column(items: Sequence[_Item], upwards: bool) -> tuple[list[Box], list[tuple[tuple[Point, ...], str]], float]:
    maker = {value: i for i, item in enumerate(items) for value in item.made}
    edges = [(maker[v], i) for i, item in enumerate(items) for v in dict.fromkeys(item.read) if v in maker]
    layout = Layering([item.width for item in items], edges, _GAP)
    count = len(items)
    heights = [max((items[i].height for i in rank if i < count), default=0.0) for rank in layout.ranks]
    heights = heights[::-1] if upwards else heights
    tops = [above + i * _RANK_GAP for i, above in enumerate(accumulate(heights, initial=0.0))]

    def row(rank: int) -> int:
        return len(heights) - 1 - rank if upwards else rank

    def middle(item: int) -> float:
        at = row(layout.rank_of[item])
        return tops[at] + heights[at] / 2

    boxes = [Box(layout.x[i], middle(i), item.width, item.height, item.lines, item.layer, item.tip, item.rounded)
             for i, item in enumerate(items)]
    sign = -1 if upwards else 1
    paths = []
    for (start, end), route in layout.routes.items():
        inner = [(layout.x[i], middle(i) + sign * side * heights[row(layout.rank_of[i])] / 2)
                 for i in route[1:-1] for side in (-1, 1)]
        points = ((layout.x[start], boxes[start].y + sign * boxes[start].height / 2), *inner,
                  (layout.x[end], boxes[end].y - sign * boxes[end].height / 2))
        paths.append((points, GRADIENT if items[end].phase == UPDATE else FLOW))
    width = max(layout.x[i] + layout.widths[i] / 2 for i in range(len(layout.widths)))
    return boxes, paths, width


def _across(start: Box, end: Box) -> Arrow:
    """From the right side of a forward box to the left side of a backward box."""
    return Arrow(((start.x + start.width / 2, start.y), (end.x - end.width / 2, end.y)), KEPT)


def _inputs(graph: Graph) -> list[_Item]:
    return [_Item((label(item.name), _shapes([graph.types[item.value]])), item.origin.layer, str(item.origin),
                  (item.value,), (), graph.uses[item.value][0].phase, True)
            for item in graph.inputs if graph.uses.get(item.value)]


def _of_node(graph: Graph, node: Node) -> _Item:
    shapes = _shapes([graph.types[v] for v in node.outputs])
    names = op_lines(node.op)
    origins = layers_of(node.op, node.origin)
    layers = "+".join(dict.fromkeys(origin.layer for origin in origins if origin.layer))
    tip = label(f"{node.op} of {', '.join(map(str, origins))}", MOST)
    lines = (*names, "  ".join(part for part in (label(layers), shapes) if part))
    return _Item(lines, node.origin.layer, tip, node.outputs, node.inputs, node.phase)


def op_lines(op: Op) -> tuple[str, ...]:
    """The op's name, or those of a fused body, two a line."""
    if not isinstance(op, Fused):
        return (op.name,)
    names = [node.op.name for node in op.body.nodes]
    return tuple(("+ " if i else "") + " + ".join(names[i:i + 2]) for i in range(0, len(names), 2))


def _shapes(types: Sequence[TensorType]) -> str:
    first = visible("x".join(map(str, types[0].shape))) or "scalar"
    return first if len(types) == 1 else f"{first} and {len(types) - 1} more"
