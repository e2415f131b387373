"""Samples that are brought in from rows, in order or not, and given back."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

from graphnet.runtime.llvm.barrier import meeting
from graphnet.runtime.llvm.function import PARAMETERS
from graphnet.runtime.llvm.jit import Loaded, compile_text
from graphnet.runtime.llvm.values import I64
from graphnet.runtime.native.emit.module import Form, Module
from graphnet.runtime.native.feeding import feed, give
from graphnet.runtime.session import aligned_bytes
from tests.runtime.native.harness import NARROW, form, processor_for, view

pytest.importorskip("llvmlite")

SHAPES = (1, 5), (16, 1), (16,), (32, 4), (16, 0, 3), (48, 3, 7), (1,)
TOTAL, BASE, START = 100, 16, 2


def functions(operand: Any) -> tuple[Loaded, list[Any]]:
    """The code and its functions: `feed` with the addresses of samples, an order and memory, and `give` backwards."""
    module, runs, start = Module(), [], (("start", I64),)
    inner = ", ".join([*(f"ptr %a{i}" for i in range(3)), *(f"{type} %{name}" for name, type in (*PARAMETERS, *start))])
    for name, build in (("feed", lambda f, p, v: feed(f, operand, p[0], p[1], v[-1], p[2])),
                        ("give", lambda f, p, v: give(f, operand, p[2], p[0]))):
        made = module.function(name, Form(NARROW, True), 3, (*PARAMETERS, *start), build)
        runs.append(f"define void @run_{name}({inner}) {{\n  call void @{made}({inner})\n  ret void\n}}\n")
    processor = processor_for(NARROW)
    loaded = Loaded(compile_text(module.text(*runs, meeting(processor.triple), defined=("meet",)), processor))
    numbers = [ctypes.c_void_p if type == "ptr" else ctypes.c_int64 for _, type in (*PARAMETERS, *start)]
    return loaded, [loaded.function(f"run_{name}", *[ctypes.c_void_p] * 3, *numbers) for name in ("feed", "give")]


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_samples_in_and_out(dtype: str, last: bool) -> None:
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        operand, n = form(shape, dtype, last), max(1, shape[0] - 5)
        _code, (bring, back) = functions(operand)
        rows = (rng.normal(size=(TOTAL, *shape[1:])) * 9).astype(dtype)
        memory, order = aligned_bytes(operand.nbytes + 64), rng.permutation(TOTAL)
        memory[...] = 7
        for chosen in (None, order):
            given = np.ones_like(rows)
            for run, array in ((bring, rows), (back, given)):
                for thread in range(3):
                    run(array.ctypes.data, 0 if chosen is None else order.ctypes.data, memory.ctypes.data, 0, thread, 3,
                        n, BASE, BASE + n, 0, START)
            numbers = np.arange(n) + BASE + START
            expected = rows[numbers if chosen is None else order[numbers]]
            np.testing.assert_array_equal(view(operand, memory)[:n], expected)
            np.testing.assert_array_equal(given[BASE:BASE + n], expected)
            assert given[:BASE].all()
            assert given[BASE + n:].all()
            if last and operand.room > 1:
                inside = np.ndarray((*shape[1:], operand.room), dtype, memory.data)
                np.testing.assert_array_equal(inside[..., n:], np.repeat(inside[..., n - 1:n], operand.room - n, -1))
            assert (memory[operand.nbytes:] == 7).all()
