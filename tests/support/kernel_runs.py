"""Runs the kernel of an op on its own, on arrays in a layout of choice, with soiled memory for results and scratch."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.op import Op, as_type
from graphnet.compiler.planning.layout import operand
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import Array
from graphnet.runtime.kernels import NumpyTarget, bind_kernel
from graphnet.runtime.kernels.registry import Call, Run

LAYOUTS = ("rows", "batch-last")


def bind(op: Op, arrays: tuple[Array, ...], layout: str, out: tuple[Array, ...] = ()) -> tuple[Run, tuple[Array, ...]]:
    """The bound kernel and its outputs. `out` replaces the first outputs, e.g. by an input that is written over."""
    inputs = tuple(placed(a, layout) for a in arrays)
    return bind_placed(op, inputs, layout, out)


def bind_placed(op: Op, inputs: tuple[Array, ...], layout: str, out: tuple[Array, ...] = (),
                target: NumpyTarget = NumpyTarget()) -> tuple[Run, tuple[Array, ...]]:  # noqa: B008 - it is immutable
    """The same for inputs that are in their layout already."""
    types = op.infer(*map(as_type, inputs))
    made = [operand(t, layout == "batch-last" and t.rank >= 2) for t in types]
    outputs = (*out, *(soiled(form) for form in made[len(out):]))
    forms = tuple(Operand(a.dtype.name, a.shape, a.strides) for a in inputs)
    scratch = tuple(soiled(operand(t, False)) for t in target.workspace(op, forms, tuple(made)))
    return bind_kernel(Call(op, inputs, outputs, scratch)), outputs


def placed(array: Array, layout: str) -> Array:
    """A copy in a layout; arrays of fewer than two dims are always rows."""
    copy = soiled(operand(as_type(array), layout == "batch-last" and array.ndim >= 2))
    copy[...] = array
    return copy


def soiled(form: Operand) -> Array:
    """Memory full of ones in every bit: NaN for floats, True for bools."""
    return np.ndarray(form.shape, form.dtype, np.full(form.nbytes, 0xFF, np.uint8).data, 0, form.strides)
