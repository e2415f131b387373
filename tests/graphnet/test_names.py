import pytest

from graphnet.names import free_name, snake_case


@pytest.mark.parametrize(("class_name", "name"), [
    ("Conv2D", "conv2d"), ("MaxPool2D", "max_pool2d"), ("ReLU", "relu"), ("PReLU", "prelu"),
    ("LeakyReLU", "leaky_relu"),
    ("SiLU", "silu"), ("Dense", "dense"), ("SimpleRNN", "simple_rnn"), ("LSTM", "lstm"),
    ("BatchNorm", "batch_norm"),
    ("ConvTranspose2D", "conv_transpose2d"), ("SoftmaxCrossEntropy", "softmax_cross_entropy"), ("SGD", "sgd"),
])
def test_snake_case(class_name: str, name: str) -> None:
    assert snake_case(class_name) == name


def test_free_name_takes_the_first_number_that_is_free() -> None:
    assert free_name("dense", set()) == "dense"
    assert free_name("dense", {"dense", "dense_1", "dense_3"}) == "dense_2"
