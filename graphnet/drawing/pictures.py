"""Paints drawings, memory timelines and time bars with matplotlib, on a canvas of their own, never pyplot's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from graphnet.compiler.ir import BACKWARD, FORWARD, UPDATE
from graphnet.drawing.colours import darker
from graphnet.drawing.figures import new_figure
from graphnet.drawing.graph_drawing import FLOW, FONT, GRADIENT, KEPT, LINE, Arrow, Box, Drawing
from graphnet.drawing.plot_text import plot_text
from graphnet.drawing.timeline import Timeline
from graphnet.runtime.profiling import Profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS = 72.0
_MARGIN, _TITLE = 14.0, 26.0
_MEMORY_INCHES = (11.0, 5.6)
_MOST_IN_LEGEND = 24
_PHASE_COLOURS = {FORWARD: "#4c78a8", BACKWARD: "#f58518", UPDATE: "#54a24b"}
_ARROWS = {FLOW: "#333333", GRADIENT: "#a0a0a0", KEPT: "#b9b9b9"}


def paint_graph(drawing: Drawing, title: str, colours: Mapping[str, str]) -> Figure:
    """A figure as large as the drawing, with text of 9 points."""
    figure = new_figure((drawing.width + 2 * _MARGIN) / _POINTS, (drawing.height + 2 * _MARGIN + _TITLE) / _POINTS)
    axes = figure.add_subplot()
    axes.set_position((0, 0, 1, 1))
    axes.set_xlim(-_MARGIN, drawing.width + _MARGIN)
    axes.set_ylim(drawing.height + _MARGIN, -_MARGIN - _TITLE)
    axes.axis("off")
    axes.text(0, -_TITLE / 2 - 4, plot_text(title), fontsize=FONT + 2, fontweight="bold", va="center")
    for arrow in sorted(drawing.arrows, key=lambda arrow: arrow.kind == FLOW):
        _paint_arrow(axes, arrow)
    for box in drawing.boxes:
        _paint_box(axes, box, colours.get(box.layer, colours[""]))
    return figure


def _paint_box(axes: Axes, box: Box, colour: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    style = f"round,pad=0,rounding_size={box.height / 2 if box.rounded else 3}"
    axes.add_patch(FancyBboxPatch((box.x - box.width / 2, box.y - box.height / 2), box.width, box.height, style,
                                  facecolor=colour, edgecolor=darker(colour), linewidth=1, zorder=2))
    for i, line in enumerate(box.lines):
        last = i == len(box.lines) - 1
        axes.text(box.x, box.y + (i - (len(box.lines) - 1) / 2) * LINE, plot_text(line), ha="center",
                  va="center_baseline", family="monospace", fontsize=FONT - 1 if last else FONT,
                  color="#444444" if last else "black", fontweight="normal" if last else "bold", zorder=3)


def _paint_arrow(axes: Axes, arrow: Arrow) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    vertices, codes = [arrow.points[0]], [int(Path.MOVETO)]
    for curve in arrow.curves:
        vertices += curve
        codes += [int(Path.CURVE4)] * 3
    axes.add_patch(FancyArrowPatch(
        path=Path(vertices, codes), arrowstyle="-|>,head_length=4,head_width=2", shrinkA=0, shrinkB=0, zorder=1,
        color=_ARROWS[arrow.kind], linewidth=0.8, linestyle="--" if arrow.kind == KEPT else "-", fill=False))


def paint_timeline(timeline: Timeline, title: str, colours: Mapping[str, str]) -> Figure:
    """The arena over the instructions: each piece of memory is a rectangle, coloured by the layer that fills it."""
    from matplotlib.patches import Patch, Rectangle

    figure = new_figure(*_MEMORY_INCHES, layout="constrained")
    axes = figure.add_subplot()
    scale, unit = timeline.unit
    for piece in timeline.pieces:
        colour = colours.get(piece.layer, colours[""])
        axes.add_patch(Rectangle((piece.first, piece.offset / scale), piece.last + 1 - piece.first, piece.size / scale,
                                 facecolor=colour, edgecolor=darker(colour), linewidth=0.6,
                                 hatch="////" if piece.scratch else None))
        wide = piece.last + 1 - piece.first > 0.011 * timeline.length * len(piece.label)
        if wide and piece.size > 0.028 * timeline.arena:
            axes.text((piece.first + piece.last + 1) / 2, (piece.offset + piece.size / 2) / scale,
                      plot_text(piece.label), ha="center", va="center", fontsize=7)
    for phase, (first, last) in timeline.phases.items():
        axes.axvline(first, color="#999999", linewidth=0.8)
        if last - first > 0.04 * timeline.length:
            axes.text(first + 0.2, timeline.arena / scale * 1.015, phase, fontsize=8, color="#666666")
    axes.axhline(timeline.arena / scale, color="#c0392b", linewidth=1)
    axes.set_xlim(timeline.first, timeline.length)
    axes.set_ylim(0, timeline.arena / scale * 1.06 or 1)
    axes.set_xlabel("instruction")
    axes.set_ylabel(f"place in the arena ({unit})")
    axes.set_title(plot_text(title), loc="left", fontweight="bold")
    layers = list(dict.fromkeys(piece.layer for piece in timeline.pieces))
    handles = [Patch(facecolor=colours.get(name, colours[""]), edgecolor=darker(colours.get(name, colours[""])),
                     label=plot_text(name) or "input") for name in layers[:_MOST_IN_LEGEND]]
    handles.append(Patch(facecolor="white", edgecolor="#777777", hatch="////", label="scratch"))
    axes.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False)
    return figure


def paint_times(profile: Profile, title: str) -> Figure:
    """Bars of the time of each layer, by phase."""
    places = range(len(profile.layers))
    figure = new_figure(8.0, 1.5 + 0.3 * len(places), layout="constrained")
    axes = figure.add_subplot()
    left = [0.0] * len(places)
    for phase, colour in _PHASE_COLOURS.items():
        times = [getattr(row, phase) * 1e3 for row in profile.layers]
        if any(times):
            axes.barh(places, times, left=left, color=colour, label=phase, height=0.7)
        left = [a + b for a, b in zip(left, times, strict=True)]
    longest = max(left)
    for position, (row, end) in enumerate(zip(profile.layers, left, strict=True)):
        rate = f"{row.flops / row.seconds / 1e9:.1f} GFLOP/s" if row.seconds else ""
        axes.text(end + 0.01 * longest, position, f"{end:.3f} ms  {rate}", va="center", fontsize=8)
    axes.set_yticks(places, [plot_text(row.layer) for row in profile.layers])
    axes.set_xlim(0, longest * 1.3)
    axes.invert_yaxis()
    axes.set_xlabel("ms a step")
    axes.set_title(plot_text(title), loc="left", fontweight="bold")
    axes.legend(fontsize=8, loc="lower right")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure
