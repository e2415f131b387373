"""Trades time for memory: recomputes forward values in the backward pass instead of keeping them.

The recomputed nodes are copies of the first ones, on the same inputs, so all numbers stay the same (Chen, Xu, Zhang
and Guestrin, Training Deep Nets with Sublinear Memory Cost, 2016). Greedy: at the instruction where the arena is
fullest, the value that is cheapest to make again, by FLOPs for each byte set free, is given up between the use before
and the use after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import BACKWARD, Graph, Node
from graphnet.compiler.passes.base import Pass
from graphnet.compiler.planning.liveness import arena_bytes, arena_pieces
from graphnet.compiler.planning.lowering import lower
from graphnet.compiler.planning.program import ARENA, Program, Target
from graphnet.compiler.types import Dims

MOST_NODES = 16  # that one value may cost
MOST_STEPS = 256  # each lowers the graph anew


@dataclass(frozen=True)
class FitMemory(Pass):
    """Stands for `fit_memory` among the passes, for those who check or show what each did; it has been run."""

    name = "fit_memory"
    purpose = "Computes values again where keeping them would take more memory than there is to be."


@dataclass(frozen=True, slots=True)
class Gap:
    """A value that lies idle at the peak: the instruction that reads it next, and what it takes to make it again."""

    value: int
    reader: int
    nbytes: int
    nodes: tuple[Node, ...]
    flops: int


def fit_memory(graph: Graph, dims: Dims, target: Target, limit: int, program: Program,
               optimize: bool = True, steps: int = MOST_STEPS) -> tuple[Graph, Program]:
    """Lowers a graph so that its memory takes at most `limit` bytes, if that can be done by a smaller arena.

    Args:
        graph: after all passes.
        dims: a number for each symbol.
        target: what the Program is for.
        limit: bytes, see `Program.taken`.
        program: the graph, lowered without a limit.
        optimize: as for `lower`.
        steps: how many values may be given up.

    Returns:
        The first Program that fits, or else the one with the smallest arena that was found; and the graph it is of.
    """
    def relower(changed: Graph) -> Program:
        return lower(changed, dims, target, optimize)

    refused: set[tuple[int, int]] = set()
    for _ in range(steps):
        if program.taken <= limit:
            break
        changed = _best_step(graph, program, relower, refused)
        if changed is None:
            break
        graph, program = changed
    return graph, program


def _best_step(graph: Graph, program: Program, relower: Callable[[Graph], Program],
               refused: set[tuple[int, int]]) -> tuple[Graph, Program] | None:
    """The next graph with less live around the fullest instruction; None if there is none."""
    live = _profile(program)
    if not live:  # views of what is fed only: there is nothing to compute again
        return None
    before = max(live)
    full = live.index(before)
    gaps = sorted(_gaps(graph, program, full), key=lambda gap: (gap.flops / gap.nbytes, gap.value))
    for gap in gaps:
        reader = program.instructions[gap.reader].outputs[0].value
        if (gap.value, reader) in refused:
            continue
        changed = _recompute(graph, gap, reader)
        lowered = relower(changed)
        if lowered.peak <= program.peak and _peak_area(lowered, before) < _peak_area(program, before):
            return changed, lowered
        refused.add((gap.value, reader))
    return None


def _profile(program: Program) -> list[int]:
    """Live bytes of the arena at each instruction."""
    return [values + scratch for values, scratch in arena_bytes(program)]


def _peak_area(program: Program, level: int) -> int:
    """How far above 90 % of a level the arena is, over all instructions: falls with each step that helps."""
    floor = level * 9 // 10
    return sum(max(live - floor, 0) for live in _profile(program))


def _gaps(graph: Graph, program: Program, full: int) -> Iterator[Gap]:
    uses: dict[int, list[int]] = {}
    for index, instruction in enumerate(program.instructions):
        for slot in instruction.inputs:
            uses.setdefault(slot.value, []).append(index)
    holding = _values_by_place(program)
    for slot, _ in arena_pieces(program):
        if not slot.first < full < slot.last:
            continue
        for value in holding.get((slot.offset, slot.first, slot.last), ()):
            later = [use for use in uses.get(value, ()) if use >= full]
            if not later or later[0] == full or value in graph.kept:
                continue
            nodes = _chain(graph, program, value, later[0], holding)
            if nodes:
                yield Gap(value, later[0], slot.operand.nbytes, nodes, _flops(program, nodes))


def _values_by_place(program: Program) -> dict[tuple[int, int, int], list[int]]:
    """The values that lie in each piece of the arena over one lifetime."""
    places: dict[tuple[int, int, int], list[int]] = {}
    for instruction in program.instructions:
        for slot in (*instruction.inputs, *instruction.outputs):
            if slot.buffer == ARENA:
                held = places.setdefault((slot.offset, slot.first, slot.last), [])
                if slot.value not in held:
                    held.append(slot.value)
    return places


def _chain(graph: Graph, program: Program, value: int, reader: int,
           holding: dict[tuple[int, int, int], list[int]]) -> tuple[Node, ...]:
    """The nodes that make a value again from what is there when `reader` runs; empty if that cannot be done."""
    there = {i.value for i in graph.inputs} | {p.value for p in graph.parameters}
    written = {slot.value: index for index, i in enumerate(program.instructions) for slot in i.outputs}
    for (_, first, last), values in holding.items():
        if first < reader <= last and value not in values:
            made = [v for v in values if written.get(v, -1) < reader]  # none of a sum over blocks that begins later
            there |= {max(made, key=lambda v: written.get(v, -1))} if made else set()
    nodes: list[Node] = []
    todo = [value]
    while todo:
        node = graph.producers.get(todo.pop())
        if node is None or node.op.advances() or len(nodes) == MOST_NODES:
            return ()
        if node not in nodes:
            nodes.append(node)
            todo.extend(v for v in node.inputs if v not in there)
    order = {id(node): index for index, node in enumerate(graph.nodes)}
    return tuple(sorted(nodes, key=lambda node: order[id(node)]))


def _flops(program: Program, nodes: tuple[Node, ...]) -> int:
    made = {v for node in nodes for v in node.outputs}
    return sum(i.flops for i in program.instructions if i.outputs[0].value in made)


def _recompute(graph: Graph, gap: Gap, reader: int) -> Graph:
    """Copies the nodes before the one that makes `reader`, and lets it and all after it read the copy."""
    at = next(index for index, node in enumerate(graph.nodes) if reader in node.outputs)
    b = Builder(graph.name, graph)
    b.nodes = list(graph.nodes[:at])
    names: dict[int, int] = {}
    for node in gap.nodes:
        with b.at(node.origin, BACKWARD):
            copies = b.apply(node.op, *(names.get(v, v) for v in node.inputs))
        names.update(zip(node.outputs, copies, strict=True))
    new = names[gap.value]
    for node in graph.nodes[at:]:
        inputs = tuple(new if v == gap.value else v for v in node.inputs)
        b.nodes.append(node if inputs == node.inputs else replace(node, inputs=inputs))
    return replace(graph, types=b.types).with_nodes(tuple(b.nodes))
