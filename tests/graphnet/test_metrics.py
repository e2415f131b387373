import math
import re

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError, DataError, ShapeError
from graphnet.compiler.builder import Builder
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import Origin, Output
from graphnet.compiler.types import TensorType
from graphnet.metrics import (
    F1,
    METRICS,
    Accuracy,
    BinaryAccuracy,
    ConfusionMatrix,
    MeanAbsoluteError,
    MeanSquaredError,
    Metric,
    Perplexity,
    Precision,
    Recall,
    TopKAccuracy,
)


def statistic(prediction: np.ndarray, label: np.ndarray) -> np.ndarray:
    b = Builder("metric")
    p = b.input("p", TensorType(prediction.dtype.name, prediction.shape))
    y = b.input("y", TensorType(label.dtype.name, label.shape))
    result = Accuracy().emit(b, p, y)
    assert b.types[result] == TensorType("float64", (2,))
    return interpret(b.build([Output("statistic", result)]), {"p": prediction, "y": label})[result]


def test_accuracy_adds_up_over_uneven_batches() -> None:
    scores, classes = np.eye(4)[[0, 1, 2, 3, 0]], np.array([0, 1, 0, 0, 0])
    total = statistic(scores[:3], classes[:3]) + statistic(scores[3:], classes[3:])
    assert Accuracy().result(total) == 3 / 5


def test_one_hot_rows_count_like_class_numbers() -> None:
    scores = np.array([[0.1, 0.9], [0.8, 0.2]])
    np.testing.assert_array_equal(statistic(scores, np.array([[0.0, 1.0], [0.0, 1.0]])), [1, 2])


def test_a_prediction_that_is_not_a_number_is_never_right() -> None:
    scores = np.array([[np.nan, np.nan, np.nan], [0, np.nan, 1], [0, 1, 2]])
    np.testing.assert_array_equal([statistic(scores, np.full(3, label))[0] for label in range(3)], [0, 0, 1])


def test_of_nothing() -> None:
    with pytest.raises(DataError, match="the accuracy of no samples is not defined"):
        Accuracy().result(np.zeros(2))


def test_labels_that_do_not_fit() -> None:
    b = Builder("metric")
    with b.at(Origin("logits", "Dense", "lenet.py:9")):
        p = b.input("p", TensorType("float32", ("N", 10)))
    y = b.input("labels", TensorType("int64", ("N", 1)))
    with pytest.raises(ShapeError) as caught:
        Accuracy().emit(b, p, y)
    assert str(caught.value) == (
        "accuracy (Accuracy) cannot take its input\n"
        "  got: float32 (N, 10) from logits (Dense) at lenet.py:9\n"
        "  got: int64 (N, 1) from the input 'labels'\n"
        "  why: accuracy of predictions (N, 10) takes integer labels (N,) or one-hot rows (N, 10), "
        "got int64 (N, 1)\n"
        "  fix: feed one class number, or one row of probabilities, for each prediction")


def test_name_config_and_string() -> None:
    assert Accuracy().name == "accuracy"
    assert Metric.from_config(Accuracy().config()) == Accuracy()
    assert METRICS.resolve("compile", "metrics", "accuracy") == Accuracy()


def network(metrics: list[Metric | str], loss: str, classes: int = 4, activation: str | None = None) -> gn.Network:
    """What comes in is what goes out: the predictions are the inputs."""
    x = gn.Input((classes,), name="x")
    same = gn.layers.Dense(classes, use_bias=False, kernel_initializer="identity", activation=activation, name="y")
    return gn.compile(gn.Model(x, same(x)), loss=loss, optimizer="sgd", metrics=metrics, dtype="float64")


RNG = np.random.default_rng(0)
SCORES = RNG.normal(0, 1, (29, 4))
CLASSES = RNG.integers(0, 3, 29)  # class 3 never occurs among the labels
TAKEN = SCORES.argmax(1)


def counts(c: int) -> tuple[int, int, int]:
    """Hits, predictions and labels of a class."""
    return int(((c == TAKEN) & (c == CLASSES)).sum()), int((c == TAKEN).sum()), int((c == CLASSES).sum())


MACRO = np.array([(h / max(p, 1), h / max(r, 1), 2 * h / (p + r)) for h, p, r in map(counts, range(4))]).mean(0)
HITS = (TAKEN == CLASSES).mean()
ONE_OF_SEVERAL: dict[str, tuple[Metric, object]] = {
    "accuracy": (Accuracy(), HITS),
    "top 2": (TopKAccuracy(2), (np.argsort(-SCORES, 1)[:, :2] == CLASSES[:, None]).any(1).mean()),
    "top 9": (TopKAccuracy(9), 1.0),
    "confusion": (ConfusionMatrix(), [[((b == TAKEN) & (a == CLASSES)).sum() for b in range(4)] for a in range(4)]),
    "macro precision": (Precision("macro"), MACRO[0]), "macro recall": (Recall("macro"), MACRO[1]),
    "macro f1": (F1("macro"), MACRO[2]), "micro precision": (Precision("micro"), HITS),
    "micro recall": (Recall("micro"), HITS), "micro f1": (F1("micro"), HITS),
    "perplexity": (Perplexity(), np.exp(-np.log(
        np.exp(SCORES)[np.arange(29), CLASSES] / np.exp(SCORES).sum(1)).mean())),
}


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize(("metric", "expected"), ONE_OF_SEVERAL.values(), ids=ONE_OF_SEVERAL)
def test_of_several_classes_however_they_are_cut_into_batches(metric: Metric, expected: object, rows: bool) -> None:
    net = network([metric], "softmax_cross_entropy")
    labels = np.eye(4)[CLASSES] if rows else CLASSES
    for size in (29, 8, 1):
        np.testing.assert_allclose(net.evaluate(SCORES, labels, size)[metric.name], expected, rtol=1e-13)


P, T = RNG.uniform(0, 1, (29, 4)), (RNG.uniform(0, 1, (29, 4)) < 0.4).astype(float)
YES = P > 0.7
TP, FP, FN = (YES & (T == 1)).sum(), (YES & (T == 0)).sum(), (~YES & (T == 1)).sum()
DECISIONS: dict[str, tuple[Metric, float]] = {
    "accuracy": (BinaryAccuracy(0.7), ((T == 1) == YES).mean()),
    "precision": (Precision(threshold=0.7), TP / (TP + FP)),
    "recall": (Recall(threshold=0.7), TP / (TP + FN)), "f1": (F1(threshold=0.7), 2 * TP / (2 * TP + FP + FN)),
    "mae": (MeanAbsoluteError(), abs(P - T).mean()), "mse": (MeanSquaredError(), ((P - T)**2).mean()),
}


@pytest.mark.parametrize(("metric", "expected"), DECISIONS.values(), ids=DECISIONS)
def test_of_elements_however_they_are_cut_into_batches(metric: Metric, expected: float) -> None:
    net = network([metric], "mse")
    for size in (29, 8, 1):
        assert net.evaluate(P, T, size)[metric.name] == pytest.approx(expected, rel=1e-13)


def test_metrics_along_the_way_of_an_epoch() -> None:
    net = network(["accuracy", "confusion_matrix"], "softmax_cross_entropy")
    history = net.fit(SCORES, CLASSES, batch_size=8, epochs=2, validation_data=(SCORES, CLASSES)).history
    assert [matrix.sum() for matrix in history["confusion_matrix"]] == [29, 29]
    assert history["val_accuracy"][1] == history["val_confusion_matrix"][1].trace() / 29
    assert history["confusion_matrix"][0].dtype == np.int64


def test_binary_figures_of_two_classes_take_the_second_for_yes() -> None:
    net = network(["precision", "recall", "f1"], "softmax_cross_entropy", classes=2)
    scores, labels = SCORES[:, :2], (CLASSES > 0).astype(int)
    yes = scores.argmax(1) == 1
    hits = (yes & (labels == 1)).sum()
    found = net.evaluate(scores, labels, 8)
    assert found["precision"] == pytest.approx(hits / yes.sum())
    assert found["recall"] == pytest.approx(hits / labels.sum())
    assert found["f1"] == pytest.approx(2 * hits / (yes.sum() + labels.sum()))


def test_nothing_over_nothing_is_zero() -> None:
    never = np.array([[8.0, 0.0], [2.0, 0.0]])  # no prediction, no label of class 1
    assert [metric.result(never) for metric in (Precision(), Recall(), F1())] == [0, 0, 0]
    assert Precision("macro").result(never) == 0.4  # class 1 occurs among the labels
    assert Precision("macro").result(np.array([[8.0, 0.0], [0.0, 0.0]])) == 1  # it does not occur at all


def test_ties_count_for_the_first() -> None:
    scores, labels = np.zeros((3, 4)), np.array([0, 1, 2])
    found = network(["accuracy", TopKAccuracy(2)], "softmax_cross_entropy").evaluate(scores, labels)
    assert (found["accuracy"], found["top_2_accuracy"]) == (1 / 3, 2 / 3)


def test_perplexity_of_probabilities() -> None:
    net = network([Perplexity(from_logits=False)], "cross_entropy", activation="softmax")
    of_logits = network(["perplexity"], "softmax_cross_entropy").evaluate(SCORES, CLASSES)["perplexity"]
    assert net.evaluate(SCORES, CLASSES)["perplexity"] == pytest.approx(of_logits, rel=1e-12)
    assert Perplexity().result(np.array([2000.0, 2.0])) == math.inf


@pytest.mark.parametrize("metric", [Accuracy(), TopKAccuracy(), ConfusionMatrix(), Perplexity(), F1("macro")])
def test_a_single_class_is_refused(metric: Metric) -> None:
    net = network([metric], "mse", classes=1)
    with pytest.raises(ShapeError, match=re.escape(
            f"{type(metric).__name__} needs predictions (N, classes) of at least 2 classes, got (N, 1)\n"
            '  fix: for a yes-or-no decision take the metric "binary_accuracy"')):
        net.evaluate(np.ones((3, 1)), np.ones((3, 1)))


def test_binary_figures_of_several_classes_are_refused() -> None:
    with pytest.raises(ShapeError, match=re.escape(
            'Precision of predictions (N, 4) is not binary\n  fix: choose average="macro" or "micro"')):
        network(["precision"], "softmax_cross_entropy").evaluate(SCORES, CLASSES)


def test_two_metrics_of_one_name_are_refused() -> None:
    with pytest.raises(gn.GraphError, match="the output 'y' has two metrics that are called accuracy; leave one out"):
        network(["accuracy", Accuracy()], "softmax_cross_entropy")


@pytest.mark.parametrize(("declare", "text"), [
    (lambda: TopKAccuracy(0), "TopKAccuracy: k is 0, but it must be a whole number ≥ 1"),
    (lambda: BinaryAccuracy("half"), "BinaryAccuracy: threshold is 'half', but it must be a finite number"),
    (lambda: F1("weighted"), "F1: average is 'weighted', but it must be one of 'binary', 'macro', 'micro'"),
    (lambda: Recall(threshold="low"), "Recall: threshold is 'low', but it must be a finite number"),
    (lambda: Perplexity(from_logits=1), "Perplexity: from_logits is 1, but it must be True or False"),
])
def test_bad_arguments(declare, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        declare()


@pytest.mark.parametrize("name", METRICS.names)
def test_every_name_and_config(name: str) -> None:
    metric = METRICS.resolve("compile", "metrics", name)
    assert Metric.from_config(metric.config()) == metric


@pytest.mark.parametrize("metric", [Accuracy(), BinaryAccuracy(), Perplexity(), F1(), Precision("macro"),
                                    MeanSquaredError(), MeanAbsoluteError()])
def test_no_samples_have_no_figure(metric: Metric) -> None:
    size = 2 if isinstance(metric, BinaryAccuracy | F1 | Precision) else None
    with pytest.raises(DataError, match=f"the {metric.name.replace('_', ' ')} of no samples is not defined"):
        metric.result(np.zeros((2, 2)) if size else np.zeros(2))
