"""What the contract does not say about scales: what they refuse."""

import re

import pytest

from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.op import f, f64
from graphnet.compiler.ops import DotAxis, InverseRoot, Normalize, NormalizeGrad, ScaleAxis


@pytest.mark.parametrize(("op", "types", "text"), [
    (ScaleAxis(1), [f64(2, 3), f64(2)],
     "a scale float64 (2,) does not fit axis 1 of float64 (2, 3): it must be float64 (3,)"),
    (ScaleAxis(1), [f64(2, 3), f("float32", 3)], "a scale float32 (3,) does not fit axis 1 of float64 (2, 3)"),
    (ScaleAxis(2), [f64(2, 3), f64(3)], "the scale has axis 2, but its input has 2 dims"),
    (DotAxis(0), [f64(2, 3), f64(2, 4)], "dot_axis needs operands of one shape, got (2, 3) and (2, 4)"),
    (Normalize(1e-5), [f64(3)], "normalize needs an axis beside the batch, got (3,)"),
    (NormalizeGrad(), [f64(2, 3), f64(2, 3), f64(3)], "normalize_grad of (2, 3) needs scales (2,), got float64 (3,)"),
])
def test_misfits(op, types, text):
    with pytest.raises(ShapeError, match=re.escape(text)):
        op.infer(*types)


@pytest.mark.parametrize(("make", "text"), [
    (lambda: InverseRoot(-1e-5), "inverse_root: epsilon is -1e-05, but it must be at least 0"),
    (lambda: Normalize(0.0), "normalize: epsilon is 0.0, but it must be greater than 0"),
])
def test_bad_attributes(make, text):
    with pytest.raises(ArgumentError, match=re.escape(text)):
        make()
