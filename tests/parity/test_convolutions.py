"""Convolutions against torch, at random configurations; results and gradients for inputs, weights and biases."""

import numpy as np
import pytest

import graphnet as gn

pytestmark = pytest.mark.parity

L = gn.layers
SEEDS = range(12)


def pair(rng, low, high):
    return tuple(int(n) for n in rng.integers(low, high + 1, 2))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", SEEDS)
def test_conv1d(seed, dtype):
    from torch.nn import functional as F
    from torch_parity import check_parity

    rng = np.random.default_rng(seed)
    groups = int(rng.choice([1, 1, 2]))
    kernel, stride, dilation = (int(rng.integers(1, high + 1)) for high in (4, 3, 3))
    padding, bias = [int(n) for n in rng.integers(0, 4, 2)], bool(rng.random() < 0.7)
    layer = L.Conv1D(4, kernel, stride, padding, dilation, groups, use_bias=bias)

    def twin(x, w):
        return F.conv1d(F.pad(x, padding), w["weight"], w.get("bias"), stride, 0, dilation, groups)
    check_parity(layer, twin, [(2 * groups, int(rng.integers(10, 20)))], dtype, seed)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("kernel", "dilation"), [(3, 1), (5, 1), (3, 3), (4, 1), (2, 3)])
def test_conv1d_same_and_causal(kernel, dilation, dtype):
    from torch.nn import functional as F
    from torch_parity import check_parity

    reach = dilation * (kernel - 1)
    check_parity(L.Conv1D(3, kernel, padding="causal", dilation=dilation),
                 lambda x, w: F.conv1d(F.pad(x, (reach, 0)), w["weight"], w["bias"], dilation=dilation),
                 [(2, 13)], dtype)
    before = reach // 2
    check_parity(L.Conv1D(3, kernel, padding="same", dilation=dilation),
                 lambda x, w: F.conv1d(F.pad(x, (before, reach - before)), w["weight"], w["bias"], dilation=dilation),
                 [(2, 13)], dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", SEEDS)
def test_depthwise_conv2d(seed, dtype):
    from torch.nn import functional as F
    from torch_parity import check_parity

    rng = np.random.default_rng(seed)
    channels, multiplier = (int(n) for n in rng.integers(1, 4, 2))
    kernel, strides, dilation, padding = pair(rng, 1, 3), pair(rng, 1, 3), pair(rng, 1, 2), pair(rng, 0, 2)
    layer = L.DepthwiseConv2D(kernel, strides, padding, dilation, multiplier)

    def twin(x, w):
        return F.conv2d(x, w["weight"], w["bias"], strides, padding, dilation, channels)
    check_parity(layer, twin, [(channels, *pair(rng, 6, 10))], dtype, seed)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", SEEDS)
def test_conv_transpose2d(seed, dtype):
    from torch.nn import functional as F
    from torch_parity import check_parity

    rng = np.random.default_rng(seed)
    groups = int(rng.choice([1, 1, 2]))
    kernel, strides, dilation = pair(rng, 1, 4), pair(rng, 1, 3), pair(rng, 1, 2)
    padding = tuple(int(rng.integers(0, min(d * (k - 1), 2) + 1)) for k, d in zip(kernel, dilation, strict=True))
    extra = tuple(int(rng.integers(0, s)) for s in strides)
    layer = L.ConvTranspose2D(2 * groups, kernel, strides, padding, extra, dilation, groups)

    def twin(x, w):
        return F.conv_transpose2d(x, w["weight"], w["bias"], strides, padding, extra, groups, dilation)
    check_parity(layer, twin, [(3 * groups, *pair(rng, 3, 6))], dtype, seed)


@pytest.mark.parametrize(("kernel", "strides"), [((3, 3), (2, 2)), ((4, 2), (2, 3)), ((5, 3), (1, 1)),
                                                 ((2, 5), (3, 2))])
def test_same_transposed_is_the_gradient_of_same(kernel, strides):
    """The gradient of a convolution with "same" padding for an image of height · stride, as Keras defines it."""
    from torch.nn import functional as F
    from torch_parity import check_parity

    def twin(x, w):
        full = F.conv_transpose2d(x, w["weight"], None, strides)
        missing = [max(s - k, 0) for k, s in zip(kernel, strides, strict=True)]  # rows that no element reaches
        full = F.pad(full, (0, missing[1], 0, missing[0])) + w["bias"][:, None, None]
        top, left = (max(k - s, 0) // 2 for k, s in zip(kernel, strides, strict=True))
        return full[:, :, top:top + x.shape[2] * strides[0], left:left + x.shape[3] * strides[1]]
    check_parity(L.ConvTranspose2D(2, kernel, strides, "same"), twin, [(3, 4, 5)], "float64")
