"""Every activation against torch, at several shapes; results and gradients."""

import pytest
from activation_cases import ACTIVATION_CASES

import graphnet as gn

pytestmark = pytest.mark.parity

L = gn.layers
SHAPES = ((7,), (3, 5), (4, 3, 6))
CASES = pytest.mark.parametrize("case", ACTIVATION_CASES.values(), ids=ACTIVATION_CASES)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@CASES
def test_every_activation(case, shape, dtype):
    from torch_parity import check_parity

    for seed, spread in enumerate(case.spreads):
        check_parity(case.make(), lambda x, _: case.twin(x), [shape], dtype, seed, spread)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "axis"), [((7,), -1), ((3, 5), 1), ((4, 3, 6), 2), ((4, 3, 6), -3)])
@pytest.mark.parametrize(("layer", "name"), [(L.Softmax, "softmax"), (L.LogSoftmax, "log_softmax")])
def test_along_an_axis(layer, name, shape, axis, dtype):
    from torch.nn import functional as F
    from torch_parity import check_parity

    for seed, spread in enumerate((0.5, 5.0)):
        check_parity(layer(axis), lambda x, _: getattr(F, name)(x, dim=axis), [shape], dtype, seed, spread)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("shape", [(7,), (3, 5), (4, 3, 6), (1, 3, 6)])
def test_prelu(shape, shared, dtype):
    from torch.nn import functional as F
    from torch_parity import check_parity

    for seed in range(3):
        check_parity(L.PReLU(shared, axis=1), lambda x, w: F.prelu(x, w["slope"]), [shape], dtype, seed)


@CASES
def test_fused_behind_a_convolution(case):
    from torch.nn import functional as F
    from torch_parity import check_parity

    check_parity(L.Conv2D(5, 3, activation=case.make()),
                 lambda x, w: case.twin(F.conv2d(x, w["weight"], w["bias"])), [(2, 6, 7)], "float64")
