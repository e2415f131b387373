"""Every loss that PyTorch has, forward and gradients, with reductions, weights and smoothing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet import losses

pytestmark = pytest.mark.parity

N, C = 7, 5
RNG = np.random.default_rng(0)
Z = RNG.normal(0, 2, (N, C))
NUMBERS = RNG.normal(0, 2, (N, C))
CLASSES = RNG.integers(0, C, N)
ROWS = RNG.dirichlet(np.ones(C), N)
BITS = (RNG.uniform(0, 1, (N, C)) < 0.5).astype(float)
WEIGHTS = (0.5, 1.0, 2.0, 0.0, 3.0)
Twin = Callable[..., Any]


def f() -> Any:
    import torch

    return torch.nn.functional


def weighted_mean(z: Any, t: Any, **options: Any) -> Any:
    """PyTorch divides by the sum of the class weights; by the number of labels it is this."""
    return f().cross_entropy(z, t, reduction="sum", **options) / len(t)


def tensor(values: Any, like: Any) -> Any:
    import torch

    return torch.tensor(values, dtype=like.dtype)


# (loss, labels, what ends the model, PyTorch's loss of the logits)
CASES: dict[str, tuple[losses.Loss, np.ndarray, str | None, Twin]] = {
    "mse": (losses.MeanSquaredError(), NUMBERS, None, lambda z, t: f().mse_loss(z, t)),
    "mse sum": (losses.MeanSquaredError(reduction="sum"), NUMBERS, None,
                lambda z, t: f().mse_loss(z, t, reduction="sum")),
    "mae": (losses.MeanAbsoluteError(), NUMBERS, None, lambda z, t: f().l1_loss(z, t)),
    "huber": (losses.Huber(0.7), NUMBERS, None, lambda z, t: f().huber_loss(z, t, delta=0.7)),
    "smooth l1": (losses.Huber(0.7), NUMBERS, None, lambda z, t: 0.7 * f().smooth_l1_loss(z, t, beta=0.7)),
    "cosine": (losses.CosineSimilarity(), NUMBERS, None,
               lambda z, t: f().cosine_embedding_loss(z, t, tensor([1], z))),
    "cosine sum": (losses.CosineSimilarity(reduction="sum"), NUMBERS, None,
                   lambda z, t: (1 - f().cosine_similarity(z, t)).sum()),
    "softmax": (losses.SoftmaxCrossEntropy(), CLASSES, None, lambda z, t: f().cross_entropy(z, t)),
    "softmax rows": (losses.SoftmaxCrossEntropy(), ROWS, None, lambda z, t: f().cross_entropy(z, t)),
    "softmax sum": (losses.SoftmaxCrossEntropy(reduction="sum"), CLASSES, None,
                    lambda z, t: f().cross_entropy(z, t, reduction="sum")),
    "softmax smoothed": (losses.SoftmaxCrossEntropy(0.2), CLASSES, None,
                         lambda z, t: f().cross_entropy(z, t, label_smoothing=0.2)),
    "softmax smoothed rows": (losses.SoftmaxCrossEntropy(0.2), ROWS, None,
                              lambda z, t: f().cross_entropy(z, t, label_smoothing=0.2)),
    "softmax weighted": (losses.SoftmaxCrossEntropy(class_weights=WEIGHTS), CLASSES, None,
                         lambda z, t: weighted_mean(z, t, weight=tensor(WEIGHTS, z))),
    "softmax weighted rows": (losses.SoftmaxCrossEntropy(class_weights=WEIGHTS), ROWS, None,
                              lambda z, t: weighted_mean(z, t, weight=tensor(WEIGHTS, z))),
    "softmax smoothed and weighted": (
        losses.SoftmaxCrossEntropy(0.3, WEIGHTS), CLASSES, None,
        lambda z, t: weighted_mean(z, t, weight=tensor(WEIGHTS, z), label_smoothing=0.3)),
    "probabilities": (losses.CrossEntropy(), CLASSES, "softmax",
                      lambda z, t: f().nll_loss(f().log_softmax(z, -1), t)),
    "probabilities of a sigmoid": (losses.CrossEntropy(), CLASSES, "sigmoid",
                                   lambda z, t: f().nll_loss(f().logsigmoid(z), t)),
    "kl divergence": (losses.KLDivergence(), ROWS, "softmax",
                      lambda z, t: f().kl_div(f().log_softmax(z, -1), t, reduction="batchmean")),
    "kl divergence sum": (losses.KLDivergence(reduction="sum"), ROWS, "softmax",
                          lambda z, t: f().kl_div(f().log_softmax(z, -1), t, reduction="sum")),
    "kl divergence of a sigmoid": (losses.KLDivergence(), ROWS, "sigmoid",
                                   lambda z, t: f().kl_div(f().logsigmoid(z), t, reduction="batchmean")),
    "binary": (losses.BinaryCrossEntropy(), BITS, "sigmoid",
               lambda z, t: f().binary_cross_entropy(z.sigmoid(), t)),
    "binary of a softmax": (losses.BinaryCrossEntropy(), ROWS, "softmax",
                            lambda z, t: f().binary_cross_entropy(z.softmax(-1), t)),
    "binary from logits": (losses.BinaryCrossEntropy(from_logits=True), ROWS, None,
                           lambda z, t: f().binary_cross_entropy_with_logits(z, t)),
    "binary with pos_weight": (losses.BinaryCrossEntropy(True, class_weights=(1, 3)), ROWS, None,
                               lambda z, t: f().binary_cross_entropy_with_logits(z, t, pos_weight=tensor([3.0], z))),
    "binary smoothed": (losses.BinaryCrossEntropy(True, 0.2, reduction="sum"), BITS, None,
                        lambda z, t: f().binary_cross_entropy_with_logits(z, 0.8 * t + 0.1, reduction="sum")),
    "hinge": (losses.Hinge(), 2 * BITS - 1, None, lambda z, t: (1 - z * t).clamp(min=0).mean()),
}


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize(("loss", "labels", "end", "twin"), CASES.values(), ids=CASES)
def test_loss_and_gradient(loss: losses.Loss, labels: np.ndarray, end: str | None, twin: Twin, optimize: bool,
                           dtype: str, tolerance: float) -> None:
    import torch

    x = gn.Input((C,), name="x", dtype=dtype)
    dense = gn.layers.Dense(C, use_bias=False, kernel_initializer="identity", activation=end, name="y")
    net = gn.compile(gn.Model(x, dense(x)), loss=loss, dtype=dtype, optimize=optimize)
    y = labels if labels.dtype == np.int64 else labels.astype(dtype)
    found, gradients = net.loss_and_gradients(Z.astype(dtype), y, inputs=True)
    z = torch.tensor(Z, dtype=getattr(torch, dtype), requires_grad=True)
    expected = twin(z, torch.from_numpy(y))
    expected.backward()
    assert found == pytest.approx(expected.item(), rel=tolerance)
    wanted = z.grad.numpy()
    np.testing.assert_allclose(gradients["x"], wanted, 0, tolerance * abs(wanted).max())


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
def test_losses_of_sequences(dtype: str, tolerance: float) -> None:
    """PyTorch has the classes on axis 1, this library on the last."""
    import torch

    z, t = RNG.normal(0, 2, (N, 4, C)).astype(dtype), RNG.integers(0, C, (N, 4))
    x = gn.Input((4, C), name="x", dtype=dtype)
    net = gn.compile(gn.Model(x, gn.layers.Permute((2, 1))(gn.layers.Permute((2, 1))(x))),
                     loss=losses.SoftmaxCrossEntropy(0.1), dtype=dtype)
    found, gradients = net.loss_and_gradients(z, t, inputs=True)
    leaf = torch.from_numpy(z).requires_grad_()
    expected = torch.nn.functional.cross_entropy(leaf.transpose(1, 2), torch.from_numpy(t), label_smoothing=0.1)
    expected.backward()
    assert found == pytest.approx(expected.item(), rel=tolerance)
    np.testing.assert_allclose(gradients["x"], leaf.grad.numpy(), 0, tolerance)
