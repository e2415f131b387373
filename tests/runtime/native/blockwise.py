"""Runs the kernel of an op on a batch as a Program would: in one go, or one block of samples after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import graphnet.runtime.native.kernels  # noqa: F401  registers all of them
from graphnet.compiler.op import Op
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.planning.program import Operand
from tests.runtime.native.harness import MACHINES, WIDE, Array, Kernel, form


def sized(op: Op, before: int, size: int) -> Op:
    """The op with another number of samples in its shape, or in those of its body."""
    shape = getattr(op, "shape", None)
    if isinstance(op, Fused):
        types = {v: t.with_shape((size, *t.shape[1:])) if t.shape[:1] == (before,) else t
                 for v, t in op.body.types.items()}
        return Fused(replace(op.body, types=types))
    if isinstance(shape, tuple) and shape[:1] == (before,):
        return replace(op, shape=(size, *shape[1:]))  # type: ignore[call-arg]
    return op


class Batch:
    """A kernel, and how it is given a batch of `total` samples; which operands have one is told by their first dim.

    What lies behind the samples is soiled: no result may depend on it.
    """

    def __init__(self, op: Op, arrays: Sequence[Array], total: int | None, *, last: bool = False,
                 block: int | None = None, machine: Any = WIDE) -> None:
        self.op = op
        self.take(arrays)
        self.total, self.block, self.last = total, block, last
        if block is not None and total is not None:
            op = sized(op, total, block)
        forms = [[self._form(a) for a in group] for group in (arrays, self.wanted)]
        self.kernel = Kernel(op, *forms, machine, block is not None)

    def take(self, arrays: Sequence[Array]) -> None:
        """Other inputs of the same types."""
        self.arrays = arrays
        with np.errstate(all="ignore"):
            self.wanted = self.op.forward(*arrays)

    def _batched(self, array: Array) -> bool:
        return self.total is not None and array.shape[:1] == (self.total,)

    def _form(self, array: Array) -> Operand:
        if not self._batched(array):
            return form(array.shape, array.dtype.name, False)
        size = self.block or len(array)
        return form((size, *array.shape[1:]), array.dtype.name, self.last)

    def run(self, threads: int = 1) -> list[Array]:
        """The results, for all samples."""
        for memory in self.kernel.memory:
            memory.fill(0xFF)
        made = [np.empty_like(w) for w in self.wanted]
        total = self.total or 1
        size = self.block or total
        for base in range(0, total, size):
            n = min(size, total - base)
            for memory, array, x in zip(self.kernel.memory, self.arrays, self.kernel.x, strict=False):
                if self._batched(array):
                    memory.fill(0xFF)
                    x[:n] = array[base:base + n]
                else:
                    x[...] = array
            for out, y in zip(made, self.kernel.run(threads, n, base, total), strict=True):
                if self._batched(out):
                    out[base:base + n] = y[:n]
                else:
                    out[...] = y
        return made


def forms(*entries: tuple[tuple[int, ...], bool, int | None], few: int = 4) -> Any:
    """A mark for tests that take a shape, whether samples are innermost, and a block; only a few run by default."""
    return pytest.mark.parametrize(("shape", "last", "block"), [
        pytest.param(*entry, id=f"{'last' if entry[1] else 'rows'}-{entry[0]}-{entry[2]}",
                     marks=[pytest.mark.slow] * (index >= few)) for index, entry in enumerate(entries)])


def agree(op: Op, arrays: Sequence[Array], total: int | None = None, *, last: bool = False, block: int | None = None,
          machines: Sequence[Any] = MACHINES, rtol: float = 2e-6, atol: float = 1e-6) -> list[Array]:
    """Compares kernels with the reference, and their bits over machines and threads; returns the results."""
    first: list[Array] = []
    for machine in machines:
        batch = Batch(op, arrays, total, last=last, block=block, machine=machine)
        for threads in (1, 2, 3):
            made = batch.run(threads)
            first = first or made
            for a, b, want in zip(made, first, batch.wanted, strict=True):
                assert a.tobytes() == b.tobytes(), f"other bits with {machine}, {threads} threads"
                np.testing.assert_allclose(a, want, rtol, atol)
    return first
