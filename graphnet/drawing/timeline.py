"""The arena over the instructions, as data: which bytes are taken from when to when, and by whom."""

from __future__ import annotations

from dataclasses import dataclass

from graphnet.compiler.inspect.footprint import measure_memory
from graphnet.compiler.ir import PHASES, Origin
from graphnet.compiler.planning.liveness import arena_pieces
from graphnet.compiler.planning.program import ARENA, Program, short_name
from graphnet.compiler.words import label
from graphnet.drawing.colours import kind_of

_MOST_IN_OP = 60
_UNITS = ((1 << 20, "MiB"), (1 << 10, "KiB"), (1, "bytes"))


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes [offset, offset + size) of the arena, live from instruction `first` to `last`, for a layer of some kind."""

    offset: int
    size: int
    first: int
    last: int
    layer: str
    kind: str
    label: str
    tip: str
    scratch: bool


@dataclass(frozen=True, slots=True)
class Fullest:
    """The instruction during which most bytes are live, and what to say of it."""

    instruction: int
    nbytes: int
    text: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """All pieces, the range of instructions of each phase, and when most is live."""

    pieces: tuple[Piece, ...]
    phases: dict[str, tuple[int, int]]
    first: int
    length: int
    arena: int
    peak: Fullest | None = None

    @property
    def unit(self) -> tuple[int, str]:
        """Bytes of the unit that suits the arena, and its name."""
        return next((scale, name) for scale, name in _UNITS if self.arena >= 2 * scale or scale == 1)


def make_timeline(program: Program) -> Timeline:
    """The timeline of a Program."""
    length = len(program.instructions)
    names = {slot.value: label(name) for name, slot in program.inputs.items()}
    pieces = []
    for slot, maker in arena_pieces(program):
        op = names.get(slot.value, "input") if maker < 0 else short_name(program.instructions[maker].op)
        origin = Origin(kind="Input") if maker < 0 else program.instructions[maker].origin
        scratch = slot.value < 0
        what = f"scratch of {op}" if scratch else f"%{slot.value} {op}"
        pieces.append(Piece(slot.offset, slot.operand.nbytes, slot.first, min(slot.last, length - 1),
                            origin.layer, kind_of(origin), "scratch" if scratch else label(origin.layer) or op,
                            f"{what} {slot.operand.type}, {label(origin.layer) or 'fed'}, bytes {slot.offset:,} to "
                            f"{slot.end:,}, instructions {slot.first} to {slot.last}", scratch))
    return Timeline(tuple(pieces), _phases(program), min((p.first for p in pieces), default=0), length,
                    program.buffers.get(ARENA, 0), _fullest(program))


def _phases(program: Program) -> dict[str, tuple[int, int]]:
    """Each phase from the end of the one before to its last instruction: some of a later phase may come first, as what
    needs no samples does."""
    phases: dict[str, tuple[int, int]] = {}
    last = {i.phase: index + 1 for index, i in enumerate(program.instructions)}
    start = 0
    for phase in PHASES:
        if last.get(phase, 0) > start:
            phases[phase] = start, last[phase]
            start = last[phase]
    return phases


def _fullest(program: Program) -> Fullest | None:
    memory = measure_memory(program)
    if memory.peak is None:
        return None
    nbytes, peak = memory.activations + memory.scratch, memory.peak
    layer = f" of {label(peak.layer)}" if peak.layer else ""
    return Fullest(peak.instruction, nbytes, f"peak: {nbytes:,} bytes live at instruction {peak.instruction}, "
                                             f"{label(peak.op, _MOST_IN_OP)}{layer}")
