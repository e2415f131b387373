"""Runs the kernel of one op by itself: for any machine, number of threads, block of samples and layout."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphnet.compiler.op import Op
from graphnet.compiler.planning.program import Operand, row_strides
from graphnet.runtime.llvm.barrier import meeting
from graphnet.runtime.llvm.function import PARAMETERS
from graphnet.runtime.llvm.jit import Loaded, Processor, compile_text, host, narrower
from graphnet.runtime.llvm.machine import LANES, Machine
from graphnet.runtime.native.emit.call import Call
from graphnet.runtime.native.emit.module import Form, Module, write_kernel
from graphnet.runtime.native.workers import new_barrier
from graphnet.runtime.session import aligned_bytes

WIDE, NARROW = Machine(16, 32), Machine(8, 16)
MACHINES = (WIDE, NARROW)
Array = np.ndarray[Any, Any]


def processor_for(machine: Machine) -> Processor:
    """This processor, or what it would be without AVX-512 (where it is without, both are the same)."""
    return narrower(host()) if machine == NARROW else host()


def form(shape: tuple[int, ...], dtype: str, last: bool, room: int | None = None) -> Operand:
    """An operand in rows, or with its samples innermost and room for a multiple of 16 of them, or for 1."""
    if not last or not shape:
        return Operand(dtype, shape, row_strides(shape, dtype))
    room = room or (1 if shape[0] == 1 else -(-shape[0] // LANES) * LANES)
    *around, inside = row_strides((*shape[1:], room), dtype)
    return Operand(dtype, shape, (inside, *around), room)


def view(operand: Operand, memory: Array) -> Array:
    return np.ndarray(operand.shape, operand.dtype, memory.data, 0, operand.strides)


class Kernel:
    """The kernel of one op on operands of these forms, with memory of its own.

    Args:
        op: what it runs.
        inputs, outputs: forms.
        machine: that it is written for; it runs on this processor whatever that is.
        blocked: whether it is to be called for one block after another.
        processor: that code is generated for; by default this one, without AVX-512 for a machine without.
        training, winograd: as in `Call`.
    """

    def __init__(self, op: Op, inputs: Sequence[Operand], outputs: Sequence[Operand], machine: Machine = WIDE,
                 blocked: bool = False, processor: Processor | None = None, training: bool = False,
                 winograd: bool = True) -> None:
        self.call = Call(op, tuple(inputs), tuple(outputs))
        form = Form(machine, blocked, training, winograd)
        kernel = write_kernel(op, tuple(inputs), tuple(outputs), form)
        self.scratch_floats = kernel.scratch + LANES
        module = Module()
        module.include(kernel.functions, kernel.declarations)
        names = [name for name in (kernel.prepare, kernel.name) if name]
        signature = [("table", "ptr"), *PARAMETERS]
        inner = ", ".join(f"{t} %{n}" for n, t in signature)
        runs = [f"define void @run_{name}({inner}) {{\n  call void @{name}({inner})\n  ret void\n}}\n"
                for name in names]
        processor = processor or processor_for(machine)
        self.text = module.text(*runs, meeting(processor.triple), defined=("meet",))
        self.code = Loaded(compile_text(self.text, processor))
        types = [ctypes.c_void_p if t == "ptr" else ctypes.c_int64 for _, t in signature]
        self.functions = [self.code.function(f"run_{name}", *types) for name in names]
        self.memory = [aligned_bytes(max(o.nbytes, 64) + 64) for o in (*inputs, *outputs)]
        self.memory.append(aligned_bytes(4 * kernel.prepared + 64))
        self.x = [view(o, m) for o, m in zip(inputs, self.memory, strict=False)]
        self.y = [view(o, m) for o, m in zip(outputs, self.memory[len(inputs):], strict=False)]

    def lay_flat(self) -> None:
        """Has the inputs lie end to end in one flat buffer, and the results over them."""
        forms, offset = self.call.inputs, 0
        flat = aligned_bytes(sum(o.nbytes for o in forms) + 64)
        for i, operand in enumerate(forms):
            self.memory[i] = self.memory[len(forms) + i] = flat[offset:]
            offset += operand.nbytes
        self.x = self.y = [view(o, m) for o, m in zip(forms, self.memory, strict=False)]

    def run(self, threads: int = 1, n: int | None = None, base: int = 0, total: int | None = None) -> list[Array]:
        """Runs it on what is in `x`, and returns `y`. `n`, `base` and `total` are the samples of the block."""
        batch = next((o.shape[0] for o in self.call.inputs if o.shape), 1)
        n = batch if n is None else n
        scratch = aligned_bytes(4 * self.scratch_floats * threads)
        barrier = new_barrier(threads)
        addresses = np.array([m.ctypes.data for m in self.memory])

        def work(function: Any, thread: int) -> None:
            function(addresses.ctypes.data, scratch.ctypes.data + 4 * self.scratch_floats * thread, thread, threads, n,
                     base, base + n if total is None else total, barrier.ctypes.data)
        for function in self.functions:
            others = [threading.Thread(target=work, args=(function, t)) for t in range(1, threads)]
            for other in others:
                other.start()
            work(function, 0)
            for other in others:
                other.join()
        return self.y


def fill_padding(kernel: Kernel, value: float | None = None) -> None:
    """What lies behind the samples of inputs with their samples innermost: what the last one has, or a number (0 where
    the input is a gradient)."""
    for operand, memory in zip(kernel.call.inputs, kernel.memory, strict=False):
        if operand.shape and operand.room > operand.shape[0]:
            inside = np.ndarray((*operand.shape[1:], operand.room), operand.dtype, memory.data)
            last = inside[..., operand.shape[0] - 1:operand.shape[0]]
            inside[..., operand.shape[0]:] = last if value is None else value
