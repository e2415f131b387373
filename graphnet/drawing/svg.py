"""Writes drawings as SVG: to stand in an HTML page, whose colours lines take, or by itself."""

from __future__ import annotations

from html import escape

from graphnet.drawing.boxes import FONT, LINE, Arrow, Box, Drawing
from graphnet.drawing.colours import darker
from graphnet.drawing.legend import SWATCH, Key

_MARGIN = 10.0
_ALONE = """
.graphnet-drawing text { font: 9px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; text-anchor: middle;
  fill: #111; } .graphnet-drawing .op { font-weight: 700; } .graphnet-drawing .layer { font-size: 8px; fill: #222; }
.graphnet-drawing .key { font-size: 8px; text-anchor: start; } .graphnet-drawing .ground { fill: #fcfcfb; }
.graphnet-drawing path { fill: none; stroke: #333; stroke-width: 0.9; } .graphnet-drawing polygon { fill: #333; }
"""
_SCALE = 1.2  # pixels of a page to a point, so that letters of 9 points are read with ease


def graph_svg(drawing: Drawing, label: str, attributes: str = "", inside: str = "") -> str:
    """A drawing of a graph. Every box has a tip with its attributes and its `file:line`.

    Args:
        drawing: what to draw.
        label: what it shows, for those who do not see it.
        attributes: more of the element.
        inside: what stands before the drawing.
    """
    left, top = -_MARGIN, -_MARGIN - drawing.head
    width, height = drawing.width + 2 * _MARGIN, drawing.height + drawing.head + 2 * _MARGIN
    parts = [f'<svg{attributes} viewBox="{left:g} {top:g} {width:.0f} {height:.0f}" width="{_SCALE * width:.0f}" '
             f'height="{_SCALE * height:.0f}" role="img" aria-label="{escape(label)}">{inside}']
    parts += [_key(key) for key in drawing.keys]
    parts += [_arrow(arrow) for arrow in drawing.arrows]
    parts += [_box(box) for box in drawing.boxes]
    return "\n".join([*parts, "</svg>"])


def alone_svg(drawing: Drawing, label: str) -> str:
    """A drawing as a file of its own, or in a notebook, on whatever ground: it brings its own.

    A notebook may put it into its page, so the rules of its style hold for what is in it and nothing else.
    """
    ground = (f'<style>{_ALONE}</style><rect class="ground" x="{-_MARGIN:g}" y="{-_MARGIN - drawing.head:g}" '
              f'width="100%" height="100%" rx="6"/>')
    return graph_svg(drawing, label, ' xmlns="http://www.w3.org/2000/svg" class="graphnet-drawing" '
                                     'style="max-width: 100%; height: auto"', ground)


def _key(key: Key) -> str:
    return (f'<rect x="{key.x:.1f}" y="{key.y - SWATCH / 2:.1f}" width="{SWATCH:g}" height="{SWATCH:g}" '
            f'fill="{key.colour}" stroke="{darker(key.colour)}"/>'
            f'<text class="key" x="{key.x + SWATCH + 5:.1f}" y="{key.y + 3:.1f}">{escape(key.text)}</text>')


def _box(box: Box) -> str:
    colour, radius = box.colour, box.height / 2 if box.text.rounded else 3
    lines = [f'<g><title>{escape(box.text.tip)}</title><rect x="{box.x - box.width / 2:.1f}" '
             f'y="{box.y - box.height / 2:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="{radius:g}" '
             f'fill="{colour}" stroke="{darker(colour)}"/>']
    for i, line in enumerate(box.lines):
        y = box.y + (i - (len(box.lines) - 1) / 2) * LINE + FONT * 0.35
        kind = "op" if i < len(box.text.title) else "layer"
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
