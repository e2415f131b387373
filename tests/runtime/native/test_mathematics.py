"""Functions of float32 beside those of float64, over all numbers that there are, and what no polynomial gives."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np
import pytest

from graphnet.runtime.llvm.function import PARAMETERS, Function
from graphnet.runtime.llvm.values import Value
from graphnet.runtime.native.emit import mathematics
from tests.runtime.native.harness import NARROW, WIDE, Array, processor_for

pytest.importorskip("llvmlite")

from graphnet.runtime.llvm.jit import Loaded, compile_text
from graphnet.runtime.llvm.machine import LANES, Machine
from graphnet.runtime.native.emit.module import Form, Module

ULPS = {"sign": 0, "exp": 0.9, "exp2": 0.85, "expm1": 1.5, "log": 0.83, "log1p": 0.85, "tanh": 2.6}
FEW, MANY = 5003, 53


@cache
def compiled(machine: Machine, scalar: bool) -> Any:
    """All functions in one module, on arrays of n numbers."""
    module, texts = Module(), []

    def build(name: str) -> Any:
        def body(f: Function, pointers: list[Value]) -> None:
            x, y = pointers
            with f.loop(0, f.n, 1 if scalar else LANES) as i:
                if scalar:
                    f.put(getattr(mathematics, name)(f, f.scalar(x, i)), y, i)
                else:
                    f.store(getattr(mathematics, name)(f, f.load(x, i)), y, i)
        return body
    inner = ", ".join(f"{type} %{name}" for name, type in (("x", "ptr"), ("y", "ptr"), *PARAMETERS))
    for name in ULPS:
        kernel = module.kernel(name, Form(machine), 2, build(name))
        texts.append(f"define void @{name}({inner}) {{\n  call void @{kernel}({inner})\n  ret void\n}}\n")
    return Loaded(compile_text(module.text(*texts), processor_for(machine)))


def run(name: str, x: Array, machine: Machine = WIDE, scalar: bool = False) -> Array:
    """What a function makes of numbers."""
    types = [ctypes.c_void_p if type == "ptr" else ctypes.c_int64 for _, type in PARAMETERS]
    function = compiled(machine, scalar).function(name, ctypes.c_void_p, ctypes.c_void_p, *types)
    padded = np.zeros(-(-len(x) // LANES) * LANES, np.float32)
    padded[:len(x)] = x
    y = np.empty_like(padded)
    function(padded.ctypes.data, y.ctypes.data, None, 0, 1, len(padded), 0, len(padded), None)
    return y[:len(x)]


def errors(found: Array, exact: Array) -> Array:
    """In units in the last place of the exact numbers; infinite where one is infinite or NaN, and the other is not."""
    rounded = exact.astype(np.float32)
    same = (found == rounded) | (np.isnan(found) & np.isnan(rounded))
    exponent = np.frexp(np.maximum(abs(exact), 2.0 ** -126))[1] - 24
    error = abs(found - exact) / np.ldexp(1.0, np.where(np.isfinite(exact), exponent, 0))
    finite = np.isfinite(found) & np.isfinite(rounded)
    return np.where(same, np.where(np.isfinite(error), error, 0), np.where(finite, error, np.inf))


def check(name: str, step: int) -> None:
    for start in range(0, 2**32, 2**29):
        x = np.arange(start, start + 2**29, step, np.int64).astype(np.uint32).view(np.float32)
        with np.errstate(all="ignore"):
            exact = getattr(np, name)(x.astype(np.float64))
            found = run(name, x)
            error = errors(found, exact)
        worst = int(np.argmax(error))
        assert error[worst] <= ULPS[name], f"{name} of {x[worst]!r} is {found[worst]!r}: {error[worst]:.3} ulp"


@pytest.mark.parametrize("name", ULPS)
def test_all_sizes_of_numbers(name: str) -> None:
    check(name, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("name", ULPS)
def test_many_numbers(name: str) -> None:
    check(name, MANY)


def test_functions_are_those_that_are_swept() -> None:
    assert set(mathematics.FUNCTIONS) == set(ULPS)


@pytest.mark.parametrize("name", ULPS)
def test_special_numbers(name: str) -> None:
    tiny, least = np.finfo("f").tiny, np.finfo("f").smallest_subnormal
    x = np.array([0, -0.0, np.inf, -np.inf, np.nan, least, -least, tiny, -tiny, 1, -1, np.finfo("f").max, 88.7228,
                  88.7229, -87.4, -103.9, -104, 127.99999, 128, -126, -149, -149.9, -151], np.float32)
    with np.errstate(all="ignore"):
        wanted = getattr(np, name)(x.astype(np.float64))
        assert errors(run(name, x), wanted).max() <= 1.5
        np.testing.assert_array_equal(np.signbit(run(name, x))[x == 0][~np.isnan(wanted[x == 0])],
                                      np.signbit(np.copysign(wanted, x) if name == "sign" else wanted)[x == 0])


@pytest.mark.parametrize("name", ULPS)
def test_bits_on_every_machine_and_one_by_one(name: str) -> None:
    x = np.random.default_rng(0).integers(0, 2**32, 4096).astype(np.uint32).view(np.float32)
    wide, others = run(name, x), (run(name, x, NARROW), run(name, x, WIDE, True), run(name, x, NARROW, True))
    for other in others:
        np.testing.assert_array_equal(np.where(np.isnan(wide), 0, wide).view(np.int32),
                                      np.where(np.isnan(other), 0, other).view(np.int32))
