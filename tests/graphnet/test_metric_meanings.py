"""Metrics take outputs for what the loss takes them for."""

from __future__ import annotations

import re

import numpy as np
import pytest

import graphnet as gn
from graphnet import ShapeError
from graphnet.losses import LOSSES, BinaryCrossEntropy, Loss
from graphnet.losses.base import LOGITS, NUMBERS, PROBABILITIES, SCORES
from graphnet.metrics import BinaryAccuracy, Metric, Perplexity

DECISIONS = ["binary_accuracy", "precision", "recall", "f1"]
SCORING = next(name for name in LOSSES.names if LOSSES.resolve("compile", "loss", name).meaning == SCORES)
Z = np.array([[0.3], [0.2], [-0.4]])
T = np.array([[1.0], [1.0], [0.0]])


def figures(z: np.ndarray, y: np.ndarray, loss: Loss | str, metrics: list[str | Metric],
            end: str | None = None) -> dict[str, float]:
    """What comes in is what goes out, but for the activation."""
    x = gn.Input(z.shape[1:], name="x")
    same = gn.layers.Dense(z.shape[1], use_bias=False, kernel_initializer="identity", activation=end)
    return gn.compile(gn.Model(x, same(x)), loss=loss, metrics=metrics, dtype="float64").evaluate(z, y)


def test_decisions_from_logits() -> None:
    found = figures(Z, T, BinaryCrossEntropy(from_logits=True), DECISIONS)
    assert [found[name] for name in DECISIONS] == [1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(("loss", "end"), [("binary_cross_entropy", "sigmoid"), ("mse", "sigmoid"), (SCORING, None)])
def test_other_losses_decide_where_their_outputs_do(loss: str, end: str | None) -> None:
    found = figures(Z, 2 * T - 1 if loss == SCORING else T, loss, DECISIONS, end)
    assert [found[name] for name in DECISIONS] == [1.0, 1.0, 1.0, 1.0]


def test_a_threshold_that_is_said_counts() -> None:
    found = figures(Z, T, BinaryCrossEntropy(from_logits=True), [BinaryAccuracy(0.25)])
    assert found["binary_accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("loss", ["cross_entropy", "kl_divergence", "softmax_cross_entropy"])
def test_perplexity_of_logits_and_of_probabilities_is_one(loss: str) -> None:
    z, y = np.random.default_rng(0).normal(0, 1, (29, 4)), np.arange(29) % 4
    expected = np.exp(-np.log(np.exp(z)[np.arange(29), y] / np.exp(z).sum(1)).mean())
    labels = np.eye(4)[y] if loss == "kl_divergence" else y
    found = figures(z, labels, loss, ["perplexity"], None if loss == "softmax_cross_entropy" else "softmax")
    assert found["perplexity"] == pytest.approx(expected, rel=1e-13)


def test_perplexity_of_mere_numbers_must_be_told() -> None:
    z, y = np.ones((3, 4)), np.eye(4)[:3]
    with pytest.raises(ShapeError, match=re.escape("Perplexity needs logits or probabilities, and the loss takes the "
                                                   "outputs for neither\n  fix: choose Perplexity(from_logits=True)")):
        figures(z, y, "mse", ["perplexity"])
    assert figures(z, y, "mse", [Perplexity(from_logits=True)])["perplexity"] == pytest.approx(4)


def test_every_loss_declares_what_outputs_mean() -> None:
    declared = {type(loss).__name__: loss.meaning
                for loss in (LOSSES.resolve("compile", "loss", name) for name in LOSSES.names)}
    assert declared == {
        "BinaryCrossEntropy": PROBABILITIES, "CrossEntropy": PROBABILITIES, "KLDivergence": PROBABILITIES,
        "SoftmaxCrossEntropy": LOGITS, type(LOSSES.resolve("compile", "loss", SCORING)).__name__: SCORES,
        **dict.fromkeys(("MeanSquaredError", "MeanAbsoluteError", "Huber", "CosineSimilarity"), NUMBERS)}
