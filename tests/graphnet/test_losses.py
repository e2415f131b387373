import re
from dataclasses import replace

import numpy as np
import pytest
from loss_cases import ENDS, LOSS_CASES, LossCase
from loss_cases import Z as MADE

import graphnet as gn
from graphnet import ArgumentError, DataError, ShapeError
from graphnet.compiler.builder import Builder
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import Output
from graphnet.compiler.types import TensorType
from graphnet.losses import (
    LOSSES,
    BinaryCrossEntropy,
    CosineSimilarity,
    CrossEntropy,
    Huber,
    KLDivergence,
    Loss,
    MeanSquaredError,
    SoftmaxCrossEntropy,
)

LOGITS = TensorType("float64", ("N", 3))
Z = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])


def value(loss: Loss, prediction: np.ndarray, label: np.ndarray) -> np.ndarray:
    b = Builder("loss")
    p = b.input("p", TensorType(prediction.dtype.name, prediction.shape))
    y = b.input("y", TensorType(label.dtype.name, label.shape))
    result = loss.emit(b, p, y)
    assert (b.types[result].shape == ()) == (loss.reduction != "none")
    return interpret(b.build([Output("loss", result)]), {"p": prediction, "y": label})[result]


def test_softmax_cross_entropy_is_the_mean_over_the_batch() -> None:
    first = np.log(np.exp([1.0, 2.0, 3.0]).sum()) - 2.0
    expected = (first + np.log(3.0)) / 2
    np.testing.assert_allclose(value(SoftmaxCrossEntropy(), Z, np.array([1, 2])), expected, rtol=1e-14)
    rows = np.array([[0, 1, 0], [0, 0, 1]], np.float64)
    np.testing.assert_allclose(value(SoftmaxCrossEntropy(), Z, rows), expected, rtol=1e-14)


def test_mean_squared_error_is_the_mean_over_all_elements() -> None:
    np.testing.assert_allclose(value(MeanSquaredError(), Z, np.zeros((2, 3))), 14 / 6, rtol=1e-14)


def test_the_nodes_say_where_the_loss_was_declared(here) -> None:
    loss = MeanSquaredError()
    line = here(1)
    b = Builder("loss")
    loss.emit(b, b.input("p", LOGITS), b.input("y", LOGITS))
    assert {str(node.origin) for node in b.nodes} == {f"loss (MeanSquaredError) at {line}"}


@pytest.mark.parametrize(("labels", "dtype"), [
    (np.array([0, 2], np.uint8), "int64"), (np.array([0.0, 2.0]), "int64"), ([0, 2], "int64"),
    (np.eye(3, dtype=np.int32)[:2], "float64"), (np.eye(3, dtype=bool), "float64"),
])
def test_labels_are_converted(labels, dtype: str) -> None:
    checked = SoftmaxCrossEntropy().check_labels(labels, LOGITS)
    assert checked.dtype == dtype
    np.testing.assert_array_equal(checked, labels)


def test_label_types() -> None:
    assert SoftmaxCrossEntropy().label_types(LOGITS) == (TensorType("int64", ("N",)), LOGITS)
    assert MeanSquaredError().label_types(LOGITS) == (LOGITS,)


@pytest.mark.parametrize(("labels", "text"), [
    ([0, 1, 3, -1],
     "label 2 is 3, but the model has 3 classes, so class numbers go from 0 to 2; 2 of 4 are wrong"),
    ([0, -1], "label 1 is -1, but the model has 3 classes"),
    ([0.0, 1.5], "label 1 is 1.5, but class numbers must be whole numbers; 1 of 2 are wrong"),
    ([0.0, np.nan], "label 1 is nan, but class numbers must be whole numbers"),
    ([[0.5, 0.5, 0], [1, 0.5, -0.5]],
     "label (1, 2) is -0.5, but probabilities must be finite and at least 0"),
    ([[0, 1, 0], [1, 0, 1]], "the sum of label 1 is 2.0, but probabilities must sum to 1"),
    (np.array([2**63], np.uint64), "label 0 is 9223372036854775808, but the model has 3 classes"),
    ([[0, 1, 0], [1]], "labels must be one array, but their rows are of different lengths"),
    (["cat", "dog"], "labels must be numbers, got dtype <U3"),
])
def test_values_that_softmax_cross_entropy_refuses(labels, text: str) -> None:
    with pytest.raises(DataError, match=re.escape(text)):
        SoftmaxCrossEntropy().check_labels(labels, LOGITS)


def test_mean_squared_error_refuses_what_is_not_finite() -> None:
    with pytest.raises(DataError, match=re.escape(
            "label (1, 0) is inf, but labels must be finite in float64; 1 of 6 are wrong")):
        MeanSquaredError().check_labels([[0, 0, 0], [np.inf, 0, 0]], LOGITS)
    with pytest.raises(DataError, match=re.escape("label (0, 2) is 1e+300, but labels must be finite in float32")):
        MeanSquaredError().check_labels([[0, 0, 1e300]], TensorType("float32", ("N", 3)))


@pytest.mark.parametrize(("loss", "labels", "text"), [
    (SoftmaxCrossEntropy(), np.zeros((5, 1), int),
     "SoftmaxCrossEntropy of predictions (N, 3) takes labels int64 (N,) or float64 (N, 3), got int64 (5, 1)\n"
     "  fix: drop the last axis: labels[..., 0]"),
    (SoftmaxCrossEntropy(), np.zeros((5, 4)),
     "takes labels int64 (N,) or float64 (N, 3), got float64 (5, 4)\n"
     "  fix: give the labels that shape, or change the model's last layer"),
    (MeanSquaredError(), np.zeros((5, 1)), "takes labels float64 (N, 3), got float64 (5, 1)"),
    (MeanSquaredError(), np.zeros(3), "takes labels float64 (N, 3), got float64 (3,)"),
])
def test_shapes_that_do_not_fit_are_never_broadcast(loss: Loss, labels, text: str) -> None:
    with pytest.raises(ShapeError, match=re.escape(text)):
        loss.check_labels(labels, LOGITS)


def test_a_column_of_predictions_takes_a_column_of_labels() -> None:
    with pytest.raises(ShapeError, match=re.escape(
            "MeanSquaredError of predictions (N, 1) takes labels float32 (N, 1), got float64 (5,)\n"
            "  fix: add an axis: labels[..., None]")):
        MeanSquaredError().check_labels(np.zeros(5), TensorType("float32", ("N", 1)))


@pytest.mark.parametrize("shape", [("N",), ("N", 1)])
def test_one_output_is_no_classifier(shape) -> None:
    with pytest.raises(ShapeError, match=re.escape(
            "needs predictions (N, classes) of at least 2 classes, got (N")):
        SoftmaxCrossEntropy().check_labels([0, 0], TensorType("float32", shape))


@pytest.mark.parametrize("loss", [
    SoftmaxCrossEntropy(0.1, (1.0, 2.0, 0.5)), Huber(0.5), BinaryCrossEntropy(True, 0.1, (1.0, 3.0)),
    CosineSimilarity(reduction="none"), *(case.loss for case in LOSS_CASES.values())])
def test_config_round_trip(loss: Loss) -> None:
    assert loss.config()["class"] == type(loss).__name__
    assert Loss.from_config(loss.config()) == loss


def test_the_config_is_plain() -> None:
    assert SoftmaxCrossEntropy(0.1, (1, 2)).config() == {"class": "SoftmaxCrossEntropy", "arguments": {
        "reduction": "mean", "label_smoothing": 0.1, "class_weights": [1.0, 2.0]}}


def test_strings() -> None:
    assert LOSSES.resolve("compile", "loss", "softmax_cross_entropy") == SoftmaxCrossEntropy()
    assert LOSSES.resolve("compile", "loss", "mse") == MeanSquaredError()
    assert LOSSES.resolve("compile", "loss", "kl_divergence") == KLDivergence()
    with pytest.raises(ArgumentError, match=re.escape(
            "compile: loss is 'entropy', but it must be a Loss such as MeanSquaredError() or one of "
            + ", ".join(map(repr, sorted(LOSSES.names))))):
        LOSSES.resolve("compile", "loss", "entropy")


def test_a_class_is_not_an_object() -> None:
    with pytest.raises(ArgumentError,
            match=r"compile: loss is <class .*it must be an object, not its class: MeanSquaredError\("):
        LOSSES.resolve("compile", "loss", gn.losses.MeanSquaredError)


@pytest.mark.parametrize("case", LOSS_CASES.values(), ids=LOSS_CASES)
def test_reductions_of_the_elements(case: LossCase) -> None:
    prediction = ENDS[case.end](MADE)
    elements = case.formula(prediction, case.labels)
    for reduction, expected in (("mean", elements.mean()), ("sum", elements.sum()), ("none", elements)):
        found = value(replace(case.loss, reduction=reduction), prediction, case.labels)
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)


def network(loss: Loss | str, activation: str | None = None, dtype: str = "float64", **options) -> gn.Network:
    x = gn.Input((4,), name="x")
    model = gn.Model(x, gn.layers.Dense(3, activation=activation, name="y")(x))
    return gn.compile(model, loss=loss, dtype=dtype, **options)


X = np.random.default_rng(0).normal(0, 1, (7, 4))
CLASSES = np.arange(7) % 3
WEIGHTS = np.array([1.0, 0.0, 2.0, 0.5, 3.0, 0.25, 1.5])


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_sample_weights_multiply_the_losses_of_samples(reduction: str) -> None:
    net = network(SoftmaxCrossEntropy(reduction=reduction), optimizer="sgd")
    single = network(SoftmaxCrossEntropy(reduction="none")).evaluate(X, CLASSES)["loss"]
    expected = (single * WEIGHTS).mean() if reduction == "mean" else (single * WEIGHTS).sum()
    for size in (7, 3):
        scores = net.evaluate(X, CLASSES, size, sample_weight=WEIGHTS)
        assert scores["loss"] == pytest.approx(expected, rel=1e-13)
    loss, gradients = net.loss_and_gradients(X, CLASSES, sample_weight=WEIGHTS)
    assert loss == pytest.approx(expected, rel=1e-13)
    parts = [net.loss_and_gradients(X[[i]], CLASSES[[i]])[1] for i in range(7)]
    for name, gradient in gradients.items():
        total = sum(w * part[name] for w, part in zip(WEIGHTS, parts, strict=True))
        np.testing.assert_allclose(gradient, total / (7 if reduction == "mean" else 1), rtol=1e-12, atol=1e-15)
    assert net.train_on_batch(X, CLASSES, sample_weight=WEIGHTS)["loss"] == pytest.approx(expected, rel=1e-13)


def test_whole_weights_stand_for_repeated_samples() -> None:
    repeats = np.array([1, 0, 2, 3, 0, 1, 0])
    weighted = network(SoftmaxCrossEntropy(reduction="sum"), optimizer="sgd")
    repeated = network(SoftmaxCrossEntropy(reduction="sum"), optimizer="sgd")
    order = np.repeat(np.arange(7), repeats)
    for _ in range(3):
        weighted.train_on_batch(X, CLASSES, sample_weight=repeats)
        repeated.train_on_batch(X[order], CLASSES[order])
    np.testing.assert_allclose(weighted.weights["y/weight"], repeated.weights["y/weight"], rtol=1e-12)


def test_fit_feeds_the_weights_of_the_samples_it_draws() -> None:
    kept, all_ = network("softmax_cross_entropy", optimizer="sgd"), network("softmax_cross_entropy", optimizer="sgd")
    weights = np.array([1.0, 1, 1, 0, 0, 0, 0])
    kept.fit(X, CLASSES, batch_size=2, epochs=5, sample_weight=weights)
    assert kept.evaluate(X[:3], CLASSES[:3])["loss"] < kept.evaluate(X, CLASSES)["loss"]
    history = all_.fit(X, CLASSES, batch_size=7, shuffle=False, sample_weight=weights,
                       validation_data=(X, CLASSES, weights)).history
    first = network("softmax_cross_entropy").evaluate(X, CLASSES, sample_weight=weights)["loss"]
    assert history["loss"][0] == pytest.approx(first, rel=1e-12)
    assert history["val_loss"][0] == pytest.approx(all_.evaluate(X, CLASSES, sample_weight=weights)["loss"])


def test_weights_of_the_elements_of_samples() -> None:
    net = network(MeanSquaredError(), optimizer="sgd")
    y, w = np.ones((7, 3)), np.random.default_rng(3).uniform(0, 2, (7, 3))
    expected = (w * (net.predict(X) - y)**2).mean()
    assert net.evaluate(X, y, sample_weight=w)["loss"] == pytest.approx(expected, rel=1e-13)
    expected = (w[:, :1] * (net.predict(X) - y)**2).mean()
    assert net.evaluate(X, y, sample_weight=w[:, 0])["loss"] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(("weights", "error", "text"), [
    (np.ones(6), DataError, "all arrays must have as many samples as one another"),
    (np.ones((7, 1)), ShapeError, "SoftmaxCrossEntropy of predictions (N, 3) takes sample weights (N,), got (7, 1)"),
    (-np.ones(7), DataError, "sample weight 0 is -1.0, but it must be finite and at least 0; 7 of 7 are wrong"),
    (np.array([1, np.nan, 1, 1, 1, 1, 1]), DataError, "sample weight 1 is nan, but it must be finite and at least 0"),
    (["a"] * 7, DataError, "sample weights must be numbers, got dtype <U1"),
    ({"z": np.ones(7)}, DataError, "sample_weight has 'z', but the outputs with a loss are 'y'"),
])
def test_sample_weights_that_are_refused(weights, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        network("softmax_cross_entropy").evaluate(X, CLASSES, sample_weight=weights)


def test_several_outputs_with_weighted_losses_and_samples() -> None:
    x = gn.Input((4,), name="x")
    outputs = {"a": gn.layers.Dense(3)(x), "b": gn.layers.Dense(1)(x)}
    losses = {"a": SoftmaxCrossEntropy(), "b": MeanSquaredError(reduction="sum")}
    net = gn.compile(gn.Model(x, outputs), loss=losses, loss_weights={"a": 2.0, "b": 0.1}, optimizer="sgd",
                     dtype="float64", metrics={"a": ["accuracy"]})
    y = {"a": CLASSES, "b": np.ones((7, 1))}
    made = net.predict(X)
    single = value(SoftmaxCrossEntropy(reduction="none"), made["a"], CLASSES)
    b = WEIGHTS @ (made["b"][:, 0] - 1)**2
    for size in (7, 2):
        scores = net.evaluate(X, y, size, sample_weight={"b": WEIGHTS})
        assert list(scores) == ["loss", "a_loss", "b_loss", "a_accuracy"]
        assert scores["a_loss"] == pytest.approx(single.mean(), rel=1e-12)
        assert scores["b_loss"] == pytest.approx(b, rel=1e-12)
        assert scores["loss"] == pytest.approx(2 * single.mean() + 0.1 * b, rel=1e-12)
    history = net.fit(X, y, sample_weight=(np.ones(7), WEIGHTS), batch_size=7).history
    assert history["loss"][0] == pytest.approx(scores["loss"], rel=1e-12)


def test_losses_that_are_not_reduced_are_for_looking_only() -> None:
    net = network(SoftmaxCrossEntropy(reduction="none"), regularizer="l2", metrics=["accuracy"])
    scores = net.evaluate(X, CLASSES, 3)
    np.testing.assert_allclose(scores["loss"], value(SoftmaxCrossEntropy(reduction="none"), net.predict(X), CLASSES))
    assert scores["loss"].shape == (7,)
    with pytest.raises(gn.GraphError, match=re.escape(
            "the loss SoftmaxCrossEntropy of the output 'y' has reduction='none', but gradients need a single number; "
            "choose 'mean' or 'sum'")):
        net.loss_and_gradients(X, CLASSES)
    with pytest.raises(gn.GraphError, match="or compile without an optimizer to look at the losses of single samples"):
        network(SoftmaxCrossEntropy(reduction="none"), optimizer="sgd")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("end", "logits", "loss", "stable"), [
    ("softmax", SoftmaxCrossEntropy(), CrossEntropy(), "softmax_cross_entropy"),
    ("softmax", SoftmaxCrossEntropy(0.1, (1, 2, 0.5)), CrossEntropy(0.1, (1, 2, 0.5)), "softmax_cross_entropy"),
    ("sigmoid", BinaryCrossEntropy(True, 0.1, (1, 2)), BinaryCrossEntropy(False, 0.1, (1, 2)),
     "sigmoid_cross_entropy"),
])
def test_probabilities_are_trained_through_their_logits(end: str, logits: Loss, loss: Loss, stable: str,
                                                        dtype: str) -> None:
    y = CLASSES if end == "softmax" else np.eye(3)[CLASSES]
    direct, through = network(logits, dtype=dtype, optimizer="adam"), network(loss, end, dtype, optimizer="adam")
    x = (100 * X).astype(dtype)  # most probabilities round to 0 or 1
    for _ in range(3):
        found, expected = through.loss_and_gradients(x, y), direct.loss_and_gradients(x, y)
        assert found[0] == pytest.approx(expected[0], rel=1e-6 if dtype == "float32" else 1e-14)
        for name in found[1]:
            np.testing.assert_array_equal(found[1][name], expected[1][name])
        through.train_on_batch(x, y)
        direct.train_on_batch(x, y)
    for mode in ("train", "evaluate", "gradients"):
        ops = op_names(through, mode)
        assert stable in ops
        assert not {"cross_entropy", "binary_cross_entropy", "softmax_grad", "sigmoid_grad"} & ops


def op_names(net: gn.Network, mode: str) -> set[str]:
    """The ops of a Program, those in fused bodies included."""
    ops = [i.op for i in net.program(mode, 7).instructions]
    return {op.name for op in ops} | {node.op.name for op in ops if hasattr(op, "body") for node in op.body.nodes}


@pytest.mark.parametrize(("declare", "text"), [
    (lambda: MeanSquaredError(reduction="max"),
     "MeanSquaredError: reduction is 'max', but it must be one of 'mean', 'sum', 'none'"),
    (lambda: SoftmaxCrossEntropy(1.0),
     "SoftmaxCrossEntropy: label_smoothing is 1.0, but it must be a finite number ≥ 0 and < 1"),
    (lambda: CrossEntropy(class_weights=3), "CrossEntropy: class_weights is 3, but it must be None or a number ≥ 0"),
    (lambda: CrossEntropy(class_weights=(1, -2)),
     "CrossEntropy: class_weights[1] is -2, but it must be a finite number ≥ 0"),
    (lambda: BinaryCrossEntropy(class_weights=(1, 2, 3)),
     "BinaryCrossEntropy: class_weights is (1, 2, 3), but it must be None or two numbers, for 0 and 1"),
    (lambda: BinaryCrossEntropy(from_logits=1), "BinaryCrossEntropy: from_logits is 1, but it must be True or False"),
    (lambda: BinaryCrossEntropy(label_smoothing=-0.1), "BinaryCrossEntropy: label_smoothing is -0.1, but it must be"),
    (lambda: Huber(0), "Huber: delta is 0, but it must be a finite number > 0"),
])
def test_bad_arguments(declare, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        declare()


@pytest.mark.parametrize(("loss", "labels", "text"), [
    pytest.param(case.loss, *refused, id=name) for name, case in LOSS_CASES.items() for refused in case.refused])
def test_values_that_are_refused(loss: Loss, labels, text: str) -> None:
    with pytest.raises(DataError, match=re.escape(text)):
        loss.check_labels(np.asarray(labels), LOGITS)


def test_a_loss_that_cannot_take_an_output_is_refused_when_it_is_compiled(here) -> None:
    x = gn.Input((4,), name="x")
    model, declared = gn.Model(x, gn.layers.Dense(1, name="y")(x)), here()
    loss, line = CrossEntropy(), here()
    with pytest.raises(ShapeError) as caught:
        gn.compile(model, loss=loss)
    assert str(caught.value).startswith(
        f"loss (CrossEntropy) at {line} cannot take the output 'y' of y (Dense) at {declared}\n  why: ")
    assert "why: CrossEntropy needs predictions (N, classes) of at least 2 classes, got (N, 1)" in str(caught.value)
    with pytest.raises(ShapeError, match=re.escape("CrossEntropy has 2 class_weights, but predictions (N, 3) have 3")):
        network(CrossEntropy(class_weights=(1, 2)))
    with pytest.raises(ShapeError, match=re.escape("CosineSimilarity needs vectors (N, features), got (N,)")):
        CosineSimilarity().label_types(TensorType("float32", ("N",)))
