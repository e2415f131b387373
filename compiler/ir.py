"""The IR: an immutable Graph whose values are named by integer ids.

Values never hold their parents, so that no walk recurses; a chain of any length prints, hashes and compares.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from graphnet.compiler import html
from graphnet.compiler.cached import cached_property
from graphnet.compiler.op import Op
from graphnet.compiler.types import BATCH, TensorType
from graphnet.compiler.words import format_name, format_value, label

FORWARD, BACKWARD, UPDATE = "forward", "backward", "update"
PHASES = (FORWARD, BACKWARD, UPDATE)
BUFFER, COUNTER, RECURRENT, OPTIMIZER = "buffer", "counter", "recurrent", "optimizer"
"""The roles of states, see `State`."""
LAYER_ROLES = (BUFFER, COUNTER, RECURRENT)
"""Those of states that layers keep."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a node comes from: the layer's name, its class and the user's `file:line`."""

    layer: str = ""
    kind: str = ""
    source: str = ""

    def __str__(self) -> str:
        layer, kind, source = map(label, (self.layer, self.kind, self.source))
        who = f"{layer} ({kind})" if layer and kind else layer or kind or "?"
        return f"{who} at {source}" if source else who


@dataclass(frozen=True, slots=True)
class Input:
    """A value that the caller feeds."""

    value: int
    name: str
    origin: Origin = Origin()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A weight. `trainable=False` freezes it: no gradient work is done for it.

    `rate` multiplies the learning rate; `constraint` is an op from the weight to what it is replaced by after each
    step; `role` is what it is for, where the ops that take it do not say it (see `compiler/roles.py`). In a training
    graph `next` is the id of its new value.
    """

    value: int
    name: str
    trainable: bool = True
    origin: Origin = Origin()
    next: int | None = None
    rate: float = 1.0
    constraint: Op | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class State:
    """A value kept from one step to the next: `value` is the old one, `next` the id of the new one.

    `role` says what it is for: `buffer` (statistics; changes in training only), `counter` (of random numbers, int64
    (2,): key and count; changes in training only), `recurrent` (a row for each sample of a batch; changes in every
    call), `optimizer` (a moment).
    `initial` is the number it is filled with at first; counters are filled by the network from its seed.
    """

    value: int
    name: str
    role: str
    initial: float = 0.0
    next: int | None = None
    origin: Origin = Origin()


@dataclass(frozen=True, slots=True)
class Node:
    """One application of an op."""

    op: Op
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    origin: Origin = Origin()
    phase: str = FORWARD


@dataclass(frozen=True, slots=True)
class Output:
    """A value that the caller gets, by name."""

    name: str
    value: int


@dataclass(frozen=True)
class Graph:
    """Inputs, parameters, states, nodes in order of execution, outputs; and the type of every value.

    `penalties` are scalars that training adds to the loss (regularisers); prediction ignores them.
    """

    name: str
    inputs: tuple[Input, ...]
    parameters: tuple[Parameter, ...]
    states: tuple[State, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Output, ...]
    types: Mapping[int, TensorType]
    penalties: tuple[Output, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "types", MappingProxyType(dict(self.types)))

    def __hash__(self) -> int:
        return hash(self.text)

    @property
    def given(self) -> tuple[Input | Parameter | State, ...]:
        """What no node makes: inputs, parameters, states."""
        return (*self.inputs, *self.parameters, *self.states)

    @property
    def trains(self) -> bool:
        """Whether there is more than a forward pass: gradients or updates."""
        return any(node.phase != FORWARD for node in self.nodes)

    @property
    def variables(self) -> tuple[Parameter | State, ...]:
        """What a run may change: parameters and states."""
        return (*self.parameters, *self.states)

    @cached_property
    def producers(self) -> Mapping[int, Node]:
        """The node that makes each value; inputs, parameters and states have none."""
        return {value: node for node in self.nodes for value in node.outputs}

    def sources(self, value: int, through: Callable[[Node], bool]) -> Iterator[int]:
        """The values that no node makes and that a value comes from, by way of such nodes alone."""
        todo, seen = [value], {value}
        while todo:
            value = todo.pop()
            maker = self.producers.get(value)
            if maker is None:
                yield value
            elif through(maker):
                todo += [v for v in maker.inputs if v not in seen]
                seen.update(maker.inputs)

    @cached_property
    def origins(self) -> Mapping[int, Origin]:
        """Where each value comes from."""
        sources = {item.value: item.origin for item in self.given}
        return sources | {value: node.origin for node in self.nodes for value in node.outputs}

    @cached_property
    def uses(self) -> Mapping[int, tuple[Node, ...]]:
        """The nodes that read each value, in order; a node that reads it twice stands there once."""
        uses: dict[int, list[Node]] = {}
        for node in self.nodes:
            for value in dict.fromkeys(node.inputs):
                uses.setdefault(value, []).append(node)
        return {value: tuple(nodes) for value, nodes in uses.items()}

    @cached_property
    def kept(self) -> frozenset[int]:
        """Values that somebody outside the nodes asked for: outputs, new weights and new states."""
        advanced = [item.next for item in self.variables if item.next is not None]
        return frozenset([o.value for o in (*self.outputs, *self.penalties)] + advanced)

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The symbols of all types, in order of appearance."""
        return tuple(dict.fromkeys(dim for t in self.types.values() for dim in t.shape if isinstance(dim, str)))

    @property
    def free_dims(self) -> tuple[str, ...]:
        """The symbols beside the batch, such as the length of sequences."""
        return tuple(symbol for symbol in self.symbols if symbol != BATCH)

    @cached_property
    def text(self) -> str:
        """The stable text form, a line for each item; used in golden tests and as the graph's identity."""
        return format_graph(self)

    @property
    def digest(self) -> str:
        """SHA-256 of the text form, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<{self._title}; print it>"

    def _repr_html_(self) -> str:
        return html.frame(self._title, html.listing(self.text.splitlines()))

    @property
    def _title(self) -> str:
        return f"graph {label(self.name)}: {len(self.nodes)} nodes, {len(self.parameters)} parameters"

    def output(self, name: str) -> int:
        """The value id of the output of this name."""
        return self._outputs[name]

    @cached_property
    def _outputs(self) -> Mapping[str, int]:
        return {o.name: o.value for o in self.outputs}

    def with_nodes(self, nodes: tuple[Node, ...]) -> Graph:
        """The same graph with other nodes, and the types of values nobody defines any more dropped."""
        defined = {item.value for item in self.given}
        defined.update(value for node in nodes for value in node.outputs)
        types = {value: t for value, t in self.types.items() if value in defined}
        return replace(self, nodes=nodes, types=types)


def format_graph(graph: Graph) -> str:
    """Writes a graph as text, one line an item, values as `%id`; `graphnet.compiler.parsing` reads it back."""
    types = graph.types
    lines = [f"graph {format_name(graph.name)}"]
    lines += [f"  input {_declared(i, types)}" for i in graph.inputs]
    lines += [f"  parameter {_declared(p, types)}{_extras(p)}{_next(p)}" for p in graph.parameters]
    lines += [f"  state {_declared(s, types)} {format_name(s.role)} from {format_value(s.initial)}{_next(s)}"
              for s in graph.states]
    phase = FORWARD
    for node in graph.nodes:
        if node.phase != phase:
            phase = node.phase
            lines.append(f"  -- {phase}")
        lines.append("  " + format_node(node, types))
    lines += [f"  output {format_name(o.name)} = %{o.value}" for o in graph.outputs]
    lines += [f"  penalty {format_name(o.name)} = %{o.value}" for o in graph.penalties]
    return "\n".join(lines) + "\n"


def _declared(item: Input | Parameter | State, types: Mapping[int, TensorType]) -> str:
    return f"%{item.value} {format_name(item.name)}: {types[item.value]}"


def _extras(p: Parameter) -> str:
    frozen = "" if p.trainable else " frozen"
    rate = "" if p.rate == 1 else f" rate {format_value(p.rate)}"
    role = "" if p.role is None else f" role {p.role}"
    return frozen + rate + role + ("" if p.constraint is None else f" constraint {p.constraint}")


def _next(item: Parameter | State) -> str:
    return "" if item.next is None else f" next %{item.next}"


def format_node(node: Node, types: Mapping[int, TensorType]) -> str:
    """Writes a node as text: results, op, operands, types and the layer it belongs to."""
    results = ", ".join(f"%{v}" for v in node.outputs)
    operands = ", ".join(f"%{v}" for v in node.inputs)
    made = ", ".join(str(types[v]) for v in node.outputs)
    layer = f"  # {format_name(node.origin.layer)}" if node.origin.layer else ""
    return f"{results} = {node.op}({operands}) : {made}{layer}"
