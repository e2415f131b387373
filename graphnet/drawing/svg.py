"""Writes drawings and memory timelines as SVG that stands in an HTML page; lines and text take the page's colours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from html import escape

from graphnet.drawing.colours import darker
from graphnet.drawing.graph_drawing import FONT, LINE, Arrow, Box, Drawing
from graphnet.drawing.timeline import Piece, Timeline

_MARGIN = 10.0
_WIDTH, _HEIGHT = 1000.0, 420.0
_LEFT, _BOTTOM, _TOP = 64.0, 34.0, 18.0
_TICKS = 6


def graph_svg(drawing: Drawing, colours: Mapping[str, str], label: str) -> str:
    """A drawing of a graph. Every box has a tip with its attributes and its `file:line`."""
    width, height = drawing.width + 2 * _MARGIN, drawing.height + 2 * _MARGIN
    parts = [f'<svg viewBox="{-_MARGIN:g} {-_MARGIN:g} {width:.0f} {height:.0f}" width="{width:.0f}" '
             f'height="{height:.0f}" role="img" aria-label="{escape(label)}">']
    parts += [_arrow(arrow) for arrow in drawing.arrows]
    parts += [_box(box, colours.get(box.layer, colours[""])) for box in drawing.boxes]
    return "\n".join([*parts, "</svg>"])


def timeline_svg(timeline: Timeline, colours: Mapping[str, str], label: str) -> str:
    """The arena over the instructions. Every piece has a tip that says what lies there and when."""
    scale, unit = timeline.unit
    across = (_WIDTH - _LEFT) / max(timeline.length - timeline.first, 1)
    up = (_HEIGHT - _BOTTOM - _TOP) / max(timeline.arena, 1)

    def x(instruction: float) -> float:
        return _LEFT + (instruction - timeline.first) * across

    def y(offset: float) -> float:
        return _HEIGHT - _BOTTOM - offset * up

    parts = [f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" class="wide" role="img" aria-label="{escape(label)}">',
             '<defs><pattern id="scratch" width="6" height="6" patternUnits="userSpaceOnUse" '
             'patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="6" class="hatch"/></pattern></defs>']
    for phase, (first, last) in timeline.phases.items():
        parts.append(f'<line class="rule" x1="{x(first):.1f}" y1="{_TOP}" x2="{x(first):.1f}" y2="{y(0):.1f}"/>')
        if (last - first) * across > 8 * len(phase):
            parts.append(f'<text class="note" x="{x(first) + 4:.1f}" y="{_TOP - 5}">{phase}</text>')
    for piece in timeline.pieces:
        parts += _piece(piece, colours.get(piece.layer, colours[""]), x(piece.first), y(piece.offset + piece.size),
                        (piece.last + 1 - piece.first) * across, piece.size * up)
    parts += _axes(timeline, x, y, scale, unit)
    return "\n".join([*parts, "</svg>"])


def _piece(piece: Piece, colour: str, x: float, y: float, width: float, height: float) -> Iterator[str]:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.2f}"'
    yield (f'<rect {place} fill="{colour}" stroke="{darker(colour)}" stroke-width="0.7">'
           f'<title>{escape(piece.tip)}</title></rect>')
    if piece.scratch:
        yield f'<rect {place} fill="url(#scratch)" class="through"/>'
    if width > 6.5 * len(piece.label) and height > 11:
        yield (f'<text class="inside" x="{x + width / 2:.1f}" y="{y + height / 2 + 3.5:.1f}">'
               f'{escape(piece.label)}</text>')


def _axes(timeline: Timeline, x: Callable[[float], float], y: Callable[[float], float], scale: int,
          unit: str) -> Iterator[str]:
    yield f'<line class="peak" x1="{_LEFT}" y1="{y(timeline.arena):.1f}" x2="{_WIDTH}" y2="{y(timeline.arena):.1f}"/>'
    yield f'<line class="rule" x1="{_LEFT}" y1="{y(0):.1f}" x2="{_WIDTH}" y2="{y(0):.1f}"/>'
    for tick in range(_TICKS):
        offset = timeline.arena * tick / (_TICKS - 1)
        yield f'<text class="note end" x="{_LEFT - 6}" y="{y(offset) + 4:.1f}">{offset / scale:.3g}</text>'
    yield f'<text class="note end" x="{_LEFT - 6}" y="{_TOP - 7}">{unit}</text>'
    step = max(1, round(timeline.length / 20))
    for instruction in range(0, timeline.length, step):
        yield f'<text class="note" x="{x(instruction + 0.1):.1f}" y="{_HEIGHT - _BOTTOM + 14}">{instruction}</text>'
    yield f'<text class="note end" x="{_WIDTH}" y="{_HEIGHT - 4}">instruction</text>'


def _box(box: Box, colour: str) -> str:
    radius = box.height / 2 if box.rounded else 3
    lines = [f'<g><title>{escape(box.tip)}</title><rect x="{box.x - box.width / 2:.1f}" '
             f'y="{box.y - box.height / 2:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="{radius:g}" '
             f'fill="{colour}" stroke="{darker(colour)}"/>']
    for i, line in enumerate(box.lines):
        y = box.y + (i - (len(box.lines) - 1) / 2) * LINE + FONT * 0.35
        kind = "layer" if i == len(box.lines) - 1 else "op"
        lines.append(f'<text class="{kind}" x="{box.x:.1f}" y="{y:.1f}">{escape(line)}</text>')
    return "".join([*lines, "</g>"])


def _arrow(arrow: Arrow) -> str:
    path = "M" + _point(arrow.points[0]) + "".join(
        "C" + " ".join(map(_point, curve)) for curve in arrow.curves)
    (x, y), ((_, _), (bx, by), _) = arrow.points[-1], arrow.curves[-1]
    dx, dy = (0.0, 1.0 if y > by else -1.0) if abs(y - by) > abs(x - bx) else (1.0 if x > bx else -1.0, 0.0)
    head = ((x, y), (x - 5 * dx - 2.5 * dy, y - 5 * dy - 2.5 * dx), (x - 5 * dx + 2.5 * dy, y - 5 * dy + 2.5 * dx))
    points = " ".join(map(_point, head))
    return f'<path class="{arrow.kind}" d="{path}"/><polygon class="{arrow.kind} head" points="{points}"/>'


def _point(point: tuple[float, float]) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"
