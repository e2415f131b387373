"""Decides which values share memory, and how long each piece of memory is live.

A `Storage` is a piece of memory that one or more values lie in: a view lies in its source, a new weight in the old one,
and an in-place result in the input that dies with it.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphnet.compiler.ir import OPTIMIZER, RECURRENT, Graph, Node, Parameter, State, format_node
from graphnet.compiler.liveness import BEFORE, Life, lifetimes
from graphnet.compiler.ops.updates import GradientReader
from graphnet.compiler.planning.batching import AFTER, EACH
from graphnet.compiler.planning.layout import operand
from graphnet.compiler.planning.memory import Block, align, plan
from graphnet.compiler.planning.program import ARENA, GRADIENTS, PARAMETERS, PREPARED, STATES, Operand, Slot
from graphnet.compiler.types import BATCH


@dataclass(eq=False)
class Storage:
    """A piece of memory. Outside the arena its offset is fixed from the start."""

    size: int
    buffer: str = ARENA
    offset: int = 0
    first: int = BEFORE
    last: int = BEFORE
    values: list[int] = field(default_factory=list)


class Placement:
    """The storage of every value of a graph, and the sizes of the buffers.

    Args:
        graph: ordered, with concrete dims.
        forms: dtype, shape and strides of each value.
        inplace: whether a result may lie in the memory of an input that dies with it.
        stage_of: the stage of each node, in ascending order; None if samples cannot be told apart.
        keep: whether what is made before there are samples is kept from run to run, in a buffer of its own.
        fed: the inputs that are fed for each block of samples, if samples are worked off in blocks.

    Attributes:
        code: the nodes that are instructions.
        each: the first instruction that needs samples, and the first that needs what was made of all of them.
    """

    def __init__(self, graph: Graph, forms: Mapping[int, Operand], inplace: bool = True,
                 stage_of: Sequence[int] | None = None, keep: bool = False,
                 fed: frozenset[int] | None = None) -> None:
        self.graph, self.forms = graph, forms
        self.of: dict[int, Storage] = {}
        self.buffers: dict[str, int] = {}
        self.code = [node for node in graph.nodes if not self._is_view(node)]
        self.each: tuple[int, int] | None = None
        if stage_of is not None:
            kept = [stage for node, stage in zip(graph.nodes, stage_of, strict=True) if not self._is_view(node)]
            self.each = bisect_left(kept, EACH), bisect_left(kept, AFTER)
        self._place_outer()
        if self.each and keep:
            self._place_prepared(self.code[:self.each[0]])
        self._place_inner()
        self._measure_lifetimes()
        if self.each and fed is not None:
            self._lengthen_lives(fed, *self.each)
        if inplace:
            self._take_over()

    def plan_arena(self, workspaces: Sequence[Sequence[Storage]]) -> None:
        """Gives offsets to everything in the arena, the workspaces of each instruction included."""
        inner = {id(s): s for s in self.of.values() if s.buffer == ARENA}
        storages = [*inner.values(), *(s for group in workspaces for s in group)]
        offsets, self.buffers[ARENA] = plan([Block(s.size, s.first, s.last) for s in storages])
        for storage, offset in zip(storages, offsets, strict=True):
            storage.offset = offset

    def _place_outer(self) -> None:
        """Weights lie in one flat buffer, the trained ones first; gradients and each moment likewise."""
        self._pack(PARAMETERS, [p.value for p in _packed(self.graph)])
        for state in self.graph.states:
            if state.role == OPTIMIZER:
                self._pack(state.name, [state.value])
            if state.role == RECURRENT:
                self._pack(recurrent_buffer(state.name), [state.value])
        self._pack(STATES, [s.value for s in _packed_states(self.graph)], aligned=True)
        if reader := gradient_reader(self.graph):
            self._pack(GRADIENTS, [reader.inputs[position] for position in gradient_positions(reader)])

    def _pack(self, buffer: str, values: list[int], aligned: bool = False) -> None:
        offset = 0
        for value in values:
            size = self.forms[value].nbytes
            self._put(value, Storage(size, buffer, offset))
            offset += align(size) if aligned else size
        if values:
            self.buffers[buffer] = offset

    def _put(self, value: int, storage: Storage) -> None:
        self.of[value] = storage
        storage.values.append(value)

    def _place_prepared(self, nodes: Sequence[Node]) -> None:
        """What is made of weights alone. Graphs that make the same share the buffer, which has the name of its text."""
        text = "\n".join(format_node(node, self.graph.types) for node in nodes)
        self._pack(PREPARED + hashlib.sha256(text.encode()).hexdigest()[:16],
                   [value for node in nodes for value in node.outputs], aligned=True)

    def _place_inner(self) -> None:
        for item in self.graph.inputs:
            self._put(item.value, Storage(self.forms[item.value].nbytes))
        kept: tuple[Parameter | State, ...] = (*self.graph.parameters, *self.graph.states)
        # A state that is held has no next value: it stays, even if a node computes what it would become.
        moving = {id(self.of[item.value]) for item in kept if item.next is not None}
        moving |= {id(storage) for storage in self.of.values() if storage.buffer == GRADIENTS}
        for node in self.graph.nodes:
            over = node.op.advances()
            for index, value in enumerate(node.outputs):
                if value in self.of:
                    continue
                if self._is_view(node):
                    self._put(value, self.of[node.inputs[0]])
                elif index in over and id(self.of[node.inputs[over[index]]]) in moving:
                    self._put(value, self.of[node.inputs[over[index]]])
                else:
                    self._put(value, Storage(self.forms[value].nbytes))

    def _measure_lifetimes(self) -> None:
        """A storage lives from its first value to the last use of any. Views are no instructions, only more values."""
        lives = lifetimes(self.code, self.graph.kept, through_views=False)
        unread = Life(BEFORE, BEFORE)
        for storage in dict.fromkeys(self.of.values()):
            storage.first = lives.get(storage.values[0], unread).first
            storage.last = max(lives.get(value, unread).last for value in storage.values)

    def _lengthen_lives(self, fed: frozenset[int], start: int, stop: int) -> None:
        """What lives into or out of the work on a block lives through the work on all of them. What is fed to each is
        there at its beginning, also where nothing reads it."""
        for storage in dict.fromkeys(self.of.values()):
            if fed.intersection(storage.values):
                storage.last = max(storage.last, start)
            elif storage.first < start <= storage.last:
                storage.last = max(storage.last, stop - 1)
            if start <= storage.first < stop <= storage.last:
                storage.first = start

    def _take_over(self) -> None:
        """Puts an output into the memory of an input that dies there, where the op allows it."""
        for index, node in enumerate(self.code):
            for position in node.op.inplace:
                if self._may_take_over(index, node, position):
                    old, new = self.of[node.outputs[node.op.inplace_output]], self.of[node.inputs[position]]
                    new.last = old.last
                    for value in list(old.values):
                        self._put(value, new)
                    break

    def _may_take_over(self, index: int, node: Node, position: int) -> bool:
        source, target = node.inputs[position], node.outputs[node.op.inplace_output]
        old, new = self.of[target], self.of[source]
        return (old is not new and old.buffer == new.buffer == ARENA and new.last == index == old.first
                and self.forms[source] == self.forms[target])

    def _is_view(self, node: Node) -> bool:
        """Whether a node only renames memory: rows stay rows, or batch-last stays so with the same batch."""
        if not node.op.view:
            return False
        before, after = self.forms[node.inputs[0]], self.forms[node.outputs[0]]
        if before.layout == after.layout == "rows":
            return True
        return before.layout == after.layout and before.shape[0] == after.shape[0]


def gradient_reader(graph: Graph) -> Node | None:
    """The first node that reads the gradients of all weights: the update, or the clipping before it."""
    return next((node for node in graph.nodes if isinstance(node.op, GradientReader)), None)


def gradient_positions(reader: Node) -> range:
    """Which inputs of such a node are gradients."""
    return reader.op.gradient_positions() if isinstance(reader.op, GradientReader) else range(0)


def parameter_slots(graph: Graph) -> dict[str, Slot]:
    """Where every Program of a graph keeps the weights, by name."""
    slots, offset = {}, 0
    for p in _packed(graph):
        slots[p.name] = Slot(p.value, operand(graph.types[p.value], False), PARAMETERS, offset, BEFORE, BEFORE)
        offset = slots[p.name].end
    return slots


def state_slots(graph: Graph) -> dict[str, Slot]:
    """Where every Program of a graph keeps its states (the optimizer's and recurrent ones apart), by name."""
    slots, offset = {}, 0
    for state in _packed_states(graph):
        slots[state.name] = Slot(state.value, operand(graph.types[state.value], False), STATES, offset, BEFORE, BEFORE)
        offset += align(slots[state.name].operand.nbytes)
    return slots


def recurrent_slots(graph: Graph, batch: int) -> dict[str, Slot]:
    """Where every Program of a graph keeps its recurrent states for batches of this size, by name."""
    return {s.name: Slot(s.value, operand(graph.types[s.value].bind({BATCH: batch}), False), recurrent_buffer(s.name),
                         0, BEFORE, BEFORE) for s in graph.states if s.role == RECURRENT}


def recurrent_buffer(name: str) -> str:
    """The buffer of a recurrent state: one of its own, since its size depends on the batch."""
    return f"{STATES}/{name}"


def _packed_states(graph: Graph) -> list[State]:
    return [state for state in graph.states if state.role not in (OPTIMIZER, RECURRENT)]


def _packed(graph: Graph) -> list[Parameter]:
    """The weights in the order of the flat buffer: the trained ones first, so that an update is one walk."""
    return sorted(graph.parameters, key=lambda p: not p.trainable)
