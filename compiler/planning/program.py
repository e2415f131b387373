"""The Program: what the compiler hands to a runtime. It knows no backend.

Instructions in order, and for each operand the place it lies in: a buffer, an offset, strides and a lifetime. The sizes
of all buffers are known before anything runs.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from graphnet.compiler.ir import Origin
from graphnet.compiler.op import Op
from graphnet.compiler.types import TensorType

ARENA, PARAMETERS, GRADIENTS, STATES = "arena", "parameters", "gradients", "states"
ALIGNMENT = 64


@dataclass(frozen=True, slots=True)
class Operand:
    """The form of an array: dtype, shape and strides in bytes."""

    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of its elements."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

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
    """An op on slots. `workspace` is scratch memory that the target asked for, live for this instruction only."""

    op: Op
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]
    workspace: tuple[Slot, ...]
    origin: Origin
    phase: str
    flops: int


@dataclass(frozen=True)
class Program:
    """A graph with concrete dims, ordered, placed and ready to run."""

    name: str
    dims: Mapping[str, int]
    instructions: tuple[Instruction, ...]
    inputs: Mapping[str, Slot]
    outputs: Mapping[str, Slot]
    parameters: Mapping[str, Slot]
    states: Mapping[str, Slot]
    buffers: Mapping[str, int]

    @property
    def peak(self) -> int:
        """Bytes of the arena."""
        return self.buffers[ARENA]

    @property
    def flops(self) -> int:
        """Floating-point operations of one run."""
        return sum(i.flops for i in self.instructions)

    @cached_property
    def text(self) -> str:
        """The stable text form: a table of instructions."""
        from graphnet.compiler.planning.program_text import format_program

        return format_program(self)

    @property
    def digest(self) -> str:
        """SHA-256 of the text form, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def __str__(self) -> str:
        return self.text


class Target(Protocol):
    """What lowering asks of a backend."""

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
