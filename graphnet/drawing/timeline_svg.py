"""Writes memory timelines as SVG that stands in an HTML page and takes its colours for lines and text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape

from graphnet.drawing.colours import darker, kind_colour
from graphnet.drawing.timeline import Fullest, Piece, Timeline

_WIDTH, _HEIGHT = 1000.0, 430.0
_LEFT, _BOTTOM, _TOP = 64.0, 34.0, 34.0
_TICKS = 6


def timeline_svg(timeline: Timeline, label: str) -> str:
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
        parts += _piece(piece, kind_colour(piece.kind), x(piece.first), y(piece.offset + piece.size),
                        (piece.last + 1 - piece.first) * across, piece.size * up)
    parts += _axes(timeline, x, y, scale, unit)
    if timeline.peak is not None:
        parts.append(_mark(timeline.peak, x(timeline.peak.instruction), across, y(0)))
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


def _mark(peak: Fullest, x: float, width: float, bottom: float) -> str:
    """A frame around the instruction during which most is live, and what it is."""
    right = x > _WIDTH / 2
    return (f'<rect class="peak" x="{x:.1f}" y="{_TOP}" width="{width:.1f}" height="{bottom - _TOP:.1f}"/>'
            f'<text class="note peak{" end" * right}" x="{x + width * right:.1f}" y="{_TOP - 20}">'
            f'{escape(peak.text)}</text>')


def _axes(timeline: Timeline, x: Callable[[float], float], y: Callable[[float], float], scale: int,
          unit: str) -> Iterator[str]:
    yield f'<line class="rule" x1="{_LEFT}" y1="{y(timeline.arena):.1f}" x2="{_WIDTH}" y2="{y(timeline.arena):.1f}"/>'
    yield f'<line class="rule" x1="{_LEFT}" y1="{y(0):.1f}" x2="{_WIDTH}" y2="{y(0):.1f}"/>'
    for tick in range(_TICKS):
        offset = timeline.arena * tick / (_TICKS - 1)
        size = f"{offset / scale:,.0f}" if offset >= 100 * scale else f"{offset / scale:.3g}"
        yield f'<text class="note end" x="{_LEFT - 6}" y="{y(offset) + 4:.1f}">{size}</text>'
    yield f'<text class="note end" x="{_LEFT - 6}" y="{_TOP - 7}">{unit}</text>'
    step = max(1, round(timeline.length / 20))
    for instruction in range(0, timeline.length, step):
        yield f'<text class="note" x="{x(instruction + 0.1):.1f}" y="{_HEIGHT - _BOTTOM + 14}">{instruction}</text>'
    yield f'<text class="note end" x="{_WIDTH}" y="{_HEIGHT - 4}">instruction</text>'
