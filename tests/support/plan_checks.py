"""Checks a Program by keeping book of which value every byte of every buffer holds at each time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import Graph
from graphnet.compiler.ops import Advance
from graphnet.compiler.planning.memory import Block, align, lower_bound
from graphnet.compiler.planning.program import ALIGNMENT, ARENA, Instruction, Program, Slot
from graphnet.compiler.planning.separation import separate_results
from graphnet.compiler.rewrite import bind_graph
from graphnet.compiler.types import Array
from graphnet.runtime.session import Buffers, Executable

UNKNOWN = -1


class Ledger:
    """The value that each byte holds. A view has the name of the value whose memory it shows."""

    def __init__(self, program: Program, graph: Graph) -> None:
        self.bytes: dict[str, NDArray[np.int64]] = {
            name: np.full(size, UNKNOWN) for name, size in program.buffers.items()}
        written = {slot.value for i in program.instructions for slot in i.outputs}
        self.source = {node.outputs[0]: node.inputs[0] for node in graph.nodes
                       if node.op.view and node.outputs[0] not in written}
        for slot in (*program.inputs.values(), *program.parameters.values(), *program.states.values()):
            self.write(slot)

    def name(self, value: int) -> int:
        """The value whose memory this one lies in."""
        while value in self.source:
            value = self.source[value]
        return value

    def write(self, slot: Slot) -> None:
        """The slot's bytes hold its value from now on."""
        self.bytes[slot.buffer][slot.offset:slot.end] = self.name(slot.value)

    def check(self, slot: Slot, where: str) -> None:
        """The slot's bytes must hold its value."""
        held = np.unique(self.bytes[slot.buffer][slot.offset:slot.end])
        wanted = self.name(slot.value)
        assert (held == wanted).all(), f"{where}: {slot} should hold %{wanted}, but holds {held.tolist()}"


def check_program(program: Program, graph: Graph) -> None:
    """No instruction reads bytes that something else was written to, and everything lies inside its buffer.

    Args:
        program: to be checked.
        graph: that it was lowered from.
    """
    ledger = Ledger(program, separate_results(graph))
    for index, instruction in enumerate(program.instructions):
        where = f"instruction {index} ({instruction.op.name})"
        _check_bounds(program, instruction, where)
        _check_apart(instruction, where)
        for slot in instruction.inputs[isinstance(instruction.op, Advance):]:  # which writes over its first
            ledger.check(slot, where)
        for slot in instruction.workspace:
            ledger.write(slot)
        for slot in instruction.outputs:
            ledger.write(slot)
    for name, slot in program.outputs.items():
        ledger.check(slot, f"output {name}")
    check_peak(program)


def check_peak(program: Program) -> None:
    """The arena is no smaller than what is live at once and no larger than without any reuse."""
    blocks = {(s.offset, s.end, s.first, s.last): Block(s.end - s.offset, s.first, s.last)
              for s in arena_slots(program)}
    assert lower_bound(list(blocks.values())) <= program.peak
    assert program.peak <= sum(align(block.size) for block in blocks.values())


def arena_slots(program: Program) -> list[Slot]:
    """Every slot of the arena that anything uses."""
    slots = [slot for i in program.instructions for slot in (*i.inputs, *i.outputs, *i.workspace)]
    slots += [*program.inputs.values(), *program.outputs.values()]
    return [slot for slot in slots if slot.buffer == ARENA]


def check_run(program: Program, graph: Graph, feeds: dict[str, Array], tolerance: float, runs: int = 2) -> None:
    """Running the Program leaves the same outputs, weights and states as the reference interpreter, run after run."""
    buffers = Buffers()
    run = Executable(program, buffers)
    graph, kept = bind_graph(graph, program.dims), dict(feeds)
    for name in program.buffers:
        buffers[name][:] = 0xFF
    slots = {**program.parameters, **program.states}
    for name, slot in slots.items():
        buffers.view(slot)[...] = feeds[name]
    for _ in range(runs):
        for name, array in run.inputs.items():
            array[...] = feeds[name]
        run.run()
        values = interpret(graph, kept)
        for o in graph.outputs:
            _assert_near(run.outputs[o.name], values[o.value], tolerance, f"output {o.name}")
        for item in (*graph.parameters, *graph.states):
            kept[item.name] = values[item.value if item.next is None else item.next]
            _assert_near(buffers.view(slots[item.name]), kept[item.name], tolerance, item.name)


def random_feeds(graph: Graph, batch: int, seed: int = 0) -> dict[str, Array]:
    """An array for each input, weight and state of a graph."""
    rng, feeds = np.random.default_rng(seed), {}
    graph = bind_graph(graph, {"N": batch})
    for item in (*graph.inputs, *graph.parameters, *graph.states):
        t = graph.types[item.value]
        made = rng.uniform(0.1, 1, t.shape) if t.is_float else rng.integers(1, 2, t.shape)
        feeds[item.name] = np.asarray(made, t.dtype)
    return feeds


def _check_bounds(program: Program, instruction: Instruction, where: str) -> None:
    for slot in (*instruction.inputs, *instruction.outputs, *instruction.workspace):
        size = np.dtype(slot.operand.dtype).itemsize
        assert 0 <= slot.offset <= slot.end <= program.buffers[slot.buffer], f"{where}: {slot} is outside its buffer"
        assert slot.offset % (ALIGNMENT if slot.buffer == ARENA else size) == 0, f"{where}: {slot} is not aligned"


def _check_apart(instruction: Instruction, where: str) -> None:
    """Scratch memory and results lie apart from everything else, but for a result in the place of an input."""
    op = instruction.op
    allowed = {(op.inplace_output, position) for position in op.inplace} | set(op.advances().items())
    for index, out in enumerate(instruction.outputs):
        for position, slot in enumerate(instruction.inputs):
            same = (out.buffer, out.offset, out.operand) == (slot.buffer, slot.offset, slot.operand)
            twin = any((index, p) in allowed and instruction.inputs[p] == slot for p in range(len(instruction.inputs)))
            assert not _overlap(out, slot) or (same and ((index, position) in allowed or twin)), \
                f"{where}: result {out} lies over operand {slot}"
    written = [*instruction.outputs, *instruction.workspace]
    for i, slot in enumerate(written):
        others = written[:i] if slot in instruction.outputs else [*written[:i], *instruction.inputs]
        for other in others:
            assert not _overlap(slot, other), f"{where}: {slot} lies over {other}"


def _overlap(a: Slot, b: Slot) -> bool:
    return a.buffer == b.buffer and max(a.offset, b.offset) < min(a.end, b.end)


def _assert_near(found: Array, expected: Array, tolerance: float, what: str) -> None:
    scale = max(np.abs(expected).max(initial=0), 1)
    np.testing.assert_allclose(found, expected, 0, tolerance * scale, err_msg=what)
