"""Paints drawings, memory timelines and time bars with matplotlib, on a canvas of their own, never pyplot's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphnet.compiler.ir import BACKWARD, FORWARD, UPDATE
from graphnet.compiler.words import label
from graphnet.drawing.boxes import ADVANCE, FLOW, FONT, GRADIENT, KEPT, LINE, SMALL, Arrow, Box, Drawing
from graphnet.drawing.colours import darker, kind_colour
from graphnet.drawing.figures import new_figure, picture_style
from graphnet.drawing.graph_drawing import MOST_IN_NAME
from graphnet.drawing.legend import KEY_FONT, SWATCH, Key, legend_of
from graphnet.drawing.plot_text import letters, plot_text
from graphnet.drawing.timeline import Timeline
from graphnet.runtime.profile_report import Profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS = 72.0
_MARGIN, _TITLE = 14.0, 26.0
_TITLE_FONT, _MOST_IN_TITLE = 11.0, 90
_MEMORY_INCHES, _KEYS_IN_ROW = (11.0, 5.8), 4
_PHASE_COLOURS = {FORWARD: "#4c78a8", BACKWARD: "#f58518", UPDATE: "#54a24b"}
_NOTE, _PEAK, _OTHER = "#222222", "#b03020", "#999999"
_ARROWS = {FLOW: "#333333", GRADIENT: "#a0a0a0", KEPT: "#b9b9b9"}


@picture_style()
def paint_graph(drawing: Drawing, title: str) -> Figure:
    """A figure as large as the drawing and its title, with text of 9 points."""
    title, head = label(title, _MOST_IN_TITLE), drawing.head + _TITLE
    width = max(drawing.width, letters(title) * ADVANCE * _TITLE_FONT)
    figure = new_figure((width + 2 * _MARGIN) / _POINTS, (drawing.height + 2 * _MARGIN + head) / _POINTS)
    axes = figure.add_subplot()
    axes.set_position((0, 0, 1, 1))
    axes.set_xlim(-_MARGIN, width + _MARGIN)
    axes.set_ylim(drawing.height + _MARGIN, -_MARGIN - head)
    axes.axis("off")
    axes.text(0, -head + _TITLE / 2 - 4, plot_text(title), fontsize=_TITLE_FONT, fontweight="bold", va="center",
              family="monospace")
    for key in drawing.keys:
        _paint_key(axes, key)
    for arrow in sorted(drawing.arrows, key=lambda arrow: arrow.kind == FLOW):
        _paint_arrow(axes, arrow)
    for box in drawing.boxes:
        _paint_box(axes, box)
    return figure


def _paint_key(axes: Axes, key: Key) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((key.x, key.y - SWATCH / 2), SWATCH, SWATCH, facecolor=key.colour,
                             edgecolor=darker(key.colour), linewidth=0.8))
    axes.text(key.x + SWATCH + 5, key.y, plot_text(key.text), fontsize=KEY_FONT, family="monospace", va="center",
              color=_NOTE)


def _paint_box(axes: Axes, box: Box) -> None:
    from matplotlib.patches import FancyBboxPatch

    colour = box.colour
    style = f"round,pad=0,rounding_size={box.height / 2 if box.text.rounded else 3}"
    axes.add_patch(FancyBboxPatch((box.x - box.width / 2, box.y - box.height / 2), box.width, box.height, style,
                                  facecolor=colour, edgecolor=darker(colour), linewidth=1, zorder=2))
    for i, line in enumerate(box.lines):
        title = i < len(box.text.title)
        axes.text(box.x, box.y + (i - (len(box.lines) - 1) / 2) * LINE, plot_text(line), ha="center",
                  va="center_baseline", family="monospace", fontsize=FONT if title else SMALL,
                  color="black" if title else _NOTE, fontweight="bold" if title else "normal", zorder=3)


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


@picture_style()
def paint_timeline(timeline: Timeline, title: str) -> Figure:
    """The arena over the instructions: each piece of memory is a rectangle, coloured by the kind of its layer."""
    from matplotlib.patches import Patch, Rectangle
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(*_MEMORY_INCHES)
    axes = figure.add_subplot()
    scale, unit = timeline.unit
    for piece in timeline.pieces:
        colour = kind_colour(piece.kind)
        axes.add_patch(Rectangle((piece.first, piece.offset / scale), piece.last + 1 - piece.first, piece.size / scale,
                                 facecolor=colour, edgecolor=darker(colour), linewidth=0.6,
                                 hatch="////" if piece.scratch else None))
        wide = piece.last + 1 - piece.first > 0.011 * timeline.length * len(piece.label)
        if wide and piece.size > 0.028 * timeline.arena:
            axes.text((piece.first + piece.last + 1) / 2, (piece.offset + piece.size / 2) / scale,
                      plot_text(piece.label), ha="center", va="center", fontsize=7)
    top = timeline.arena / scale
    for phase, (first, last) in timeline.phases.items():
        axes.axvline(first, color="#999999", linewidth=0.8)
        if last - first > 0.04 * timeline.length:
            axes.text(first + 0.2, top * 1.015, phase, fontsize=8, color="#555555")
    axes.axhline(top, color="#999999", linewidth=1)
    axes.set_xlim(timeline.first, max(timeline.length, timeline.first + 1))
    axes.set_ylim(0, top * 1.13 or 1)
    _mark_peak(axes, timeline, top)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("instruction")
    axes.set_ylabel(f"place in the arena ({unit})")
    axes.set_title(plot_text(title), loc="left", fontweight="bold")
    handles = [Patch(facecolor=colour, edgecolor=darker(colour), label=plot_text(text))
               for colour, text in legend_of(piece.kind for piece in timeline.pieces).items()]
    if any(piece.scratch for piece in timeline.pieces):
        handles.append(Patch(facecolor="white", edgecolor="#777777", hatch="////", label="scratch"))
    figure.legend(handles=handles, loc="lower center", fontsize=8, frameon=False, ncols=_KEYS_IN_ROW)
    rows = -(-len(handles) // _KEYS_IN_ROW)
    figure.subplots_adjust(0.07, (0.6 + 0.18 * rows) / _MEMORY_INCHES[1], 0.985, 0.94)
    return figure


def _mark_peak(axes: Axes, timeline: Timeline, top: float) -> None:
    """A band over the instruction during which most is live, and what it is."""
    peak = timeline.peak
    if peak is None:
        return
    axes.axvspan(peak.instruction, peak.instruction + 1, facecolor="none", edgecolor=_PEAK, linewidth=1.4, zorder=3)
    left = peak.instruction - timeline.first > (timeline.length - timeline.first) / 2
    axes.text(peak.instruction + (1 if left else 0), top * 1.075, plot_text(peak.text), ha="right" if left else "left",
              fontsize=8, color=_PEAK, fontweight="bold", bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
              zorder=4)


@picture_style()
def paint_times(profile: Profile, title: str) -> Figure:
    """Bars of the time of each layer, by phase, and of what a step does besides."""
    others = [other for other in profile.others if not other.kept]
    names = [*(row.layer for row in profile.layers), *(other.name for other in others)]
    places = range(len(names))
    figure = new_figure(8.0, 1.5 + 0.3 * len(places), layout="constrained")
    axes = figure.add_subplot()
    left = [0.0] * len(places)
    for phase, colour in _PHASE_COLOURS.items():
        times = [*(getattr(row, phase) * 1e3 for row in profile.layers), *[0.0] * len(others)]
        if any(times):
            axes.barh(places, times, left=left, color=colour, label=phase, height=0.7)
        left = [a + b for a, b in zip(left, times, strict=True)]
    for position, other in enumerate(others, len(profile.layers)):
        left[position] = other.seconds * 1e3
        axes.barh(position, left[position], color=_OTHER, height=0.7)
    longest = max(left, default=0.0)
    rates = [f"{row.flops / row.seconds / 1e9:.1f} GFLOP/s" if row.seconds else "" for row in profile.layers]
    for position, (rate, end) in enumerate(zip([*rates, *[""] * len(others)], left, strict=True)):
        axes.text(end + 0.01 * longest, position, f"{end:.3f} ms  {rate}", va="center", fontsize=8, in_layout=False)
    axes.set_yticks(places, [plot_text(label(name, MOST_IN_NAME)) for name in names])
    axes.set_xlim(0, longest * 1.3 or 1)
    axes.invert_yaxis()
    axes.set_xlabel("ms a step")
    figure.suptitle(plot_text(label(title, _MOST_IN_TITLE)), x=0.01, ha="left", fontsize="medium", fontweight="bold")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, loc="lower right")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure
