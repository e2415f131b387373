"""Which emitter writes the kernel of which op, and what it is given.

An emitter is called as `emit(f, call)` and writes into the function `f` the work of all threads on one block of
samples. It raises `Unsupported` where it cannot, and then the instruction runs on NumPy. Adding an op is one file in
`kernels/` and one line in its `__init__`.

Batches. An array with its samples innermost (`batch-last`) has room for a multiple of 16 of them, or for one: `room`
says how many. An array in rows has room for as many as its shape says. Of those, `f.n` are real. What is behind them
may be any finite or non-finite number, and may be written; in arrays with samples innermost it is what some real sample
has, and where it is a gradient it is 0, so sums over samples may take it in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from graphnet.compiler.op import Op
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.ops.pooling import MaxPool2d
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.machine import Machine
from graphnet.runtime.llvm.values import Value


class Unsupported(Exception):  # noqa: N818 - what it says, not that something went wrong
    """An op, or this case of it, has no native kernel; the text says why."""


def need(condition: bool, why: str) -> None:
    """Raises `Unsupported` unless the condition holds."""
    if not condition:
        raise Unsupported(why)


@dataclass(eq=False)
class Call:
    """An op with the forms of its operands, and where they lie.

    Attributes:
        op: the op, maybe fused.
        inputs, outputs: forms of the operands.
        training: whether it is a forward op of a step of training, which is to be as exact as direct sums are.
        winograd: whether convolutions may use products that are not those of direct sums.
        x, y: their addresses, once the function is being written.
        prepared: the address of what `prepare` wrote, if the emitter has one.
    """

    op: Any
    inputs: tuple[Operand, ...]
    outputs: tuple[Operand, ...]
    training: bool = False
    winograd: bool = True
    x: list[Value] = field(default_factory=list)
    y: list[Value] = field(default_factory=list)
    prepared: Value | None = None

    @property
    def root(self) -> Any:
        """The op itself, or the first one of a fused body."""
        return self.op.chain[0].op if isinstance(self.op, Fused) else self.op

    @property
    def pool(self) -> MaxPool2d | None:
        """The pooling right behind the op, if there is one."""
        behind = self.op.chain[1:2] if isinstance(self.op, Fused) else ()
        return next((node.op for node in behind if isinstance(node.op, MaxPool2d)), None)


Emit = Callable[[Function, Call], None]
Size = Callable[[Call, Machine], int]
"""Floats."""


def nothing(call: Call, machine: Machine) -> int:
    """No floats."""
    return 0


def direct(call: Call) -> float:
    """Rounding errors of direct sums."""
    return 1.0


@dataclass(frozen=True, slots=True)
class Emitter:
    """How the kernel of an op is written.

    Attributes:
        emit: writes it.
        scratch: floats that each thread has for itself.
        prepare: writes what depends on weights only, such as weights packed for the micro-kernel, from `call.x` to
            `call.prepared`. It runs before the first block, and for predictions once as long as weights stay the same.
            Threads share it out as they do the kernel.
        prepared: floats that it takes; 0 if this call has no use for it.
        rounding: how many times as large as those of direct sums rounding errors of results may be.
    """

    emit: Emit
    scratch: Size = nothing
    prepare: Emit | None = None
    prepared: Size = nothing
    rounding: Callable[[Call], float] = direct


_EMITTERS: dict[type[Op], Emitter] = {}
_Written = TypeVar("_Written", bound=Emit)


def emitter(*ops: type[Op], scratch: Size = nothing, prepare: Emit | None = None,
            prepared: Size = nothing, rounding: Callable[[Call], float] = direct) -> Callable[[_Written], _Written]:
    """Registers a function that writes the kernels of these ops; see `Emitter`."""
    def register(emit: _Written) -> _Written:
        for op in ops:
            _EMITTERS[op] = Emitter(emit, scratch, prepare, prepared, rounding)
        return emit
    return register


_FALLBACK: list[tuple[Callable[[Op], bool], Emitter]] = []


def emitter_where(applies: Callable[[Op], bool], *, scratch: Size = nothing) -> Callable[[_Written], _Written]:
    """Registers a function that writes the kernels of all ops that have no emitter of their own and that `applies`."""
    def register(emit: _Written) -> _Written:
        _FALLBACK.append((applies, Emitter(emit, scratch)))
        return emit
    return register


def emitter_of(call: Call) -> Emitter:
    """The emitter of an op, or of the root of a fused one.

    Raises:
        Unsupported: there is none.
    """
    root = call.root
    if type(root) in _EMITTERS:
        return _EMITTERS[type(root)]
    for applies, found in _FALLBACK:
        if applies(root):
            return found
    raise Unsupported(f"{root.name} has no native kernel")


def floats(*operands: Operand) -> None:
    """Raises `Unsupported` if one of them does not hold float32 numbers."""
    for operand in operands:
        need(operand.dtype == "float32", f"{operand.dtype} operands")


def batch_innermost(operand: Operand) -> bool:
    """Whether axis 0 is innermost and the others lie around it in order, (…, N); so it is in a vector."""
    return len(operand.shape) == 1 or operand.layout != "rows"


def room(operand: Operand) -> int:
    """How many samples the memory of an operand has room for: where they are innermost a multiple of 16, or 1."""
    return operand.room or operand.shape[0]


def per_sample(operand: Operand) -> int:
    """Elements of one sample."""
    return math.prod(operand.shape[1:])
