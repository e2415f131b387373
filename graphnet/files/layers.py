"""The graph of a file layer by layer, in lines that do not depend on how values are numbered."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

from graphnet.compiler.ir import Graph, Parameter, State
from graphnet.compiler.words import LABEL, shorten

INPUTS, OUTPUTS = "(inputs)", "(outputs)"
"""Stand for the layers that a graph's inputs and outputs belong to."""


def layer_lines(graph: Graph) -> dict[str, list[str]]:
    """What each layer consists of, by its name: parameters, states and nodes, with types and where operands come from.

    Where the user wrote a layer does not count.
    """
    names = _value_names(graph)
    lines = {INPUTS: [f"input {item.name}: {graph.types[item.value]}" for item in graph.inputs]}
    lines |= {node.origin.layer: [] for node in graph.nodes}  # in the order in which they compute
    for part in graph.variables:
        lines.setdefault(part.origin.layer, []).append(_kept(graph, part, names))
    for node in graph.nodes:
        operands = ", ".join(names[value] for value in node.inputs)
        made = ", ".join(str(graph.types[value]) for value in node.outputs)
        lines.setdefault(node.origin.layer, []).append(f"{node.op}({operands}): {made}")
    for kind, outputs in (("output", graph.outputs), ("penalty", graph.penalties)):
        for output in outputs:
            lines.setdefault(OUTPUTS, []).append(f"{kind} {output.name} = {names[output.value]}")
    return lines


def _kept(graph: Graph, item: Parameter | State, names: Mapping[int, str]) -> str:
    kind = graph.types[item.value]
    if isinstance(item, State):
        following = "itself" if item.next is None else names[item.next]
        return f"state {item.name}: {kind}, {item.role}, from {item.initial!r}, then {following}"
    extras = [text for holds, text in ((not item.trainable, "frozen"), (item.rate != 1, f"rate {item.rate!r}"),
                                       (item.role is not None, f"role {item.role}"),
                                       (item.constraint is not None, f"constraint {item.constraint}")) if holds]
    return ", ".join([f"parameter {item.name}: {kind}", *extras])


@lru_cache(maxsize=4096)
def _known(name: str) -> str:
    """A name that may stand in as many lines as there are nodes: the middle of a long one becomes its digest."""
    if len(name) <= LABEL:
        return name
    return f"{shorten(name, LABEL)} #{hashlib.sha256(name.encode(errors='backslashreplace')).hexdigest()[:16]}"


def _value_names(graph: Graph) -> dict[int, str]:
    """A name for each value: its own, or the layer and op that make it, numbered if there are several."""
    names = {item.value: _known(item.name) for item in graph.given}
    counts: Counter[str] = Counter()
    for node in graph.nodes:
        stem = f"{_known(node.origin.layer)}.{node.op.name}" if node.origin.layer else node.op.name
        counts[stem] += 1
        base = stem if counts[stem] == 1 else f"{stem}#{counts[stem]}"
        names |= {value: base if not index else f"{base}[{index}]" for index, value in enumerate(node.outputs)}
    return names
