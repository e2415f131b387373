"""Pictures of trainings. Imports matplotlib when it is called, and never its global state (pyplot)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from graphnet.drawing.figures import new_figure, picture_style
from graphnet.drawing.plot_text import plot_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 120
PANEL_INCHES = (5.2, 4.0)
Curves = Mapping[str, Sequence[float]]


@picture_style(users=True)
def plot_curves(panels: Mapping[str, Curves], epochs: Sequence[int], title: str = "") -> Figure:
    """Draws figures by epoch.

    Args:
        panels: the curves of each panel, by heading and name; those of accuracies are shown in percent.
        epochs: the number of each epoch.
        title: over all.

    Returns:
        A figure with the panels side by side, at most three in a row; in a notebook it shows itself.
    """
    width, height = PANEL_INCHES
    columns = 2 if len(panels) == 4 else min(len(panels), 3)
    rows = -(-len(panels) // columns)
    figure = new_figure(width * columns, height * rows, DPI, "constrained", users=True)
    if title:
        figure.suptitle(plot_text(title))
    for place, (heading, curves) in enumerate(panels.items(), 1):
        _draw_panel(figure.add_subplot(rows, columns, place), heading, curves, epochs)
    return figure


def _draw_panel(axes: Axes, heading: str, curves: Curves, epochs: Sequence[int]) -> None:
    from matplotlib.ticker import MaxNLocator

    share = heading.endswith("accuracy")
    for style, (name, values) in zip(("o-", "s--", "^:", "d-."), curves.items(), strict=False):
        axes.plot(epochs, [100 * value for value in values] if share else values, style, label=plot_text(name),
                  markersize=4)
    axes.set_xlabel("epoch")
    axes.set_ylabel(plot_text(f"{heading} (%)" if share else heading))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if len(epochs) == 1:
        axes.set_xlim(epochs[0] - 1, epochs[0] + 1)  # matplotlib's own would have no whole number but this one
    axes.grid(alpha=0.3)
    axes.legend()
