"""A colour for each layer, the same in every picture of a network."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable

from graphnet.compiler.ir import Graph

_GOLDEN = 0.6180339887498949  # steps of the golden ratio keep neighbours far apart on the circle of hues


def layer_colours(layers: Iterable[str]) -> dict[str, str]:
    """A light colour `#rrggbb`, on which black text is readable, for each layer in order; "" is grey."""
    names = [name for name in dict.fromkeys(layers) if name]
    return {"": "#d9d9d9"} | {name: _hex((0.58 + index * _GOLDEN) % 1) for index, name in enumerate(names)}


def drawing_colours(declared: Graph, drawn: Graph) -> dict[str, str]:
    """Colours for the layers of a graph. Those of the declared graph come first, so that they stay the same."""
    return layer_colours(node.origin.layer for graph in (declared, drawn) for node in graph.nodes)


def darker(colour: str) -> str:
    """The colour for the edge of an area."""
    return "#" + "".join(f"{int(int(colour[i:i + 2], 16) * 0.62):02x}" for i in (1, 3, 5))


def _hex(hue: float) -> str:
    rgb = colorsys.hls_to_rgb(hue, 0.80, 0.62)
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)
