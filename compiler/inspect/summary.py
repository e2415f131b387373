"""What a graph costs, layer by layer, computed from the graph alone: a loaded file has no layer objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from graphnet.compiler import html
from graphnet.compiler.ir import BUFFER, FORWARD, Graph, Node, Parameter, State
from graphnet.compiler.types import Shape, TensorType, format_shape
from graphnet.compiler.words import LABEL, label, screenful, shorten, visible

_HEAD = ("layer", "kind", "output", "parameters", "FLOPs", "activation bytes")


@dataclass(frozen=True, slots=True)
class LayerCost:
    """One layer of a summary; FLOPs and bytes are for one sample and the forward direction.

    A multiply-add is two FLOPs. `activation_bytes` are those of the layer's results as declared, before the
    compiler fuses and shares memory; a layer that only gives its input another shape has none. `statistics` are the
    numbers of moving statistics, which training moves and no gradient: Keras counts them as non-trainable parameters.
    """

    name: str
    kind: str
    outputs: tuple[Shape, ...]
    trainable: int
    frozen: int
    flops: int
    activation_bytes: int
    statistics: int = 0

    @property
    def parameters(self) -> int:
        """All numbers of the layer that are kept."""
        return self.trainable + self.frozen + self.statistics


@dataclass(frozen=True, slots=True)
class Summary:
    """All layers of a graph in order, and what stands in them for dims that are not known."""

    name: str
    layers: tuple[LayerCost, ...]
    free_dims: tuple[str, ...]

    @property
    def trainable(self) -> int:
        """Number of trainable parameters."""
        return sum(layer.trainable for layer in self.layers)

    @property
    def frozen(self) -> int:
        """Number of frozen parameters."""
        return sum(layer.frozen for layer in self.layers)

    @property
    def statistics(self) -> int:
        """Number of moving statistics."""
        return sum(layer.statistics for layer in self.layers)

    @property
    def parameters(self) -> int:
        """Number of all parameters, moving statistics among them, as Keras counts."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def flops(self) -> int:
        """Floating-point operations for one sample, forward."""
        return sum(layer.flops for layer in self.layers)

    @property
    def activation_bytes(self) -> int:
        """Bytes of all results for one sample."""
        return sum(layer.activation_bytes for layer in self.layers)

    def __str__(self) -> str:
        rows = self._rows()
        widths = [max(map(len, column)) for column in zip(_HEAD, *rows, strict=True)]
        head, *body, last = (_line(row, widths) for row in (_HEAD, *rows))
        rule = "  ".join("─" * width for width in widths)
        return "\n".join([f"model {label(self.name)}", head, rule, *body, rule, last, *self._notes()])

    def __repr__(self) -> str:
        return screenful(str(self), f"Summary {label(self.name)}: {len(self.layers)} layers, "
                                    f"{self.parameters:,} parameters")

    def _repr_html_(self) -> str:
        *rows, total = self._rows()
        return html.frame(f"model {label(self.name)}", html.table(_HEAD, rows, _HEAD[3:], total),
                          html.lines(self._notes()))

    def _rows(self) -> list[tuple[str, ...]]:
        """A row for each layer, and the totals."""
        rows = [(label(layer.name), label(layer.kind), shorten(", ".join(map(format_shape, layer.outputs)), LABEL),
                 f"{layer.parameters:,}{' frozen' * (layer.frozen > 0)}", f"{layer.flops:,}",
                 f"{layer.activation_bytes:,}") for layer in self.layers]
        return [*rows, ("total", "", "", f"{self.parameters:,}", f"{self.flops:,}", f"{self.activation_bytes:,}")]

    def _notes(self) -> list[str]:
        free = "".join(f", {visible(dim)} = 1" for dim in self.free_dims)
        statistics = f", {self.statistics:,} moving statistics" if self.statistics else ""
        return [f"parameters: {self.trainable:,} trainable, {self.frozen:,} frozen{statistics}",
                f"FLOPs and activation bytes are for one sample (N = 1{free}), forward only"]


def summarize(graph: Graph) -> Summary:
    """The costs of the forward nodes of a graph by layer.

    Every free dim, the batch and sequence lengths, counts as 1.
    """
    layers: dict[str, list[Node]] = {item.origin.layer: [] for item in graph.inputs}
    for node in graph.nodes:
        if node.phase == FORWARD:
            layers.setdefault(node.origin.layer, []).append(node)
    dims = dict.fromkeys(graph.symbols, 1)
    kept: dict[str, list[Parameter | State]] = {}
    for item in graph.variables:
        kept.setdefault(item.origin.layer, []).append(item)
    costs = (_cost(graph, name, nodes, kept.get(name, ()), dims) for name, nodes in layers.items())
    return Summary(graph.name, tuple(costs), graph.free_dims)


def _cost(graph: Graph, name: str, nodes: list[Node], kept: Sequence[Parameter | State],
          dims: dict[str, int]) -> LayerCost:
    if not nodes:
        given = next(item for item in graph.inputs if item.origin.layer == name)
        return LayerCost(name, given.origin.kind, (graph.types[given.value].shape,), 0, 0, 0, 0)
    results = [(node, value) for node in nodes for value in node.outputs if _leaves(graph, name, value)]
    flops = sum(node.op.bind(dims).flops(_bound(graph, node.inputs, dims), _bound(graph, node.outputs, dims))
                for node in nodes)
    stored = _bound(graph, (value for node, value in results if not node.op.view), dims)
    weights = [(graph.types[p.value].size, p.trainable) for p in kept if isinstance(p, Parameter)]
    return LayerCost(
        name, nodes[0].origin.kind, tuple(dict.fromkeys(graph.types[value].shape for _, value in results)),
        sum(size for size, trainable in weights if trainable),
        sum(size for size, trainable in weights if not trainable),
        flops, sum(t.nbytes for t in stored),
        sum(graph.types[s.value].size for s in kept if isinstance(s, State) and s.role == BUFFER))


def _leaves(graph: Graph, layer: str, value: int) -> bool:
    """Whether anybody outside its layer uses a value: not what the layer keeps for its own next step."""
    return any(output.value == value for output in graph.outputs) or any(
        node.origin.layer != layer for node in graph.uses.get(value, ()))


def _bound(graph: Graph, values: Iterable[int], dims: dict[str, int]) -> tuple[TensorType, ...]:
    return tuple(graph.types[value].bind(dims) for value in values)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = [cell.ljust(width) if column < 3 else cell.rjust(width)
             for column, (cell, width) in enumerate(zip(row, widths, strict=True))]
    return "  ".join(cells).rstrip()
