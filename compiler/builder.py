"""Builds Graphs: appends typed nodes one by one, or onto an existing graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from graphnet.compiler.errors import GraphError, ShapeError
from graphnet.compiler.ir import FORWARD, Graph, Input, Node, Origin, Output, Parameter, State
from graphnet.compiler.op import Op
from graphnet.compiler.results import infer_results
from graphnet.compiler.types import TensorType, format_shape


class Builder:
    """Collects inputs, parameters, states and nodes; `build` freezes them into a Graph.

    Nodes get the origin and phase that are current (see `at`).
    """

    def __init__(self, name: str, start: Graph | None = None) -> None:
        self.name = name
        self.inputs: list[Input] = list(start.inputs) if start else []
        self.parameters: list[Parameter] = list(start.parameters) if start else []
        self.states: list[State] = list(start.states) if start else []
        self.nodes: list[Node] = list(start.nodes) if start else []
        self.penalties: list[Output] = list(start.penalties) if start else []
        self.types: dict[int, TensorType] = dict(start.types) if start else {}
        self._origins: dict[int, Origin] = dict(start.origins) if start else {}
        self._parameter_at = {p.value: index for index, p in enumerate(self.parameters)}
        self._state_at = {s.value: index for index, s in enumerate(self.states)}
        self._next = max(self.types, default=-1) + 1
        self._origin, self._phase = Origin(), FORWARD

    @contextmanager
    def at(self, origin: Origin, phase: str | None = None) -> Iterator[None]:
        """Within the block, new nodes get this origin (and phase)."""
        before = self._origin, self._phase
        self._origin, self._phase = origin, phase or self._phase
        try:
            yield
        finally:
            self._origin, self._phase = before

    def input(self, name: str, type: TensorType) -> int:
        """Adds an input and returns its id."""
        value = self._new(type)
        self.inputs.append(Input(value, name, self._origin))
        return value

    def parameter(self, name: str, type: TensorType, trainable: bool = True, rate: float = 1.0,
                  constraint: Op | None = None) -> int:
        """Adds a parameter and returns its id."""
        value = self._new(type)
        self._parameter_at[value] = len(self.parameters)
        self.parameters.append(Parameter(value, name, trainable, self._origin, None, rate, constraint))
        return value

    def penalty(self, name: str, value: int) -> None:
        """Adds a scalar that training adds to the loss.

        Raises:
            GraphError: the value is not a floating-point scalar.
        """
        if self.types[value].shape != () or not self.types[value].is_float:
            raise GraphError(f"the penalty {name!r} must be a floating-point scalar, got {self.types[value]}")
        self.penalties.append(Output(name, value))

    def state(self, name: str, type: TensorType, role: str, initial: float = 0.0) -> int:
        """Adds a state and returns the id of its old value; `advance` gives it a new one."""
        value = self._new(type)
        self._state_at[value] = len(self.states)
        self.states.append(State(value, name, role, initial, None, self._origin))
        return value

    def advance(self, value: int, next: int) -> None:
        """Says which value the parameter or state with the id `value` takes after the step; the last word counts.

        Raises:
            GraphError: there is no such parameter or state.
        """
        if value in self._state_at:
            index = self._state_at[value]
            self.states[index] = replace(self.states[index], next=next)
        elif value in self._parameter_at:
            index = self._parameter_at[value]
            self.parameters[index] = replace(self.parameters[index], next=next)
        else:
            raise GraphError(f"value %{value} is not a parameter or state")

    def apply(self, op: Op, *inputs: int) -> tuple[int, ...]:
        """Appends a node and returns the ids of all its outputs.

        Raises:
            ShapeError: the op refuses its inputs; the error names the layers and source lines of both ends.
        """
        try:
            types = infer_results(op, tuple(self.types[value] for value in inputs))
        except ShapeError as error:
            owner = f"op {op.name}" if self._origin == Origin() else str(self._origin)
            foreign = [value for value in inputs if self._origins[value] != self._origin]  # not its own weights
            raise error if error.context else error.located(self._describe(owner, foreign)) from None
        outputs = tuple(self._new(type) for type in types)
        self.nodes.append(Node(op, inputs, outputs, self._origin, self._phase))
        return outputs

    def add(self, op: Op, *inputs: int) -> int:
        """Appends a node with a single output and returns its id."""
        return self.apply(op, *inputs)[0]

    def build(self, outputs: Sequence[Output]) -> Graph:
        """Freezes what was collected.

        Raises:
            GraphError: two outputs, parameters, inputs or states have one name.
        """
        for group in (self.inputs, self.parameters, self.states, outputs):
            names = [item.name for item in group]
            twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
            if twice:
                raise GraphError(f"the names {', '.join(twice)} are used twice in graph {self.name}; "
                                 "give each layer, input and output a name of its own")
        return Graph(self.name, tuple(self.inputs), tuple(self.parameters), tuple(self.states), tuple(self.nodes),
                     tuple(outputs), self.types, tuple(self.penalties))

    def _new(self, type: TensorType) -> int:
        value, self._next = self._next, self._next + 1
        self.types[value], self._origins[value] = type, self._origin
        return value

    @property
    def origin(self) -> Origin:
        """The origin that new nodes get."""
        return self._origin

    @contextmanager
    def locating(self, *inputs: int) -> Iterator[None]:
        """Within the block, a ShapeError says who refuses (the current origin) and who made each of `inputs`."""
        try:
            yield
        except ShapeError as error:
            raise error.located(self._describe(str(self._origin), inputs)) from None

    def _describe(self, owner: str, inputs: Sequence[int]) -> str:
        names = {item.value: item.name for item in self.inputs}
        lines = [f"{owner} cannot take its input"]
        for value in inputs:
            t, origin = self.types[value], self._origins[value]
            maker = f"the input {names[value]!r}" if origin == Origin() and value in names else origin
            lines.append(f"  got: {t.dtype} {format_shape(t.shape)} from {maker}")
        return "\n".join(lines)
