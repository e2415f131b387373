"""Pictures of a graph as it was declared, op by op or layer by layer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.ir import Graph
from graphnet.compiler.words import label
from graphnet.drawing.figures import draw_picture
from graphnet.drawing.graph_drawing import draw_graph
from graphnet.drawing.layer_drawing import draw_layers
from graphnet.drawing.pictures import paint_graph
from graphnet.drawing.svg import alone_svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OPS, LAYERS = "ops", "layers"
_MOST_LAYERS = 300


def check_level(owner: str, level: str) -> None:
    """Refuses a level that there is not.

    Raises:
        ArgumentError: it is neither "ops" nor "layers".
    """
    if level not in (OPS, LAYERS):
        raise ArgumentError(owner, "level", level, f"it must be one of {OPS}, {LAYERS}")


def paint_declared(graph: Graph, level: str) -> Figure:
    """A figure of the graph at a level."""
    drawing = draw_layers(graph) if level == LAYERS else draw_graph(graph)
    return paint_graph(drawing, f"{label(graph.name)} {'layer by layer' if level == LAYERS else 'as declared'}")


def plot_declared(graph: Graph, path: str | os.PathLike[str] | None, level: str) -> Figure:
    """The same, written to a file as well if there is a path.

    Raises:
        ArgumentError: there is no such level, the ending of the path is unknown, or it is of no file or in no folder.
        OSError: the file cannot be written; an old one stays.
    """
    check_level("plot", level)
    return draw_picture("plot", path, lambda: paint_declared(graph, level))


def layers_svg(graph: Graph) -> str | None:
    """The layers as SVG that stands alone, for notebooks; None if there are too many to look at."""
    layers = {node.origin.layer or str(node.outputs) for node in graph.nodes}
    if len(layers) > _MOST_LAYERS:
        return None
    return alone_svg(draw_layers(graph), f"the layers of {label(graph.name)}")
