"""Poolings against torch, at random configurations; results and gradients."""

import numpy as np
import pytest

import graphnet as gn

pytestmark = pytest.mark.parity

L = gn.layers
SEEDS = range(16)
DTYPES = ("float32", "float64")


def window(rng, count):
    """Random sizes, strides and paddings as torch allows them: at most half the window."""
    size = tuple(int(n) for n in rng.integers(1, 5, count))
    strides = tuple(int(n) for n in rng.integers(1, 4, count))
    return size, strides, tuple(int(rng.integers(0, k // 2 + 1)) for k in size)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_max_pool2d(seed, ceil, dtype):
    from torch.nn import functional as F
    from torch_parity import check_parity

    rng = np.random.default_rng(seed)
    size, strides, padding = window(rng, 2)
    shape = (2, *(int(n) for n in rng.integers(5, 11, 2)))
    check_parity(L.MaxPool2D(size, strides, padding, ceil),
                 lambda x, _: F.max_pool2d(x, size, strides, padding, ceil_mode=ceil), [shape], dtype, seed)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_avg_pool2d(seed, ceil, counted, dtype):
    from torch.nn import functional as F
    from torch_parity import check_parity

    rng = np.random.default_rng(seed)
    size, strides, padding = window(rng, 2)
    shape = (2, *(int(n) for n in rng.integers(5, 11, 2)))
    check_parity(L.AvgPool2D(size, strides, padding, ceil, counted),
                 lambda x, _: F.avg_pool2d(x, size, strides, padding, ceil, counted), [shape], dtype, seed)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_one_dimension(seed, ceil, dtype):
    from torch.nn import functional as F
    from torch_parity import check_parity

    rng = np.random.default_rng(seed)
    (size,), (stride,), (padding,) = window(rng, 1)
    shape, counted = (3, int(rng.integers(5, 15))), bool(rng.random() < 0.5)
    check_parity(L.MaxPool1D(size, stride, padding, ceil),
                 lambda x, _: F.max_pool1d(x, size, stride, padding, ceil_mode=ceil), [shape], dtype, seed)
    check_parity(L.AvgPool1D(size, stride, padding, ceil, counted),
                 lambda x, _: F.avg_pool1d(x, size, stride, padding, ceil, counted), [shape], dtype, seed)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 1, 1), (2, 9), (40, 12, 50)])
def test_global(shape, dtype):
    from torch.nn import functional as F
    from torch_parity import check_parity

    dims = tuple(range(2, len(shape) + 1))
    adaptive = F.adaptive_max_pool2d if len(shape) == 3 else F.adaptive_max_pool1d
    check_parity(L.GlobalAveragePool(), lambda x, _: x.mean(dims), [shape], dtype)
    check_parity(L.GlobalMaxPool(), lambda x, _: adaptive(x, 1).flatten(1), [shape], dtype)


def test_ties_send_the_whole_gradient_to_the_first_as_in_torch():
    import torch
    from torch.nn import functional as F

    rng = np.random.default_rng(0)
    image = rng.integers(0, 3, (2, 3, 7, 8)).astype(np.float64)
    for layer, twin in ((L.MaxPool2D(3, 2, 1, True), lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True)),
                        (L.MaxPool2D(2), lambda x: F.max_pool2d(x, 2)),
                        (L.GlobalMaxPool(), lambda x: F.adaptive_max_pool2d(x, 1).flatten(1))):
        x = gn.Input((3, 7, 8), name="x", dtype="float64")
        net = gn.compile(gn.Model(x, layer(x)), loss="mse", dtype="float64")
        leaf = torch.from_numpy(image.copy()).requires_grad_()
        target = np.zeros(twin(leaf).shape) - 1
        F.mse_loss(twin(leaf), torch.from_numpy(target)).backward()
        _, gradients = net.loss_and_gradients(image, target, inputs=True)
        np.testing.assert_allclose(gradients["x"], leaf.grad.numpy(), atol=1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("size", "strides"), [((3, 2), (2, 1)), ((2, 5), (3, 2)), ((4, 4), (4, 4)), ((3, 3), (1, 1))])
@pytest.mark.parametrize("shape", [(2, 7, 6), (3, 5, 9)])
def test_same_padding_is_torch_with_an_odd_pad_at_the_end(size, strides, shape, dtype):
    from torch.nn import functional as F
    from torch_parity import check_parity

    total = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(shape[1:], size, strides, strict=True)]
    margins = [side for t in reversed(total) for side in (t // 2, t - t // 2)]

    def mean(x, counted):
        inside = F.pad(x * 0 + 1, margins)
        sums = F.avg_pool2d(F.pad(x, margins), size, strides, divisor_override=1)
        return sums / (size[0] * size[1] if counted else F.avg_pool2d(inside, size, strides, divisor_override=1))
    check_parity(L.MaxPool2D(size, strides, "same"),
                 lambda x, _: F.max_pool2d(F.pad(x, margins, value=float("-inf")), size, strides), [shape], dtype)
    for counted in (True, False):
        check_parity(L.AvgPool2D(size, strides, "same", count_include_pad=counted),
                     lambda x, _, counted=counted: mean(x, counted), [shape], dtype)
