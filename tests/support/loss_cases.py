"""Every loss with its formula in plain NumPy and its twin in PyTorch, with reductions, weights and smoothing.

A new one needs its class in `graphnet/losses` and a case here; the formula is checked by
`tests/graphnet/test_losses.py`, the twin by `tests/parity/test_losses.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from lazy_torch import functional as f
from lazy_torch import torch

from graphnet import losses as lo

Array = np.ndarray[Any, Any]

N, C = 7, 5
RNG = np.random.default_rng(0)
Z = RNG.normal(0, 2, (N, C))
"""What the model makes: numbers, or logits."""
NUMBERS = RNG.normal(0, 2, (N, C))
CLASSES = RNG.integers(0, C, N)
ROWS = np.concatenate([RNG.dirichlet(np.ones(C), N - 2), np.eye(C)[[2]], [[0.5, 0, 0.25, 0.25, 0]]])
BITS = (RNG.uniform(0, 1, (N, C)) < 0.5).astype(float)
WEIGHTS = (0.5, 1.0, 2.0, 0.0, 3.0)


def softmax(z: Array) -> Array:
    """The probabilities of each row."""
    return np.exp(z) / np.exp(z).sum(1, keepdims=True)


def sigmoid(z: Array) -> Array:
    """The probability of each element."""
    return 1 / (1 + np.exp(-z))


ENDS: dict[str | None, Callable[[Array], Array]] = {None: lambda z: z, "softmax": softmax, "sigmoid": sigmoid}


@dataclass(frozen=True)
class LossCase:
    """A loss with some arguments.

    Attributes:
        loss: the loss.
        labels: what it is given with the prediction `ENDS[end](Z)`.
        formula: from prediction and labels the loss of each element, or of each sample.
        twin: from the logits `Z` and the labels, as torch tensors, the reduced loss.
        end: the activation that ends the model.
        refused: labels that the loss does not take with predictions (N, 3), and what it says to them.
    """

    loss: lo.Loss
    labels: Array
    formula: Callable[[Array, Array], Array]
    twin: Callable[[Any, Any], Any]
    end: str | None = None
    refused: tuple[tuple[Any, str], ...] = ()


def smoothed(labels: Array, smoothing: float = 0.0) -> Array:
    """Rows of probabilities of classes or rows, some of them spread over all classes (Szegedy et al. 2016, eq. 7)."""
    rows = np.eye(C)[labels] if labels.ndim == 1 else labels
    return (1 - smoothing) * rows + smoothing / C


def cross_entropy(p: Array, y: Array, smoothing: float = 0.0, weights: Any = 1.0) -> Array:
    """-Σ_c w_c y_c log p_c for each sample."""
    return -(smoothed(y, smoothing) * weights * np.log(p)).sum(1)


def divergence(p: Array, y: Array) -> Array:
    """Σ_c y_c log(y_c / p_c) for each sample; 0 log 0 is 0."""
    return (y * np.log(np.where(y > 0, y, 1) / p)).sum(1)


def binary(p: Array, y: Array, smoothing: float = 0.0, weights: tuple[float, float] = (1.0, 1.0)) -> Array:
    """-w₁ y log p - w₀ (1 - y) log(1 - p) for each element."""
    y = (1 - smoothing) * y + smoothing / 2
    return -weights[1] * y * np.log(p) - weights[0] * (1 - y) * np.log(1 - p)


def cosine(p: Array, y: Array) -> Array:
    """1 - p · y / |p| |y| for each sample."""
    return 1 - (p * y).sum(1) / np.linalg.norm(p, axis=1) / np.linalg.norm(y, axis=1)


def huber(p: Array, y: Array, delta: float) -> Array:
    """Huber 1964: a parabola up to delta, then a line."""
    e = abs(p - y)
    return np.where(e <= delta, e**2 / 2, delta * (e - delta / 2))


def weighted_mean(z: Any, t: Any, **options: Any) -> Any:
    """PyTorch divides by the sum of the class weights; by the number of labels it is this."""
    return f().cross_entropy(z, t, reduction="sum", **options) / len(t)


def tensor(values: Any, like: Any) -> Any:
    """A torch tensor of the dtype of another."""
    return torch().tensor(values, dtype=like.dtype)


LOSS_CASES: dict[str, LossCase] = {
    "mse": LossCase(lo.MeanSquaredError(), NUMBERS, lambda p, y: (p - y)**2, lambda z, t: f().mse_loss(z, t)),
    "mse sum": LossCase(lo.MeanSquaredError(reduction="sum"), NUMBERS, lambda p, y: (p - y)**2,
                        lambda z, t: f().mse_loss(z, t, reduction="sum")),
    "mae": LossCase(lo.MeanAbsoluteError(), NUMBERS, lambda p, y: abs(p - y), lambda z, t: f().l1_loss(z, t)),
    "huber": LossCase(lo.Huber(0.7), NUMBERS, lambda p, y: huber(p, y, 0.7),
                      lambda z, t: f().huber_loss(z, t, delta=0.7)),
    "smooth l1": LossCase(lo.Huber(0.6), NUMBERS, lambda p, y: huber(p, y, 0.6),
                          lambda z, t: 0.6 * f().smooth_l1_loss(z, t, beta=0.6)),
    "hinge": LossCase(lo.Hinge(), 2 * BITS - 1, lambda p, y: np.maximum(0, 1 - y * p),
                      lambda z, t: (1 - z * t).clamp(min=0).mean(), refused=(
                          ([[1, -1, 0], [1, 1, 1]],
                           "label (0, 2) is 0, but labels must be -1 or 1 (2 * y - 1 makes"),)),
    "cosine": LossCase(lo.CosineSimilarity(), NUMBERS, cosine,
                       lambda z, t: f().cosine_embedding_loss(z, t, tensor([1], z))),
    "cosine sum": LossCase(lo.CosineSimilarity(reduction="sum"), NUMBERS, cosine,
                           lambda z, t: (1 - f().cosine_similarity(z, t)).sum()),
    "softmax": LossCase(lo.SoftmaxCrossEntropy(), CLASSES, lambda z, y: cross_entropy(softmax(z), y),
                        lambda z, t: f().cross_entropy(z, t)),
    "softmax rows": LossCase(lo.SoftmaxCrossEntropy(), ROWS, lambda z, y: cross_entropy(softmax(z), y),
                             lambda z, t: f().cross_entropy(z, t)),
    "softmax sum": LossCase(lo.SoftmaxCrossEntropy(reduction="sum"), CLASSES,
                            lambda z, y: cross_entropy(softmax(z), y),
                            lambda z, t: f().cross_entropy(z, t, reduction="sum")),
    "softmax smoothed": LossCase(lo.SoftmaxCrossEntropy(0.2), CLASSES, lambda z, y: cross_entropy(softmax(z), y, 0.2),
                                 lambda z, t: f().cross_entropy(z, t, label_smoothing=0.2)),
    "softmax smoothed rows": LossCase(lo.SoftmaxCrossEntropy(0.2), ROWS,
                                      lambda z, y: cross_entropy(softmax(z), y, 0.2),
                                      lambda z, t: f().cross_entropy(z, t, label_smoothing=0.2)),
    "softmax weighted": LossCase(lo.SoftmaxCrossEntropy(class_weights=WEIGHTS), CLASSES,
                                 lambda z, y: cross_entropy(softmax(z), y, 0, WEIGHTS),
                                 lambda z, t: weighted_mean(z, t, weight=tensor(WEIGHTS, z))),
    "softmax weighted rows": LossCase(lo.SoftmaxCrossEntropy(class_weights=WEIGHTS), ROWS,
                                      lambda z, y: cross_entropy(softmax(z), y, 0, WEIGHTS),
                                      lambda z, t: weighted_mean(z, t, weight=tensor(WEIGHTS, z))),
    "softmax smoothed and weighted": LossCase(
        lo.SoftmaxCrossEntropy(0.3, WEIGHTS), CLASSES, lambda z, y: cross_entropy(softmax(z), y, 0.3, WEIGHTS),
        lambda z, t: weighted_mean(z, t, weight=tensor(WEIGHTS, z), label_smoothing=0.3)),
    "probabilities": LossCase(lo.CrossEntropy(), CLASSES, cross_entropy,
                              lambda z, t: f().nll_loss(f().log_softmax(z, -1), t), "softmax",
                              (([0, 3], "label 1 is 3, but the model has 3 classes"),)),
    "probabilities, rows": LossCase(lo.CrossEntropy(), ROWS, cross_entropy,
                                    lambda z, t: f().cross_entropy(z, t), "softmax"),
    "probabilities, smoothed": LossCase(lo.CrossEntropy(0.3), CLASSES, lambda p, y: cross_entropy(p, y, 0.3),
                                        lambda z, t: f().cross_entropy(z, t, label_smoothing=0.3), "softmax"),
    "probabilities, weighted": LossCase(lo.CrossEntropy(class_weights=WEIGHTS), CLASSES,
                                        lambda p, y: cross_entropy(p, y, 0, WEIGHTS),
                                        lambda z, t: weighted_mean(z, t, weight=tensor(WEIGHTS, z)), "softmax"),
    "probabilities, weighted rows": LossCase(lo.CrossEntropy(class_weights=WEIGHTS), ROWS,
                                             lambda p, y: cross_entropy(p, y, 0, WEIGHTS),
                                             lambda z, t: weighted_mean(z, t, weight=tensor(WEIGHTS, z)), "softmax"),
    "probabilities of a sigmoid": LossCase(lo.CrossEntropy(), CLASSES, cross_entropy,
                                           lambda z, t: f().nll_loss(f().logsigmoid(z), t), "sigmoid"),
    "kl divergence": LossCase(lo.KLDivergence(), ROWS, divergence,
                              lambda z, t: f().kl_div(f().log_softmax(z, -1), t, reduction="batchmean"), "softmax",
                              ((np.full((2, 3), 0.5), "the sum of label 0 is 1.5, but probabilities must sum to 1"),)),
    "kl divergence sum": LossCase(lo.KLDivergence(reduction="sum"), ROWS, divergence,
                                  lambda z, t: f().kl_div(f().log_softmax(z, -1), t, reduction="sum"), "softmax"),
    "kl divergence of a sigmoid": LossCase(lo.KLDivergence(), ROWS, divergence,
                                           lambda z, t: f().kl_div(f().logsigmoid(z), t, reduction="batchmean"),
                                           "sigmoid"),
    "binary": LossCase(lo.BinaryCrossEntropy(), BITS, binary, lambda z, t: f().binary_cross_entropy(z.sigmoid(), t),
                       "sigmoid", ((np.full((2, 3), 1.5), "label (0, 0) is 1.5, but labels must be between 0 and 1; "
                                                          "6 of 6"),)),
    "binary of a softmax": LossCase(lo.BinaryCrossEntropy(), ROWS, binary,
                                    lambda z, t: f().binary_cross_entropy(z.softmax(-1), t), "softmax"),
    "binary from logits": LossCase(lo.BinaryCrossEntropy(from_logits=True), ROWS, lambda z, y: binary(sigmoid(z), y),
                                   lambda z, t: f().binary_cross_entropy_with_logits(z, t)),
    "binary with pos_weight": LossCase(
        lo.BinaryCrossEntropy(True, class_weights=(1, 3)), ROWS, lambda z, y: binary(sigmoid(z), y, 0, (1, 3)),
        lambda z, t: f().binary_cross_entropy_with_logits(z, t, pos_weight=tensor([3.0], z))),
    "binary weighted": LossCase(
        lo.BinaryCrossEntropy(class_weights=(0.5, 3)), ROWS, lambda p, y: binary(p, y, 0, (0.5, 3)),
        lambda z, t: f().binary_cross_entropy_with_logits(z, t, pos_weight=tensor([6.0], z)) / 2, "sigmoid"),
    "binary smoothed": LossCase(
        lo.BinaryCrossEntropy(True, 0.2, reduction="sum"), BITS, lambda z, y: binary(sigmoid(z), y, 0.2),
        lambda z, t: f().binary_cross_entropy_with_logits(z, 0.8 * t + 0.1, reduction="sum")),
    "binary of probabilities, smoothed": LossCase(
        lo.BinaryCrossEntropy(label_smoothing=0.2), ROWS, lambda p, y: binary(p, y, 0.2),
        lambda z, t: f().binary_cross_entropy(z.sigmoid(), 0.8 * t + 0.1), "sigmoid"),
}
