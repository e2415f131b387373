"""Instructions that NumPy runs in between: those without a native kernel."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ir import FORWARD
from graphnet.compiler.planning.program import Instruction, Slot
from graphnet.compiler.types import Array
from graphnet.runtime.kernels import bind_kernel
from graphnet.runtime.kernels.registry import Call, Run
from graphnet.runtime.session import Buffers


def bind_between(instruction: Instruction, buffers: Buffers) -> Run:
    """The function that runs one instruction with NumPy's kernel.

    Arrays with room for more samples than there are are copied in and out, since NumPy's kernels take memory without
    gaps. Behind the samples of a result the last one stands again, or 0 if it is a gradient.
    """
    copies: list[tuple[Array, Array]] = []

    def compact(slots: tuple[Slot, ...]) -> tuple[Array, ...]:
        arrays = []
        for slot in slots:
            array = view = buffers.view(slot)
            if slot.operand.room:
                array = np.moveaxis(np.empty((*view.shape[1:], view.shape[0]), view.dtype), -1, 0)
                copies.append((view, array))
            arrays.append(array)
        return tuple(arrays)

    inputs = compact(instruction.inputs)
    count = len(copies)
    outputs = compact(instruction.outputs)
    run = bind_kernel(Call(instruction.op, inputs, outputs, tuple(map(buffers.view, instruction.workspace)),
                           instruction.origin))
    if not copies:
        return run
    behind = [_behind(buffers, slot) for slot in instruction.outputs if slot.operand.room]

    def run_apart() -> None:
        for view, array in copies[:count]:
            np.copyto(array, view)
        run()
        for view, array in copies[count:]:
            np.copyto(view, array)
        for (view, _), rest in zip(copies[count:], behind, strict=True):
            rest[...] = view[-1:] if instruction.phase == FORWARD else 0
    return run_apart


def _behind(buffers: Buffers, slot: Slot) -> Array:
    """What lies behind the samples of an array with its samples innermost."""
    form = slot.operand
    whole = np.ndarray((form.room, *form.shape[1:]), form.dtype, buffers[slot.buffer].data, slot.offset, form.strides)
    return whole[form.shape[0]:]
