"""Random masks: the numbers that NumPy's Philox generator gives, whatever layout, blocks and threads there are."""

from __future__ import annotations

import math

import numpy as np

from graphnet.compiler.ops import RandomMask
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.values import I8, I64, Value
from graphnet.runtime.native.emit.call import Call, batch_innermost, emitter, per_sample, room

_ROUNDS = 10
_FACTORS = 0xD2E7470EE14C6C93, 0xCA5A826395121157
_STEPS = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
"""Philox4x64 (Salmon et al. 2011, Parallel Random Numbers: As Easy as 1, 2, 3): the multipliers, and what the keys
grow by in each round."""
_GROUP = 8
"""Elements that one counter gives: each of its four numbers of 64 bits makes two of 24 bits."""


@emitter(RandomMask)
def random_mask(f: Function, call: Call) -> None:
    """Groups of 8 elements in row-major order of all blocks; the first and the last of a block may go beyond it."""
    form, each = call.outputs[0], per_sample(call.outputs[0])
    key, count = f.scalar(call.x[0], 0, I64), f.scalar(call.x[0], 1, I64)
    apart = room(form) if len(form.shape) > 1 and batch_innermost(form) else 1
    size = f.n * each if f.blocked and apart == 1 else f.constant(room(form) * each)
    if 0 not in form.shape:
        start = f.base * each
        first = start // _GROUP
        lo, hi = f.share((start + size + (_GROUP - 1)) // _GROUP - first)
        with f.loop(lo, hi) as i:
            bits = _drawn(f, _philox(f, i + first + 1, count, key), call.op.rate)
            _write(f, bits, call.y[0], (i + first) * _GROUP - start, size, each, apart)
    with f.when(f.last):
        f.meet()  # the next counter may lie where this one is
        with f.one_thread():
            f.put(key, call.y[1])
            f.put(f.bitwise("add", count, 1), call.y[1], 1)


def _write(f: Function, bits: list[Value], pointer: Value, start: Value, size: Value, each: int, apart: int) -> None:
    """Elements from number `start` of a block of `size` on, `each` of a sample, which lie `apart`."""
    for i, bit in enumerate(bits):
        at = start + i
        with f.when(f.compare("ult", at, size)):
            f.put(bit, pointer, at % each * apart + at // each if apart > 1 else at)


def _drawn(f: Function, numbers: list[Value], rate: float) -> list[Value]:
    """u ≥ rate as bytes, for the 24-bit fractions u of each half of the numbers."""
    least = math.ceil(float(np.float32(rate)) * 2**24)
    halves = [f.bitwise("lshr", half, shift) for number in numbers
              for half, shift in ((f.bitwise("and", number, 0xFFFFFFFF), 8), (number, 40))]
    return [f.convert("zext", f.compare("sge", half, least), I8) for half in halves]


def _philox(f: Function, low: Value, high: Value, key: Value) -> list[Value]:
    """Four numbers of the counter low + high · 2¹²⁸."""
    zero = f.constant(0)
    state = [f.variable(value) for value in (low, zero, high, zero)]
    keys = [f.variable(value) for value in (key, zero)]
    with f.loop(0, _ROUNDS):
        a, b, c, d = (value.get() for value in state)
        first, second = _product(f, a, _FACTORS[0]), _product(f, c, _FACTORS[1])
        mixed = [f.bitwise("xor", f.bitwise("xor", high, x), k.get())
                 for (high, _), x, k in zip((second, first), (b, d), keys, strict=True)]
        for variable, value in zip(state, (mixed[0], second[1], mixed[1], first[1]), strict=True):
            variable.set(value)
        for k, step in zip(keys, _STEPS, strict=True):
            k.set(f.bitwise("add", k.get(), step))
    return [value.get() for value in state]


def _product(f: Function, a: Value, b: int) -> tuple[Value, Value]:
    """The high and the low half of a product of 128 bits."""
    product = f.bitwise("mul", f.convert("zext", a, "i128"), b)
    return f.convert("trunc", f.bitwise("lshr", product, 64), I64), f.convert("trunc", product, I64)
