"""Which pieces of the arena are live when, for a whole Program."""

from __future__ import annotations

from collections.abc import Iterator

from graphnet.compiler.liveness import BEFORE, live_bytes
from graphnet.compiler.planning.program import ARENA, Program, Slot


def arena_bytes(program: Program) -> list[tuple[int, int]]:
    """For each instruction the bytes of the arena that are live: values, and its scratch."""
    values = [slot for slot, _ in arena_pieces(program) if slot.value >= 0]
    live = live_bytes(((slot.operand.nbytes, slot.first, slot.last) for slot in values), len(program.instructions))
    return [(nbytes, sum(slot.operand.nbytes for slot in instruction.workspace))
            for nbytes, instruction in zip(live[1:], program.instructions, strict=True)]


def arena_pieces(program: Program) -> list[tuple[Slot, int]]:
    """Each piece of the arena once, as its largest slot, with the instruction that makes it (`BEFORE`: an input).

    Values that share a piece of memory, in place or as views, have the same place and life.
    """
    pieces: dict[tuple[int, int, int], tuple[Slot, int]] = {}
    for slot, maker in arena_slots(program):
        key = slot.offset, slot.first, slot.last
        if slot.operand.nbytes and (key not in pieces or pieces[key][0].operand.nbytes < slot.operand.nbytes):
            pieces[key] = slot, maker
    return list(pieces.values())


def arena_slots(program: Program) -> Iterator[tuple[Slot, int]]:
    """All slots in the arena, scratch too, as often as they stand in the Program; with the instruction that makes each.

    Those that are only read or given out come last, and have `BEFORE` for a maker.
    """
    found = [(slot, BEFORE) for slot in program.inputs.values()]
    for index, i in enumerate(program.instructions):
        found += [(slot, index) for slot in (*i.outputs, *i.workspace)]
    found += [(slot, BEFORE) for i in program.instructions for slot in i.inputs]
    found += [(slot, BEFORE) for slot in program.outputs.values()]
    return ((slot, maker) for slot, maker in found if slot.buffer == ARENA)
