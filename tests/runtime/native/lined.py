"""Runs a kernel on arrays, whole or in blocks of samples, in both layouts, and compares it with `Op.forward`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphnet.compiler.op import Op, as_type
from graphnet.runtime.llvm.machine import Machine
from graphnet.runtime.native import kernels as kernels
from tests.runtime.native.harness import MACHINES, WIDE, Array, Kernel, fill_padding, form

Gradients = Sequence[int]
"""Inputs that are gradients, and 0 behind the last sample where samples lie innermost."""
GARBAGE = {"float32": np.nan, "int64": 2**40 + 7, "int32": -2**31, "uint8": 255}
"""What may lie behind the last sample in rows."""


def expected(op: Op, inputs: Sequence[Array]) -> list[Array]:
    """What the reference gives; NumPy may warn of what it makes of infinities."""
    with np.errstate(all="ignore"):
        return [np.asarray(y) for y in op.forward(*inputs)]


class Trial:
    """A kernel for these arrays.

    Args:
        op: what it runs.
        inputs: arrays; the first axis counts samples, except of those in `shared`.
        last: whether samples lie innermost.
        block: samples of a block; None: all in one.
        gradients: inputs that are gradients.
        shared: inputs that are the same for all samples.
    """

    def __init__(self, op: Op, inputs: Sequence[Array], last: bool, block: int | None = None, gradients: Gradients = (),
                 shared: Gradients = (), machine: Machine = WIDE) -> None:
        self.inputs, self.block, self.gradients, self.shared = inputs, block, gradients, shared
        self.total = len(inputs[0])
        self.size = block or self.total
        full = [x if i in shared else np.resize(x, (self.size, *x.shape[1:])) for i, x in enumerate(inputs)]
        types = op.infer(*map(as_type, full))
        self.sums = [t.shape[:1] != (self.size,) or op.statistic or op.name == "embedding_grad" for t in types]
        forms = [form(x.shape, x.dtype.name, last and i not in shared) for i, x in enumerate(full)]
        outputs = [form(t.shape, t.dtype, last and not s) for t, s in zip(types, self.sums, strict=True)]
        self.last = last
        self.kernel = Kernel(op, forms, outputs, machine, block is not None)

    def run(self, threads: int = 1) -> list[Array]:
        """The results of all samples."""
        made: list[list[Array]] = []
        for base in range(0, self.total, self.size):
            n = min(self.size, self.total - base)
            self._feed(base, n)
            results = self.kernel.run(threads, n, base, self.total)
            made.append([y.copy() if s else y[:n].copy() for y, s in zip(results, self.sums, strict=True)])
        return [parts[-1] if s else np.concatenate(parts)
                for parts, s in zip(zip(*made, strict=True), self.sums, strict=True)]

    def _feed(self, base: int, n: int) -> None:
        for i, (x, given) in enumerate(zip(self.kernel.x, self.inputs, strict=True)):
            if i in self.shared:
                x[...] = given
                continue
            x[:n] = given[base:base + n]
            x[n:] = (0 if i in self.gradients else given[base + n - 1:base + n]) if self.last else GARBAGE[x.dtype.name]
        if self.last:
            fill_padding(self.kernel)
            self._clear_gradients()

    def _clear_gradients(self) -> None:
        for i in self.gradients:
            operand, memory = self.kernel.call.inputs[i], self.kernel.memory[i]
            if operand.room > operand.shape[0]:
                np.ndarray((*operand.shape[1:], operand.room), operand.dtype, memory.data)[..., operand.shape[0]:] = 0


def check(op: Op, inputs: Sequence[Array], last: bool, block: int | None = None, *, gradients: Gradients = (),
          shared: Gradients = (), rtol: float = 3e-6, atol: float = 1e-6, threads: Sequence[int] = (3,),
          machines: Sequence[Machine] = MACHINES) -> None:
    """The results are those of the reference, and of the same bits for all machines and numbers of threads."""
    wanted, bits = expected(op, inputs), set()
    what = f"{op} of {[x.shape for x in inputs]}, last {last}, block {block}"
    for machine in machines:
        trial = Trial(op, inputs, last, block, gradients, shared, machine)
        for count in (1, *threads):
            given = trial.run(count)
            bits.add(b"".join(np.where(np.isnan(y), np.nan, y).tobytes() for y in given))  # a NaN may have any bits
            for y, reference in zip(given, wanted, strict=True):
                assert y.dtype == reference.dtype
                np.testing.assert_allclose(y, reference, rtol, atol, err_msg=what)
    assert len(bits) == 1
