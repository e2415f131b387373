import re

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError, DataError, ShapeError
from graphnet.compiler.builder import Builder
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import Output
from graphnet.compiler.types import TensorType
from graphnet.losses import LOSSES, Loss, MeanSquaredError, SoftmaxCrossEntropy

LOGITS = TensorType("float64", ("N", 3))
Z = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])


def value(loss: Loss, prediction: np.ndarray, label: np.ndarray) -> np.ndarray:
    b = Builder("loss")
    p = b.input("p", TensorType(prediction.dtype.name, prediction.shape))
    y = b.input("y", TensorType(label.dtype.name, label.shape))
    result = loss.emit(b, p, y)
    assert b.types[result].shape == ()
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


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(), MeanSquaredError()])
def test_config_round_trip(loss: Loss) -> None:
    assert loss.config() == {"class": type(loss).__name__, "arguments": {}}
    assert Loss.from_config(loss.config()) == loss


def test_strings() -> None:
    assert LOSSES.resolve("compile", "loss", "softmax_cross_entropy") == SoftmaxCrossEntropy()
    assert LOSSES.resolve("compile", "loss", "mse") == MeanSquaredError()
    with pytest.raises(ArgumentError, match=re.escape(
            "compile: loss is 'crossentropy', but it must be a Loss such as MeanSquaredError() or one of "
            "'mean_squared_error', 'mse', 'softmax_cross_entropy'")):
        LOSSES.resolve("compile", "loss", "crossentropy")


def test_a_class_is_not_an_object() -> None:
    with pytest.raises(ArgumentError,
            match=r"compile: loss is <class .*it must be a Loss such as MeanSquaredError"):
        LOSSES.resolve("compile", "loss", gn.losses.MeanSquaredError)
