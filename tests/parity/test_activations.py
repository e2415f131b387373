"""Every activation against torch, at several shapes; results and gradients."""

import pytest

import graphnet as gn

pytestmark = pytest.mark.parity

L = gn.layers
SHAPES = ((7,), (3, 5), (4, 3, 6))
CASES = {
    "relu": (L.ReLU, "relu", {}),
    "leaky_relu": (L.LeakyReLU, "leaky_relu", {}),
    "leaky_relu 0.3": (lambda: L.LeakyReLU(0.3), "leaky_relu", {"negative_slope": 0.3}),
    "elu": (L.ELU, "elu", {}),
    "elu 0.4": (lambda: L.ELU(0.4), "elu", {"alpha": 0.4}),
    "selu": (L.SELU, "selu", {}),
    "gelu": (L.GELU, "gelu", {}),
    "gelu tanh": (lambda: L.GELU(approximate=True), "gelu", {"approximate": "tanh"}),
    "silu": (L.SiLU, "silu", {}),
    "softplus": (L.Softplus, "softplus", {}),
    "softsign": (L.Softsign, "softsign", {}),
    "sigmoid": (L.Sigmoid, "sigmoid", {}),
    "tanh": (L.Tanh, "tanh", {}),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("layer", "name", "options"), CASES.values(), ids=CASES)
def test_element_wise(layer, name, options, shape, dtype):
    from torch.nn import functional as F
    from torch_parity import check_parity

    for seed, spread in enumerate((0.5, 1.0, 3.0)):  # within softplus's threshold of 20 in torch
        check_parity(lambda x: layer()(x), lambda x, _: getattr(F, name)(x, **options), [shape], dtype, seed, spread)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_hard_sigmoid(shape, dtype):
    """By its definition: torch's own backward has the slope 1/6 in float32, whatever the dtype."""
    from torch.nn import functional as F
    from torch_parity import check_parity

    for seed, spread in enumerate((1.0, 4.0)):
        check_parity(L.HardSigmoid(), lambda x, _: F.relu6(x + 3) / 6, [shape], dtype, seed, spread)
        check_parity(L.HardSigmoid(0.2), lambda x, _: F.relu6(1.2 * x + 3) / 6, [shape], dtype, seed, spread)


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


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "gelu", "silu", "softsign"])
def test_fused_behind_a_convolution(name):
    from torch.nn import functional as F
    from torch_parity import check_parity

    function = getattr(F, name)
    check_parity(L.Conv2D(5, 3, activation=name), lambda x, w: function(F.conv2d(x, w["weight"], w["bias"])),
                 [(2, 6, 7)], "float64")
