"""Runs an op's kernel on arrays as the backend does: in blocks or whole, in rows or with samples innermost."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from graphnet.compiler.op import Op
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.llvm.machine import Machine
from tests.runtime.native.harness import WIDE, Array, Kernel, form, view


@dataclass(frozen=True, eq=False)
class Trial:
    """An op on operands of which some have samples along axis 0.

    Attributes:
        op: the op for so many samples.
        inputs: arrays.
        batched: positions of the inputs that have samples.
        gradients: positions of those that are gradients, 0 behind the samples.
        given: positions of the outputs that have samples.
    """

    op: Callable[[int], Op]
    inputs: Sequence[Array]
    batched: Collection[int] = (0,)
    gradients: Collection[int] = ()
    given: Collection[int] = (0,)
    _made: dict[Hashable, Kernel] = field(default_factory=dict)

    @property
    def samples(self) -> int:
        """How many there are."""
        return self.inputs[min(self.batched)].shape[0]

    def expected(self) -> list[Array]:
        """What the op makes, in double precision."""
        with np.errstate(all="ignore"):
            doubles = [a.astype(np.float64) if a.dtype == np.float32 else a for a in self.inputs]
            return list(self.op(self.samples).forward(*doubles))

    def run(self, last: bool, machine: Machine = WIDE, threads: int = 1, block: int | None = None,
            over: tuple[int, int] | None = None) -> list[Array]:
        """What the kernel makes, with samples innermost or in rows; in blocks, if their size is given.

        `over` are the positions of an output and of an input whose memory it takes over.
        """
        size, kernel = block or self.samples, self.kernel(last, machine, block, over)
        results: list[list[Array]] = [[] for _ in kernel.y]
        for base in range(0, self.samples, size):
            n = min(size, self.samples - base)
            self._fill(kernel, base, n, last)
            for i, y in enumerate(kernel.run(threads, n, base, self.samples)):
                results[i].append(y[:n].copy() if i in self.given else y.copy())
        return [np.concatenate(parts) if i in self.given else parts[-1] for i, parts in enumerate(results)]

    def kernel(self, last: bool, machine: Machine = WIDE, block: int | None = None,
               over: tuple[int, int] | None = None) -> Kernel:
        """The kernel that `run` runs."""
        key = last, machine, block, over
        if key not in self._made:
            self._made[key] = self._make(*key)
        return self._made[key]

    def _make(self, last: bool, machine: Machine, block: int | None, over: tuple[int, int] | None) -> Kernel:
        size = block or self.samples
        op = self.op(size)
        heads = [np.resize(a, (size, *a.shape[1:])) if i in self.batched else a for i, a in enumerate(self.inputs)]
        with np.errstate(all="ignore"):
            made = op.forward(*heads)
        kernel = Kernel(op, [form(a.shape, a.dtype.name, last and i in self.batched) for i, a in enumerate(heads)],
                        [form(a.shape, a.dtype.name, last and i in self.given) for i, a in enumerate(made)], machine,
                        block is not None)
        if over:
            output, position = over
            kernel.memory[len(heads) + output] = kernel.memory[position]
            kernel.y[output] = kernel.x[position].view()
        return kernel

    def _fill(self, kernel: Kernel, base: int, n: int, last: bool) -> None:
        for i, (array, x) in enumerate(zip(self.inputs, kernel.x, strict=True)):
            if i not in self.batched:
                x[...] = array
                continue
            whole = with_room(kernel.call.inputs[i], kernel.memory[i])
            whole[n:] = 0 if i in self.gradients else array[base + n - 1] if last else np.nan
            whole[:n] = array[base:base + n]


def with_room(operand: Operand, memory: Array) -> Array:
    """An array with what lies behind its samples."""
    if not operand.room:
        return view(operand, memory)
    return np.moveaxis(view(form((*operand.shape[1:], operand.room), operand.dtype, False), memory), -1, 0)
