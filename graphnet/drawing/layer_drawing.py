"""Makes a drawing of a declared Graph, layer by layer: what each is, what it makes, and what it has to learn.

A graph has no layers, only nodes that say which layer they are from. A layer that is called several times is a box for
each call, so that every arrow means one value on its way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from graphnet.compiler.inspect.summary import LayerCost, summarize
from graphnet.compiler.ir import FORWARD, Graph, Node
from graphnet.compiler.words import LINE as MOST
from graphnet.compiler.words import label
from graphnet.drawing.boxes import Drawing, Text, with_legend
from graphnet.drawing.columns import Item, draw_column
from graphnet.drawing.folding import weight_makers
from graphnet.drawing.graph_drawing import MOST_IN_NAME, fill_lines, shapes_text
from graphnet.drawing.layer_facts import layer_facts

_MOST_IN_LINE, _MOST_LINES = 40, 4


@dataclass(frozen=True, slots=True)
class Call:
    """The nodes of one call of a layer; `number` counts the calls of a layer that has several, from 1."""

    nodes: tuple[Node, ...]
    number: int = 0


def draw_layers(graph: Graph) -> Drawing:
    """The drawing of a graph as declared, with a box for each input and each call of a layer."""
    costs = {layer.name: layer for layer in summarize(graph).layers}
    items = [Item(Text((label(item.name, MOST_IN_NAME),), (f"Input  {shapes_text(graph, [item.value])}",), item.origin,
                       str(item.origin), True), (item.value,), (), FORWARD) for item in graph.inputs]
    items += [_of_call(graph, call, costs) for call in calls_of(graph)]
    boxes, arrows, width = draw_column(items, False)
    return with_legend(boxes, arrows, width)


def calls_of(graph: Graph) -> list[Call]:
    """The calls of layers, in order.

    Nodes of a call stand side by side. Calls that follow one another at once, on one line of the program, are told
    apart by the ops and weights, which come again.
    """
    apart = {node.outputs for node in weight_makers(graph)}
    runs: list[list[Node]] = []
    for node in graph.nodes:
        if runs and runs[-1][-1].origin == node.origin and node.origin.layer:
            runs[-1].append(node)
        else:
            runs.append([node])
    calls = [call for run in runs for call in _split(graph, run, apart)]
    counts: dict[str, int] = {}
    numbered = []
    for call in calls:
        layer = call[0].origin.layer
        counts[layer] = counts.get(layer, 0) + 1
        numbered.append(Call(tuple(call), counts[layer]))
    return [call if counts[layer := call.nodes[0].origin.layer] > 1 and layer else Call(call.nodes)
            for call in numbered]


def _split(graph: Graph, run: Sequence[Node], apart: set[tuple[int, ...]]) -> Iterator[list[Node]]:
    """The equal parts of a run of nodes; those that make weights of weights belong to the part that they precede."""
    weights = {item.value for item in graph.parameters}
    steps = [(node.op, tuple(v for v in node.inputs if v in weights)) for node in run if node.outputs not in apart]
    period = next((p for p in range(1, len(steps)) if len(steps) % p == 0 and steps == steps[:p] * (len(steps) // p)),
                  len(steps))
    part: list[Node] = []
    taken = 0
    for node in run:
        if node.outputs not in apart:
            taken += 1
            if taken > period:
                yield part
                part, taken = [], 1
        part.append(node)
    yield part


def _of_call(graph: Graph, call: Call, costs: Mapping[str, LayerCost]) -> Item:
    nodes, origin = call.nodes, call.nodes[0].origin
    inside = {node.outputs for node in nodes}
    made = [value for node in nodes for value in node.outputs]
    names = [output.name for output in graph.outputs if output.value in made]
    results = {output.value for output in graph.outputs}
    leaving = [v for v in made if v in results or any(n.outputs not in inside for n in graph.uses.get(v, ()))]
    title = label(origin.layer or nodes[0].op.name, MOST_IN_NAME) + f", call {call.number}" * (call.number > 0)
    facts = [label(fact, _MOST_IN_LINE) for fact in layer_facts(graph, nodes)] if origin.layer else []
    kind = label(origin.kind, MOST_IN_NAME) if origin.layer else ""
    head = f"{kind}: {facts[0]}" if kind and facts else kind
    notes = fill_lines([text for text in (head, *facts[1:]) if text], ", ", _MOST_IN_LINE)
    notes = notes if len(notes) <= _MOST_LINES else [*notes[:_MOST_LINES - 1], "…"]
    learned = _learned(costs[origin.layer], call.number) if origin.layer else ""
    shapes = shapes_text(graph, leaving or made[:1])
    notes += [f"{shapes} · {learned}"] if learned and len(shapes + learned) <= _MOST_IN_LINE else [
        text for text in (shapes, learned) if text]
    if names and (names != [origin.layer] or len(graph.outputs) > 1):
        notes += fill_lines([f"output {label(name, MOST_IN_NAME)}" for name in names], ", ", _MOST_IN_LINE)
    tip = label(f"{origin}: {', '.join(str(node.op) for node in nodes)}", MOST)
    read = tuple(v for node in nodes for v in node.inputs if v not in made)
    return Item(Text((title,), tuple(notes), origin, tip), tuple(made), read, FORWARD)


def _learned(cost: LayerCost, number: int) -> str:
    """How many parameters there are; those of a layer that is called again are the same ones."""
    if not cost.parameters:
        return ""
    if number > 1:
        return "the same parameters"
    count = cost.trainable + cost.frozen
    frozen = f", {'all' if not cost.trainable else f'{cost.frozen:,}'} frozen" if cost.frozen else ""
    statistics = f" + {cost.statistics:,} statistics" if cost.statistics else ""
    return f"{count:,} {'parameter' if count == 1 else 'parameters'}{frozen}{statistics}"
