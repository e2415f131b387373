import pytest

from graphnet.common.names import Names, snake_case


@pytest.mark.parametrize(("class_name", "name"), [
    ("Conv2D", "conv2d"), ("MaxPool2D", "max_pool2d"), ("ReLU", "relu"), ("PReLU", "prelu"),
    ("LeakyReLU", "leaky_relu"),
    ("SiLU", "silu"), ("Dense", "dense"), ("SimpleRNN", "simple_rnn"), ("LSTM", "lstm"),
    ("BatchNorm", "batch_norm"),
    ("ConvTranspose2D", "conv_transpose2d"), ("SoftmaxCrossEntropy", "softmax_cross_entropy"), ("SGD", "sgd"),
])
def test_snake_case(class_name: str, name: str) -> None:
    assert snake_case(class_name) == name


def test_names_count_up_past_those_that_are_taken() -> None:
    names = Names(["dense_1", "relu"])
    assert [names.give("dense") for _ in range(3)] == ["dense", "dense_2", "dense_3"]
    assert names.give("relu") == "relu_1"


def test_a_name_that_was_given_is_taken() -> None:
    names = Names()
    assert [names.give("a"), names.give("a"), names.give("a_1")] == ["a", "a_1", "a_1_1"]
