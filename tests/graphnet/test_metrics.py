import numpy as np
import pytest

from graphnet import DataError, ShapeError
from graphnet.compiler.builder import Builder
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import Origin, Output
from graphnet.compiler.types import TensorType
from graphnet.metrics import METRICS, Accuracy, Metric


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
