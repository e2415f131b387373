"""What a processor can do: multiply-adds of registers alone, as many as it has units for, on as many threads."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

from graphnet.runtime.llvm.barrier import meeting
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.jit import Loaded, compile_text, host
from graphnet.runtime.llvm.machine import LANES
from graphnet.runtime.llvm.values import I64, VEC, Value
from graphnet.runtime.native.code import ENTRY
from graphnet.runtime.native.emit.module import Form, Module
from graphnet.runtime.native.workers import Workers, new_barrier
from graphnet.runtime.session import aligned_bytes

_ROUNDS, _RUNS = 150_000, 40
_MOST = 12
"""Sums that run side by side: enough to hide how long each multiply-add takes."""


@cache
def measure_peak(threads: int) -> float:
    """FLOP/s of this processor in float32: the best of some 20 ms, measured once."""
    sums = min(_MOST, max(host().machine.vectors - 2, 1))
    code = Loaded(compile_text(_text(sums), host()))
    enter = code.function("enter", *(ctypes.c_void_p if type == "ptr" else ctypes.c_int64 for _, type in ENTRY))
    memory, alone = aligned_bytes(4 * LANES * threads), new_barrier()
    run = Workers(threads).bind(enter, 0, 0, memory.ctypes.data, alone.ctypes.data, threads)
    times = [time.perf_counter()]
    for _ in range(_RUNS):
        run(0, _ROUNDS, 0, 0)
        times.append(time.perf_counter())
    return 2 * LANES * sums * _ROUNDS * threads / min(end - start for start, end in pairwise(times))


def _text(sums: int) -> str:
    """The same `enter` as a Program has; its n says how many rounds each thread does."""
    def build(f: Function, pointers: Sequence[Value], integers: Sequence[Value]) -> None:
        values = [f.variable(f.constant(float(number), VEC)) for number in range(sums)]
        factor, summand = f.constant(0.5, VEC), f.constant(1.0, VEC)  # they stay near 2
        with f.loop(0, integers[0]):
            for value in values:
                value.set(f.fma(value.get(), factor, summand))
        total = values[0].get()
        for value in values[1:]:
            total = total + value.get()
        f.store(total, pointers[0])  # else there would be nothing to compute

    module = Module()
    name = module.function("peak", Form(host().machine), 1, [("rounds", I64)], build)
    arguments = ", ".join(f"{type} %{argument}" for argument, type in ENTRY)
    enter = (f"define void @enter({arguments}) nounwind {{\n  %skipped = mul i64 %thread, {4 * LANES}\n"
             f"  %own = getelementptr i8, ptr %memory, i64 %skipped\n  call void @{name}(ptr %own, i64 %n)\n"
             "  call void @meet(ptr %barrier, i64 %threads)\n  ret void\n}\n")
    return module.text(enter, meeting(host().triple), defined=("meet",))
