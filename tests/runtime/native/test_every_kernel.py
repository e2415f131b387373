"""Each op that has a native kernel, on its examples: found in the registry, so that a new kernel is tried as well.

Updates go over buffers that have a form of their own; `test_updates.py` goes through the registry for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from op_cases import Case, cases_of, symbolic_forms

pytest.importorskip("llvmlite")

from graphnet.compiler.inspect.rounding import DRAWS, moved, spread
from graphnet.compiler.op import Op, is_custom, registered_ops
from graphnet.compiler.ops import ClipGradients, GruGradWeights, Update
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import BATCH, bind_shape
from graphnet.runtime.llvm.machine import LANES, Machine
from graphnet.runtime.native import kernels as kernels
from graphnet.runtime.native.emit.call import Unsupported
from graphnet.runtime.native.emit.module import Form, write_kernel
from tests.runtime.native.harness import MACHINES, Array, Kernel, form

FACTOR = 16
"""What one rounding error of every input makes of a result may be as many times as large."""
ON_NUMPY = {"gaussian_noise"}
"""Ops without a native kernel."""
STEPS_FIRST = {"recurrent_grad_input", "recurrent_grad_weights", "gru_grad_weights"}
"""Ops on arrays whose first axis counts steps, which never have samples innermost."""


def ops() -> list[type[Op]]:
    """All of the library but for updates."""
    return [cls for name, cls in registered_ops().items() if not is_custom(name) and not issubclass(cls, Update)]


def forms_of(cls: type[Op]) -> Iterator[Trial]:
    """The examples in float32 as they are, and with 16 samples innermost where there is a batch."""
    for case in cases_of(cls):
        single = case.cast("float32")
        arrays = single.arrays()
        if isinstance(single.op, GruGradWeights):
            arrays[1][:, single.op.hidden] = 1  # where it multiplies the bias
        yield Trial(single.op, arrays, [form(a.shape, a.dtype.name, False) for a in arrays], [], single.id)
        for symbolic, _ in symbolic_forms(single)[:1] if cls.name not in STEPS_FIRST else ():
            yield with_samples(symbolic, arrays, single.id)


def with_samples(case: Case, arrays: Sequence[Array], example: str) -> Trial:
    """A vector has as many lanes, so there is no room behind the samples."""
    dims = {BATCH: LANES}
    fed = [np.resize(a, bind_shape(t.shape, dims)) for a, t in zip(arrays, case.inputs, strict=True)]
    forms = [form(a.shape, a.dtype.name, t.shape[:1] == (BATCH,)) for a, t in zip(fed, case.inputs, strict=True)]
    lasts = [t.shape[:1] == (BATCH,) for t in case.op.infer(*case.inputs)]
    return Trial(case.op.bind(dims), fed, forms, lasts, example)


@dataclass(frozen=True)
class Trial:
    """An op on arrays.

    Attributes:
        op, arrays: what runs on what.
        forms: of the arrays.
        lasts: for each result whether it has its samples innermost; none has if there is nothing.
        example: that it is of.
    """

    op: Op
    arrays: Sequence[Array]
    forms: Sequence[Operand]
    lasts: Sequence[bool]
    example: str

    def forward(self, arrays: Sequence[Array]) -> list[Array]:
        with np.errstate(all="ignore"):
            return [np.asarray(y) for y in self.op.forward(*arrays)]

    def expected(self) -> list[tuple[Array, float]]:
        """Results in float64, and how far those in float32 may be off."""
        exact = self.forward([a.astype(np.float64) if a.dtype == np.float32 else a for a in self.arrays])
        with np.errstate(all="ignore"):
            draws = [self.forward([moved(a, DRAWS * i + draw) for i, a in enumerate(self.arrays)])
                     for draw in range(DRAWS)]
        return [(y, self.bound(y, [draw[i] for draw in draws])) for i, y in enumerate(exact)]

    @staticmethod
    def bound(y: Array, draws: Sequence[Array]) -> float:
        if y.dtype.kind != "f":
            return 0
        return FACTOR * (spread(y, draws) + float(np.finfo(np.float32).eps * np.abs(y).max(initial=0)))

    def outputs(self) -> list[Operand]:
        results = self.forward(self.arrays)
        lasts = self.lasts or [False] * len(results)
        return [form(y.shape, y.dtype.name, last) for y, last in zip(results, lasts, strict=True)]

    def is_supported(self) -> bool:
        try:
            write_kernel(self.op, tuple(self.forms), tuple(self.outputs()), Form(MACHINES[0]))
        except Unsupported:
            return False
        return True

    def kernel(self, machine: Machine) -> Kernel:
        kernel = Kernel(self.op, self.forms, self.outputs(), machine)
        if isinstance(self.op, ClipGradients):  # it goes over the flat buffer of all gradients
            kernel.lay_flat()
        return kernel

    def run(self) -> None:
        """As the reference, with the same bits for both machines, one thread and three."""
        bits, expected = set(), self.expected()
        for machine in MACHINES:
            kernel = self.kernel(machine)
            for threads in (1, 3):
                for x, array in zip(kernel.x, self.arrays, strict=True):
                    x[...] = array
                made = kernel.run(threads)
                bits.add(b"".join(y.tobytes() for y in made))
                for y, (want, bound) in zip(made, expected, strict=True):
                    np.testing.assert_allclose(y, want, 0, bound, err_msg=f"{self.example}, {self.forms}")
        assert len(bits) == 1


@pytest.mark.parametrize("cls", ops(), ids=lambda cls: cls.name)
def test_every_op_has_a_kernel(cls: type[Op]) -> None:
    """For each example, in one form at least: images have none in rows."""
    examples: dict[str, bool] = {}
    for trial in forms_of(cls):
        examples[trial.example] = examples.get(trial.example, False) or trial.is_supported()
    assert examples
    assert all(examples.values()) == (cls.name not in ON_NUMPY)


@pytest.mark.parametrize("cls", [pytest.param(cls, marks=[] if number % 12 == 0 else [pytest.mark.slow])
                                 for number, cls in enumerate(ops())], ids=lambda cls: cls.name)
def test_kernels(cls: type[Op]) -> None:
    for trial in forms_of(cls):
        if trial.is_supported():
            trial.run()
