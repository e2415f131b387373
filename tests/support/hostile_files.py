"""Sound files whose names were made to play tricks on terminals, pages, notebooks and pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import small_networks

from graphnet.compiler.ir import Graph, Origin
from graphnet.runtime.gnet import Contents, load_gnet, save_gnet

TRICK = "a\u2028b\u202ec\u200b$x$$y^{_\\frac$"
"""Of what a name in a file may hold: no control characters, which readers refuse."""


def renamed(graph: Graph, suffix: str) -> Graph:
    """The same graph with a trick in every name."""
    def at(origin: Origin) -> Origin:
        return Origin(*(part + suffix for part in (origin.layer, origin.kind, origin.source)))

    return replace(
        graph, name=graph.name + suffix,
        inputs=tuple(replace(i, name=i.name + suffix, origin=at(i.origin)) for i in graph.inputs),
        parameters=tuple(replace(p, name=p.name + suffix, origin=at(p.origin)) for p in graph.parameters),
        nodes=tuple(replace(n, origin=at(n.origin)) for n in graph.nodes),
        outputs=tuple(replace(o, name=o.name + suffix) for o in graph.outputs))


def write_hostile(path: str, suffix: str = TRICK, values: float = 1.0) -> None:
    """A sound file, with samples, of a network whose names all end in this."""
    small_networks.image_network(seed=0).save("plain.gnet", samples=np.full((2, 1, 8, 8), values, np.float32))
    contents = load_gnet("plain.gnet")
    names = {name: name + suffix for name in contents.tensors if contents.tensors[name].role != "optimizer"}
    tensors = {new: replace(contents.tensors[old], name=new) for old, new in names.items()}
    samples = {key: [name + suffix for name in found] for key, found in contents.meta["samples"].items()}
    save_gnet(path, Contents(renamed(contents.graph, suffix), tensors, {}, {"samples": samples, "note": suffix}))
