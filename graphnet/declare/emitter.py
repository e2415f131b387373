"""Emits layers into a graph: once for each call, to infer its shapes, and once for a whole model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from graphnet.common.answers import Answering
from graphnet.common.names import Names
from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import ShapeError
from graphnet.compiler.ir import Graph, Origin, Output
from graphnet.compiler.results import check_values
from graphnet.compiler.roles import KERNEL, said_by_ops
from graphnet.compiler.types import TensorType, format_shape
from graphnet.declare.options import WeightRules
from graphnet.initializers import Initializer


@dataclass(frozen=True, slots=True)
class Weight:
    """A weight as a layer declared it on its first call, at `source`. Later calls share it.

    Its `role` is None until that call has been emitted, if it is left to the ops that take the weight. What comes in to
    one of its outputs lies along the axes `incoming`, if the layer says them.
    """

    name: str
    type: TensorType
    initializer: Initializer
    trainable: bool
    source: str
    role: str | None = None
    incoming: tuple[int, ...] | None = None


class Emits(Protocol):
    """What an emitter needs of a layer. `kind` is its class's name, `source` the line that declared it."""

    kind: str
    name: str | None
    source: str
    rules: WeightRules

    @property
    def weights(self) -> Mapping[str, Weight]:
        """The weights that its first call declared."""
        ...

    def declare(self, weight: Weight) -> None:
        """Keeps a weight as the first call declared it."""

    def check_types(self, *types: TensorType) -> None:
        """Refuses dtypes that the layer cannot compute with."""

    def emit(self, b: Emitter, *inputs: Any, **_: Any) -> int | tuple[int, ...]:
        """Adds the layer's nodes and returns the id of the result (or of several)."""
        ...


class Emitter(Builder, Answering):
    """What a layer's `emit` adds ops to: a Builder that knows which parameter stands for which weight of which layer.

    Keras / PyTorch: – / –; there a layer computes numbers.

    Attributes:
        initializers: what fills each parameter, by its full name.
        declared: the weights that were met, by layer and name.

    Example:
        >>> from graphnet.custom import ops
        >>> class Twice(gn.layers.Layer):
        ...     def emit(self, b: gn.layers.Emitter, x: int) -> int:
        ...         print(b.types[x])
        ...         return b.add(ops.Scale(2.0), x)
        >>> Twice()(gn.Input((3,))).shape
        f32[N,3]
        ('N', 3)
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.initializers: dict[str, Initializer] = {}
        self.declared: dict[tuple[Emits, str], Weight] = {}
        self._ids: dict[tuple[Emits, str], int] = {}
        self._without_role: list[tuple[Emits, str]] = []
        self._states: dict[tuple[Emits, str], int] = {}

    def emit(self, layer: Emits, origin: Origin, inputs: Sequence[int]) -> tuple[int, ...]:
        """Emits one call of a layer and returns the ids of its results.

        Raises:
            ShapeError: the layer refuses its inputs; the text names it, those who made them, and their lines.
        """
        with self.at(origin), self.locating(*inputs):
            layer.check_types(*(self.types[value] for value in inputs))
            emitted = layer.emit(self, *inputs)
            results = emitted if isinstance(emitted, tuple) else (emitted,)
            check_values(f"emit of {layer.kind}", results, self.types)
            self._settle_roles()
            self.regularize_activity(layer, results[0])
        return results

    def regularize_activity(self, layer: Emits, value: int) -> None:
        """Adds the penalty of a result, if the layer was told one."""
        if layer.rules.activity_regularizer is not None:
            penalty = layer.rules.activity_regularizer.emit(self, value, per_sample=True)
            taken = Names(item.name for item in self.penalties)
            self.penalty(taken.give(f"{self.origin.layer or layer.kind}:activity"), penalty)

    def weight(self, layer: Emits, weight: Weight) -> int:
        """The id of a layer's weight: a new parameter, or the one that an earlier call declared.

        Raises:
            ShapeError: this call needs another shape or dtype than the first one declared.
        """
        key = (layer, weight.name)
        first = layer.weights.get(weight.name) or self.declared.get(key)
        if first is not None and first.type != weight.type:
            raise ShapeError(_misfit(first, weight),
                             "share a layer only between inputs whose sizes agree, or declare a second layer")
        if key not in self._ids:
            full = f"{self.origin.layer or layer.kind}/{weight.name}"
            self._ids[key] = self.parameter(full, weight.type, weight.trainable, layer.rules.learning_rate_multiplier)
            self.initializers[full] = weight.initializer
            self.declared[key] = first or weight
            self._apply_rules(key)
        return self._ids[key]

    def _apply_rules(self, key: tuple[Emits, str]) -> None:
        """Adds what a layer was told about a weight, once the weight has a role."""
        weight, rules, index = self.declared[key], key[0].rules, self._parameter_at[self._ids[key]]
        if weight.role is None:
            self._without_role.append(key)
            return
        constraint, regularizer = rules.constraint(weight.role), rules.regularizer(weight.role)
        if constraint is not None:
            op = constraint.with_axes(weight.incoming).op(weight.type.shape)
            self.parameters[index] = replace(self.parameters[index], constraint=op)
        if regularizer is not None:
            self.penalty(self.parameters[index].name, regularizer.emit(self, self._ids[key]))

    def _settle_roles(self) -> None:
        """Gives weights that a layer's first call declared without a role the one that ops say, or a kernel's."""
        if not self._without_role:
            return
        waiting, self._without_role = self._without_role, []
        said = said_by_ops((self._ids[key] for key in waiting), self.nodes)
        for key in waiting:
            self.declared[key] = replace(self.declared[key], role=said.get(self._ids[key], KERNEL))
            self._apply_rules(key)

    def build(self, outputs: Sequence[Output]) -> Graph:
        """Freezes what was collected; parameters keep a role where their ops do not say it.

        Raises:
            GraphError: two outputs, parameters, inputs or states have one name.
        """
        said = said_by_ops(self._ids.values(), self.nodes)
        for key, weight in self.declared.items():
            index = self._parameter_at[self._ids[key]]
            if weight.role != said.get(self._ids[key], KERNEL):
                self.parameters[index] = replace(self.parameters[index], role=weight.role)
        return super().build(outputs)

    def read_state(self, layer: Emits, name: str, type: TensorType, role: str, initial: float = 0.0) -> int:
        """The id of what a layer keeps from step to step, called `<layer name>/<name>`; declared by the first call.

        A layer that is called several times reads in each call what the call before it made (see `write_state`).

        Raises:
            ShapeError: this call needs another shape or dtype than the first one declared.
        """
        key = (layer, name)
        if key not in self._states:
            self._states[key] = self.state(f"{self.origin.layer or layer.kind}/{name}", type, role, initial)
        state = next(item for item in self.states if item.value == self._states[key])
        if self.types[state.value] != type:
            first = self.types[state.value]
            raise ShapeError(f"its {name} is {first} since its first call, but this input needs {type}",
                             "share a layer only between inputs whose sizes agree, or declare a second layer")
        return state.value if state.next is None else state.next

    def write_state(self, layer: Emits, name: str, value: int) -> None:
        """Says what a state that was read becomes."""
        self.advance(self._states[layer, name], value)


def _misfit(first: Weight, now: Weight) -> str:
    old, new = (f"{weight.type.dtype} {format_shape(weight.type.shape)}" for weight in (first, now))
    return (f"its {first.name} is {old} since its first call at {first.source}, but this input needs {new}: "
            f"{first.type} ≠ {now.type}")
