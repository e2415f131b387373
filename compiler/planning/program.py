"""The Program: what the compiler hands to a runtime, and its text form. It knows no backend.

Instructions in order, and for each operand the place it lies in: a buffer, an offset, strides and a lifetime. The sizes
of all buffers are known before anything runs. The text form, a table, is stable: the digest depends on it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Protocol

import numpy as np

from graphnet.compiler import html
from graphnet.compiler.cached import cached_property
from graphnet.compiler.ir import Origin
from graphnet.compiler.op import Op
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.ops.wiring import BodyLine, wiring_lines
from graphnet.compiler.types import Dims, TensorType
from graphnet.compiler.words import label, visible

ARENA, PARAMETERS, GRADIENTS, STATES = "arena", "parameters", "gradients", "states"
PREPARED = "prepared/"
"""What the names of buffers begin with whose contents are made of weights alone."""
OWN = "own/"
PACKED, SCRATCH = OWN + "packed", OWN + "scratch"
"""Buffers that a backend keeps for one Program: weights as its kernels want them, and what each thread works in."""
ALIGNMENT = 64
NUMPY = "numpy"
"""The backend whose Programs say nothing of it in their text."""
Row = tuple[str, ...]
_HEAD = ("#", "phase", "layer", "source", "op", "FLOP", "operand", "layout", "place", "live", "bytes")
_NUMBERS = {"#", "FLOP", "bytes"}


@dataclass(frozen=True, slots=True)
class Operand:
    """The form of an array: dtype, shape and strides in bytes.

    `room` is how many samples its memory has room for along axis 0, where a backend wants it to be more than there are.
    """

    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    room: int = 0

    @property
    def nbytes(self) -> int:
        """Bytes of its elements, and of those that it has room for."""
        shape = (self.room, *self.shape[1:]) if self.room else self.shape
        return math.prod(shape) * np.dtype(self.dtype).itemsize

    @property
    def type(self) -> TensorType:
        """Its type."""
        return TensorType(self.dtype, self.shape)

    @property
    def layout(self) -> str:
        """`rows` if the last axis is innermost, `batch-last` if axis 0 is."""
        return "rows" if self.strides == row_strides(self.shape, self.dtype) else "batch-last"


@dataclass(frozen=True, slots=True)
class Slot:
    """An operand and its place: bytes [offset, offset + nbytes) of a buffer.

    It is live from instruction `first` to instruction `last`, both included; inputs are live from -1 on, and what is
    given out is live to the number of instructions.
    """

    value: int
    operand: Operand
    buffer: str
    offset: int
    first: int
    last: int

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.offset + self.operand.nbytes

    def __str__(self) -> str:
        return f"%{self.value} {self.operand.type} {self.buffer}[{self.offset}:{self.end}]"


@dataclass(frozen=True, slots=True)
class Instruction:
    """An op on slots. `workspace` is scratch memory that the target asked for, live for this instruction only;
    `general` the op with symbols in place of sizes."""

    op: Op
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]
    workspace: tuple[Slot, ...]
    origin: Origin
    phase: str
    flops: int
    general: Op | None = None

    def at(self, dims: Dims) -> Op:
        """The op for other sizes than those of the Program."""
        return self.op if self.general is None else self.general.bind(dims)


@dataclass(frozen=True)
class Program:
    """A graph with concrete dims, ordered, placed and ready to run.

    Where there is `each`, only the instructions from its first number up to its second need samples, and those after
    them what these make of all samples. If it is `blocked`, dims are those of a block of samples: the former run for
    one block after another, and what they sum over samples is added up. `batched` are the names of the inputs and
    outputs that have a row for each sample, `sampled` all values that do, with the axis of the samples. `backend` is
    what it is lowered for, `between` says of its instructions that run on NumPy nevertheless why they do, by their
    numbers, and `kernels` are what that backend knows of each instruction. It `trains` if there is more in it than a
    forward pass.
    """

    name: str
    dims: Mapping[str, int]
    instructions: tuple[Instruction, ...]
    inputs: Mapping[str, Slot]
    outputs: Mapping[str, Slot]
    parameters: Mapping[str, Slot]
    states: Mapping[str, Slot]
    buffers: Mapping[str, int]
    each: tuple[int, int] | None = None
    blocked: bool = False
    batched: frozenset[str] = frozenset()
    sampled: Mapping[int, int] = field(default_factory=dict)
    backend: str = NUMPY
    between: Mapping[int, str] = field(default_factory=dict)
    kernels: Sequence[object] = field(default=(), compare=False)
    trains: bool = False

    @property
    def prepared(self) -> str | None:
        """The buffer of what is made of weights alone and kept from run to run; None if there is none."""
        return next((name for name in self.buffers if name.startswith(PREPARED)), None)

    @property
    def peak(self) -> int:
        """Bytes of the arena."""
        return self.buffers[ARENA]

    @property
    def taken(self) -> int:
        """Bytes of the arena, and of what is made of weights alone and kept: what a limit is for."""
        kept = (self.prepared, PACKED, SCRATCH)
        return self.peak + sum(size for name, size in self.buffers.items() if name in kept)

    @property
    def flops(self) -> int:
        """Floating-point operations of one run."""
        return sum(i.flops for i in self.instructions)

    @cached_property
    def text(self) -> str:
        """The stable text form: a table of instructions."""
        return format_program(self)

    @property
    def digest(self) -> str:
        """SHA-256 of the text form, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<{self._title}: {len(self.instructions)} instructions, arena of {self.peak:,} bytes; print it>"

    def _repr_html_(self) -> str:
        rows = (tuple(zip(*_rows(index, i), strict=True)) for index, i in enumerate(self.instructions))
        return html.frame(self._title, html.folded("buffers and what lies in them", html.listing(_places(self))),
                          html.table(_HEAD, rows, _NUMBERS, code=True))

    @property
    def _title(self) -> str:
        dims = ", ".join(f"{symbol}={size}" for symbol, size in self.dims.items())
        steps = ""
        if self.each and self.blocked:
            steps = f", instructions {self.each[0]} to {self.each[1] - 1} for each block"
        backend = "" if self.backend == NUMPY else f", {self.backend}"
        return f"program {label(self.name)} ({visible(dims)}{steps}{backend})"


class Target(Protocol):
    """What lowering asks of a backend.

    Attributes:
        blocked: whether a Program whose samples can be told apart is to work off blocks of them, of which dims say the
            size.
    """

    @property
    def blocked(self) -> bool:
        """See above."""
        ...

    @property
    def backend(self) -> str:
        """Its name."""
        ...

    def room(self, samples: int) -> int:
        """How many samples there is to be room for where they are innermost."""
        ...

    def completed(self, program: Program) -> Program:
        """The Program with what the backend has to say of it: `kernels`, `between`, and in `buffers` those that it
        keeps besides those of the plan."""
        ...

    def workspace(self, op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
        """The scratch arrays that the kernel of `op` needs for these operands."""
        ...


def row_strides(shape: tuple[int, ...], dtype: str) -> tuple[int, ...]:
    """Strides in bytes with the last axis innermost."""
    size, strides = np.dtype(dtype).itemsize, []
    for dim in reversed(shape):
        strides.append(size)
        size *= dim
    return tuple(reversed(strides))


def batch_last_strides(shape: tuple[int, ...], dtype: str) -> tuple[int, ...]:
    """Strides in bytes with axis 0 innermost and the others in order around it."""
    if not shape:
        return ()
    *inner, batch = row_strides((*shape[1:], shape[0]), dtype)
    return (batch, *inner)


def format_program(program: Program) -> str:
    """Writes a Program as a table.

    An instruction takes as many lines as it has operands, or as its fused body has ops. Operands are the inputs x0,
    x1, …, the results y0, y1, … and scratch memory; a place is a buffer and a range of its bytes; `live` is the first
    and the last instruction that needs what lies there in the arena. A line of a fused body that begins with `+` takes
    the result of the line above as `·`.
    """
    rows = [row for index, i in enumerate(program.instructions) for row in _rows(index, i)]
    places = (f"  {line}" for line in _places(program))
    return "\n".join([program._title, *places, *table(_HEAD, rows, _NUMBERS)]) + "\n"


def _places(program: Program) -> Iterator[str]:
    """The buffers, and where in them lies what a caller knows by name."""
    yield from (f"buffer {label(name)}: {size:,} bytes" for name, size in program.buffers.items())
    for kind, slots in (("input", program.inputs), ("parameter", program.parameters), ("state", program.states),
                        ("output", program.outputs)):
        yield from (f"{kind} {label(name)}: {slot}" for name, slot in slots.items())
    yield from (f"instruction {index} runs on NumPy: {why}" for index, why in program.between.items())


def table(head: Row, rows: Sequence[Row], numbers: set[str]) -> list[str]:
    """Rows in columns under a head, as lines; the columns named in `numbers` are flush right."""
    rows = [tuple(map(visible, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(row: Row) -> str:
        cells = (cell.rjust(width) if title in numbers else cell.ljust(width)
                 for cell, width, title in zip(row, widths, head, strict=True))
        return ("  " + "  ".join(cells)).rstrip()

    return [line(row) for row in (head, *rows)]


def body_lines(op: Op) -> list[BodyLine]:
    """The ops that an instruction runs, one a line, and for those of a fused body their nodes."""
    return wiring_lines(op.body) if isinstance(op, Fused) else [(str(op), None)]


def _rows(index: int, instruction: Instruction) -> Iterator[Row]:
    operands = [*_named("x", instruction.inputs), *_named("y", instruction.outputs),
                *(("scratch", slot) for slot in instruction.workspace if slot.operand.nbytes)]
    shown = Origin()
    for line, (left, right) in enumerate(zip_longest(body_lines(instruction.op), operands)):
        text, node = left or ("", None)
        origin = node.origin if node else instruction.origin
        where = (label(origin.layer), label(origin.source)) if left and origin != shown else ("", "")
        shown = origin if left else shown
        first = (str(index), instruction.phase) if line == 0 else ("", "")
        flops = f"{instruction.flops:,}" if line == 0 else ""
        yield (*first, *where, text, flops, *(_operand(*right) if right else ("",) * 5))


def _named(letter: str, slots: Sequence[Slot]) -> list[tuple[str, Slot]]:
    return [(f"{letter}{i}", slot) for i, slot in enumerate(slots)]


def _operand(role: str, slot: Slot) -> Row:
    value = "" if role == "scratch" else f" %{slot.value}"
    return (f"{role}{value} {slot.operand.type}", slot.operand.layout, f"{slot.buffer}[{slot.offset}:{slot.end}]",
            f"{slot.first}..{slot.last}" if slot.buffer == ARENA else "", f"{slot.operand.nbytes:,}")


def short_name(op: Op) -> str:
    """The op's name, or those of its fused body: `conv2d+bias_add+relu`."""
    return "+".join(node.op.name for node in op.body.nodes) if isinstance(op, Fused) else op.name


def layers_of(op: Op, origin: Origin) -> Mapping[Origin, None]:
    """The layers whose work an instruction does, in order; of a fused body, those of all its ops."""
    nodes = op.body.nodes if isinstance(op, Fused) else ()
    return dict.fromkeys([node.origin for node in nodes] or [origin])
