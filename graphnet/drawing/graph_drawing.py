"""Makes a drawing of a Graph, node by node.

Prediction flows down. A training graph has two columns: forward flows down on the left, backward and update flow up on
the right, so that what belongs to one layer stands side by side. Weights and states are left out, and so are the zeros
that recurrence begins with; what makes weights of weights is one box.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from graphnet.compiler.ir import FORWARD, UPDATE, Graph, Node, Parameter
from graphnet.compiler.op import Op
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.planning.program import layers_of
from graphnet.compiler.words import LINE as MOST
from graphnet.compiler.words import label, visible
from graphnet.drawing.boxes import KEPT, Arrow, Box, Drawing, Text, with_legend
from graphnet.drawing.columns import Item, draw_column
from graphnet.drawing.folding import folded_weights, zero_states

_COLUMN_GAP = 90.0
_MOST_IN_LINE, MOST_IN_NAME = 36, 60


def draw_graph(graph: Graph) -> Drawing:
    """The drawing of a graph, without inputs that nothing reads and that are no results."""
    items = _items(graph)
    columns = [[item for item in items if (item.phase == FORWARD) is forward] for forward in (True, False)]
    boxes: dict[int, Box] = {}  # by the place of the item
    place = {id(item): i for i, item in enumerate(items)}
    maker = {value: i for i, item in enumerate(items) for value in item.made}
    arrows: list[Arrow] = []
    left = 0.0
    for column, upwards in zip(columns, (False, True), strict=True):
        if not column:
            continue
        placed, paths, width = draw_column(column, upwards and len(columns[0]) > 0, (UPDATE,))
        boxes |= {place[id(item)]: replace(box, x=box.x + left) for item, box in zip(column, placed, strict=True)}
        arrows += [Arrow(tuple((x + left, y) for x, y in path.points), path.kind) for path in paths]
        left += width + _COLUMN_GAP
    for item in columns[1]:
        makers = {maker[v] for v in item.read if v in maker and items[maker[v]].phase == FORWARD}
        arrows += [_across(boxes[m], boxes[place[id(item)]]) for m in sorted(makers)]
    return with_legend([boxes[i] for i in sorted(boxes)], arrows, left - _COLUMN_GAP)


def _across(start: Box, end: Box) -> Arrow:
    """From the right side of a forward box to the left side of a backward box."""
    return Arrow(((start.x + start.width / 2, start.y), (end.x - end.width / 2, end.y)), KEPT)


def _items(graph: Graph) -> list[Item]:
    hidden = {node.outputs for node in zero_states(graph)}
    folded = {}
    for group in folded_weights(graph):
        hidden.update(node.outputs for node in group)
        folded[group[-1].outputs] = group  # the box comes where the last of them was
    items = [Item(Text((label(item.name, MOST_IN_NAME),), (shapes_text(graph, [item.value]),), item.origin,
                       str(item.origin), True), (item.value,), (), _first_phase(graph, item.value))
             for item in graph.inputs if graph.uses.get(item.value) or item.value in graph.kept]
    for node in graph.nodes:
        if node.outputs in folded:
            items.append(_of_weights(graph, folded[node.outputs]))
        elif node.outputs not in hidden:
            items.append(_of_node(graph, node))
    return items


def _first_phase(graph: Graph, value: int) -> str:
    readers = graph.uses.get(value)
    return readers[0].phase if readers else FORWARD  # an input that is a result: what stood between is gone


def _of_node(graph: Graph, node: Node) -> Item:
    origins = layers_of(node.op, node.origin)
    layers = list(dict.fromkeys(label(origin.layer, MOST_IN_NAME) for origin in origins if origin.layer))
    notes = fill_lines(layers, "+", _MOST_IN_LINE)
    renewed = sum(item.next in node.outputs for item in graph.parameters) if node.phase == UPDATE else 0
    shapes = f"{renewed} new weights" if renewed else shapes_text(graph, _read(graph, node))
    if notes and len(notes[-1]) + len(shapes) + 2 <= _MOST_IN_LINE:
        notes[-1] += f"  {shapes}"
    else:
        notes.append(shapes)
    tip = label(f"{node.op} of {', '.join(map(str, origins))}", MOST)
    return Item(Text(op_lines(node.op), tuple(notes), node.origin, tip), node.outputs, node.inputs, node.phase)


def _of_weights(graph: Graph, group: Sequence[Node]) -> Item:
    """The box of weights that are made of weights: named after the layer whose weight is the largest."""
    made = [value for node in group for value in node.outputs]
    inside = {node.outputs for node in group}
    leaving = [v for v in made if v in graph.kept or any(n.outputs not in inside for n in graph.uses.get(v, ()))]
    read = {v for node in group for v in node.inputs}
    given = [item for item in graph.variables if item.value in read]
    main = max(given, key=lambda item: (isinstance(item, Parameter), graph.types[item.value].size))
    ops = [inner.op for node in group for inner in (node.op.body.nodes if isinstance(node.op, Fused) else (node,))]
    tip = f"{', '.join(item.name for item in given)}: {', '.join(map(str, ops))}"
    origin = main.origin if main.origin.layer else group[-1].origin
    title = fill_lines(["weights of", label(origin.layer, MOST_IN_NAME)], " ", _MOST_IN_LINE)
    notes = (f"folded from {len(ops)} ops", shapes_text(graph, leaving))
    return Item(Text(tuple(title), notes, origin, label(tip, MOST), pale=True), tuple(made), (), FORWARD)


def _read(graph: Graph, node: Node) -> list[int]:
    """The results that the forward pass or the caller reads, if there are any, or those that anybody does, or all."""
    results = {output.value for output in graph.outputs}
    forward = [v for v in node.outputs if v in results or any(n.phase == FORWARD for n in graph.uses.get(v, ()))]
    return forward or [v for v in node.outputs if v in graph.uses] or list(node.outputs)


def op_lines(op: Op) -> tuple[str, ...]:
    """The op's name, or those of a fused body, two a line."""
    if not isinstance(op, Fused):
        return (label(op.name, MOST_IN_NAME),)
    names = [label(node.op.name, MOST_IN_NAME) for node in op.body.nodes]
    return tuple(("+ " if i else "") + " + ".join(names[i:i + 2]) for i in range(0, len(names), 2))


def shapes_text(graph: Graph, values: Iterable[int]) -> str:
    """The shapes of values, as many as are read with ease."""
    shapes = [visible("x".join(map(str, graph.types[value].shape))) or "scalar" for value in values]
    return ", ".join(shapes) if len(shapes) <= 2 else f"{shapes[0]} and {len(shapes) - 1} more"


def fill_lines(words: Sequence[str], between: str, most: int) -> list[str]:
    """Words in lines of at most so many letters, unless a word alone has more; `between` ends a line that goes on."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(between) + len(word) <= most:
            lines[-1] += between + word
            continue
        if lines:
            lines[-1] += between.rstrip()
        lines.append(word)
    return lines
