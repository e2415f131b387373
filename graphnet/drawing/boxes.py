"""A drawing: boxes with text and arrows between them, in points, without saying how they are painted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from graphnet.compiler.ir import Origin
from graphnet.drawing.colours import kind_colour, kind_of, paler
from graphnet.drawing.legend import Key, legend_of, place_keys
from graphnet.drawing.plot_text import letters

FONT, SMALL, LINE = 9.0, 8.0, 12.0
ADVANCE = 0.61  # of a letter in a monospaced face, as a share of its size
_PAD = 8.0
_LEAST_FOR_KEYS = 330.0

Point = tuple[float, float]
FLOW, GRADIENT, KEPT = "flow", "gradient", "kept"


@dataclass(frozen=True, slots=True)
class Text:
    """What stands in a box: a title in bold, notes below it, and the tip that shows when one points at it.

    Inputs are `rounded`, weights `pale`.
    """

    title: tuple[str, ...]
    notes: tuple[str, ...]
    origin: Origin
    tip: str
    rounded: bool = False
    pale: bool = False

    @property
    def width(self) -> float:
        """What the longest line takes, with space at both sides."""
        sizes = [(FONT, line) for line in self.title] + [(SMALL, line) for line in self.notes]
        return max(size * ADVANCE * letters(line) for size, line in sizes) + 2 * _PAD

    @property
    def height(self) -> float:
        """What all lines take."""
        return (len(self.title) + len(self.notes)) * LINE + _PAD


@dataclass(frozen=True, slots=True)
class Box:
    """Text around a centre, of a layer of some kind."""

    x: float
    y: float
    text: Text

    @property
    def width(self) -> float:
        """As wide as its text asks for."""
        return self.text.width

    @property
    def height(self) -> float:
        """As high as its text asks for."""
        return self.text.height

    @property
    def lines(self) -> tuple[str, ...]:
        """Title and notes."""
        return (*self.text.title, *self.text.notes)

    @property
    def layer(self) -> str:
        """The name of the layer."""
        return self.text.origin.layer

    @property
    def kind(self) -> str:
        """The kind of the layer."""
        return kind_of(self.text.origin)

    @property
    def colour(self) -> str:
        """That of the kind."""
        return paler(kind_colour(self.kind)) if self.text.pale else kind_colour(self.kind)


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
    """Boxes and arrows below y = 0, which grows downwards, and the legend above it, as high as `head`."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    keys: tuple[Key, ...]
    head: float


def with_legend(boxes: Sequence[Box], arrows: Sequence[Arrow], width: float) -> Drawing:
    """A drawing of boxes and arrows, with a legend of their kinds above; the narrower one stands in the middle."""
    keys, reach, head = place_keys(legend_of(box.kind for box in boxes), max(width, _LEAST_FOR_KEYS))
    shift = max(0.0, (reach - width) / 2)
    height = max(box.y + box.height / 2 for box in boxes)
    moved = [Arrow(tuple((x + shift, y) for x, y in arrow.points), arrow.kind) for arrow in arrows]
    return Drawing(max(width, reach), height, tuple(replace(box, x=box.x + shift) for box in boxes), tuple(moved), keys,
                   head)
