"""The classic mistakes, each with the whole text of its error: who refuses, who made it, why, what to change."""

import numpy as np
import pytest

import graphnet as gn
from graphnet import ShapeError
from graphnet.compiler import ops
from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Origin
from graphnet.compiler.types import TensorType

L = gn.layers


def test_weights_for_6_channels_on_images_of_1_channel() -> None:
    """The ancestor of this project broadcast it silently."""
    b = Builder("lenet")
    with b.at(Origin("image", "Input", "lenet.py:3")):
        x = b.input("image", TensorType("float32", ("N", 1, 28, 28)))
    with b.at(Origin("conv1", "Conv2D", "lenet.py:4")):
        w = b.parameter("conv1/weight", TensorType("float32", (16, 6, 5, 5)))
        with pytest.raises(ShapeError) as caught:
            b.add(ops.Conv2d(), x, w)
    assert str(caught.value) == (
        "conv1 (Conv2D) at lenet.py:4 cannot take its input\n"
        "  got: float32 (N, 1, 28, 28) from image (Input) at lenet.py:3\n"
        "  why: weights (16, 6, 5, 5) take 6 channels, but the input (N, 1, 28, 28) has 1 on axis 1: 1 ≠ 6\n"
        "  fix: declare the layer for 1 input channels, or feed 6; images are (N, channels, height, width)")


def test_a_convolution_that_images_of_6_and_of_1_channels_share(here, refused) -> None:
    conv = L.Conv2D(16, 5, name="conv1")
    conv(gn.Input((6, 28, 28)))
    first = here(1)
    grey = gn.Input((1, 28, 28), name="grey")
    made = here(1)
    with pytest.raises(ShapeError) as caught:
        conv(grey)
    assert str(caught.value) == (
        f"conv1 (Conv2D) at {refused(caught)} cannot take its input\n"
        f"  got: float32 (N, 1, 28, 28) from grey (Input) at {made}\n"
        f"  why: its weight is float32 (16, 6, 5, 5) since its first call at {first}, but this input needs "
        "float32 (16, 1, 5, 5): f32[16,6,5,5] ≠ f32[16,1,5,5]\n"
        "  fix: share a layer only between inputs whose sizes agree, or declare a second layer")


def test_six_groups_on_images_of_1_channel(here, refused) -> None:
    x = gn.Input((1, 28, 28), name="image")
    made = here(1)
    with pytest.raises(ShapeError) as caught:
        L.Conv2D(6, 5, groups=6)(x)
    assert str(caught.value) == (
        f"Conv2D at {refused(caught)} cannot take its input\n"
        f"  got: float32 (N, 1, 28, 28) from image (Input) at {made}\n"
        "  why: 1 channels do not divide into 6 groups: 1 = 0 · 6 + 1\n"
        "  fix: choose groups that divides 1, or feed a multiple of 6 channels; "
        "images are (N, channels, height, width)")


def test_channels_last_images(here, refused) -> None:
    x = gn.Input((28, 28, 1), name="image")
    made = here(1)
    with pytest.raises(ShapeError) as caught:
        L.Conv2D(6, 5)(x)
    assert str(caught.value) == (
        f"Conv2D at {refused(caught)} cannot take its input\n"
        f"  got: float32 (N, 28, 28, 1) from image (Input) at {made}\n"
        "  why: the window is 5 wide, but the input is only 1 wide (1 + padding 0 + 0): 5 > 1\n"
        "  fix: use a smaller window, more padding or a larger input; "
        "images are (N, channels, height, width)")


@pytest.mark.parametrize(("shape", "why", "fix"), [
    ((28, 28), "Conv2D needs images (N, channels, height, width), got (N, 28, 28): 3 dims instead of 4",
     "add the channel axis: declare gn.Input((1, height, width)) and feed (N, 1, height, width)"),
    ((8, 1, 28, 28),
     "Conv2D needs images (N, channels, height, width), got (N, 8, 1, 28, 28): 5 dims instead of 4",
     "give gn.Input the shape of one sample: the batch dim is implied"),
    ((784,), "Conv2D needs images (N, channels, height, width), got (N, 784): 2 dims instead of 4",
     "use it on images, before Flatten"),
])
def test_convolution_on_what_is_no_image(here, refused, shape, why: str, fix: str) -> None:
    x = gn.Input(shape)
    made = here(1)
    with pytest.raises(ShapeError) as caught:
        L.Conv2D(6, 5)(x)
    got = f"float32 {str(('N', *shape)).replace(chr(39), '')} from Input at {made}"
    assert str(caught.value) == (
        f"Conv2D at {refused(caught)} cannot take its input\n  got: {got}\n  why: {why}\n  fix: {fix}")


def test_a_pooling_window_larger_than_its_input(here, refused) -> None:
    x = gn.Input((16, 5, 2))
    h = L.ReLU(name="act")(x)
    made = here(1)
    with pytest.raises(ShapeError) as caught:
        L.MaxPool2D(3, name="pool")(h)
    assert str(caught.value) == (
        f"pool (MaxPool2D) at {refused(caught)} cannot take its input\n"
        f"  got: float32 (N, 16, 5, 2) from act (ReLU) at {made}\n"
        "  why: the window is 3 wide, but the input is only 2 wide (2 + padding 0 + 0): 3 > 2\n"
        "  fix: use a smaller window, more padding or a larger input; "
        "images are (N, channels, height, width)")


def test_a_dilated_kernel_larger_than_its_padded_input() -> None:
    with pytest.raises(ShapeError,
            match=r"the window is 9 high, but the input is only 8 high \(6 \+ padding 1 \+ 1\): "
                                         "9 > 8"):
        L.Conv2D(6, 3, dilation=4, padding=1)(gn.Input((1, 6, 9)))


def test_dense_on_an_unflattened_image(here, refused) -> None:
    x = gn.Input((1, 28, 28))
    h = L.MaxPool2D(2)(x)
    made = here(1)
    with pytest.raises(ShapeError) as caught:
        L.Dense(10, name="logits")(h)
    assert str(caught.value) == (
        f"logits (Dense) at {refused(caught)} cannot take its input\n"
        f"  got: float32 (N, 1, 14, 14) from MaxPool2D at {made}\n"
        "  why: Dense takes rows (N, features), got (N, 1, 14, 14): 4 dims instead of 2\n"
        "  fix: put gn.layers.Flatten() before it")


def test_dense_on_single_numbers() -> None:
    with pytest.raises(ShapeError,
            match=r"got \(N,\): 1 dim instead of 2\n  fix: declare gn.Input\(\(1,\)\) for"):
        L.Dense(10)(gn.Input(()))


@pytest.mark.parametrize(("labels", "got", "fix"), [
    (TensorType("int64", ("N", 1)), "int64 (N, 1)", "drop the last axis: labels[..., 0]"),
    (TensorType("float32", ("N", 9)), "float32 (N, 9)",
     "give the labels that shape, or change the model's last layer"),
    (TensorType("float32", ("N",)), "float32 (N,)",
     "give the labels that shape, or change the model's last layer"),
])
def test_labels_of_the_wrong_shape_for_softmax_cross_entropy(here, labels, got: str, fix: str) -> None:
    x = gn.Input((4,))
    model = gn.Model(x, L.Dense(10, name="logits")(x))
    made = here(1)
    b = Builder("training", model.graph)
    label = b.input("labels", labels)
    loss = gn.losses.SoftmaxCrossEntropy()
    declared = here(1)
    with pytest.raises(ShapeError) as caught:
        loss.emit(b, model.graph.output("logits"), label)
    assert str(caught.value) == (
        f"loss (SoftmaxCrossEntropy) at {declared} cannot take its input\n"
        f"  got: float32 (N, 10) from logits (Dense) at {made}\n"
        f"  got: {got} from the input 'labels'\n"
        "  why: SoftmaxCrossEntropy of predictions (N, 10) takes labels int64 (N,) or float32 (N, 10), "
        f"got {got}\n"
        f"  fix: {fix}")


def test_labels_that_mean_squared_error_would_have_broadcast(here) -> None:
    x = gn.Input((4,))
    model = gn.Model(x, L.Dense(1, name="price")(x))
    made = here(1)
    b = Builder("training", model.graph)
    label = b.input("labels", TensorType("float32", ("N",)))
    loss = gn.losses.MeanSquaredError()
    declared = here(1)
    with pytest.raises(ShapeError) as caught:
        loss.emit(b, model.graph.output("price"), label)
    assert str(caught.value) == (
        f"loss (MeanSquaredError) at {declared} cannot take its input\n"
        f"  got: float32 (N, 1) from price (Dense) at {made}\n"
        "  got: float32 (N,) from the input 'labels'\n"
        "  why: MeanSquaredError of predictions (N, 1) takes labels float32 (N, 1), got float32 (N,)\n"
        "  fix: add an axis: labels[..., None]")


@pytest.mark.parametrize("kernel", [2, 4, 6])
@pytest.mark.parametrize("size", [7, 8])
def test_even_kernels_with_same_keep_the_size(run, kernel: int, size: int) -> None:
    x = gn.Input((1, size, size))
    h = L.Conv2D(1, kernel, padding="same", use_bias=False, kernel_initializer="ones")(x)
    assert h.shape == x.shape
    ones = np.ones((1, 1, size, size), np.float32)
    (counts,) = run(gn.Model(x, L.Add()([x, h])), {"input": ones}).values()
    # Along one axis, the window at i covers i - (k - 1) // 2 … i + k // 2: the odd zero lies at the end.
    covered = [min(i + kernel // 2, size - 1) - max(i - (kernel - 1) // 2, 0) + 1 for i in range(size)]
    np.testing.assert_array_equal(counts[0, 0], 1 + np.outer(covered, covered))


def test_an_even_kernel_padded_by_half_of_it_meets_an_add(here, refused) -> None:
    x = gn.Input((8, 28, 28), name="image")
    made = here(1)
    h = L.Conv2D(8, 4, padding=4 // 2)(x)
    grown = here(1)
    with pytest.raises(ShapeError) as caught:
        L.Add()([x, h])
    assert str(caught.value) == (
        f"Add at {refused(caught)} cannot take its input\n"
        f"  got: float32 (N, 8, 28, 28) from image (Input) at {made}\n"
        f"  got: float32 (N, 8, 29, 29) from Conv2D at {grown}\n"
        "  why: Add needs operands of one shape, got (N, 8, 28, 28) and (N, 8, 29, 29): "
        "axis 2 is 28 in one and 29 in the other\n"
        "  fix: make the shapes equal; broadcasting is never implied")


def test_a_reshape_that_does_not_divide(here, refused) -> None:
    x = gn.Input((6, 4, 4), name="image")
    made = here(1)
    with pytest.raises(ShapeError) as caught:
        L.Reshape((7, -1))(x)
    assert str(caught.value) == (
        f"Reshape at {refused(caught)} cannot take its input\n"
        f"  got: float32 (N, 6, 4, 4) from image (Input) at {made}\n"
        "  why: a sample (6, 4, 4) has 96 elements, and the other dims of (7, -1) take 7, "
        "which does not divide 96: 96 = 13 · 7 + 5\n"
        "  fix: choose dims whose product divides 96")


def test_a_reshape_to_another_number_of_elements(here, refused) -> None:
    x = gn.Input((6, 4, 4), name="image")
    made = here(1)
    with pytest.raises(ShapeError) as caught:
        L.Reshape((7, 14))(x)
    assert str(caught.value) == (
        f"Reshape at {refused(caught)} cannot take its input\n"
        f"  got: float32 (N, 6, 4, 4) from image (Input) at {made}\n"
        "  why: (N, 6, 4, 4) has N · 96 elements, (N, 7, 14) has N · 98\n"
        "  fix: choose a shape with as many elements")


def test_channels_that_groups_do_not_divide() -> None:
    with pytest.raises(ShapeError, match="8 channels do not divide into 3 groups: 8 = 2 · 3 \\+ 2"):
        L.Conv2D(6, 3, groups=3)(gn.Input((8, 9, 9)))


def test_concatenating_images_of_different_sizes() -> None:
    a, b = gn.Input((3, 8, 8)), gn.Input((3, 8, 9))
    with pytest.raises(ShapeError,
            match=r"Concatenate along axis 1 needs all other dims equal, got \(N, 3, 8, 8\) and "
                                         r"\(N, 3, 8, 9\)"):
        L.Concatenate()([a, b])


def test_two_layers_on_one_line_are_told_apart(refused) -> None:
    x = gn.Input((1, 9, 9), name="image")
    with pytest.raises(ShapeError) as caught:
        L.Dense(3)(L.Conv2D(2, 3)(x))
    line = refused(caught)
    assert str(caught.value).startswith(f"Dense at {line} cannot take its input\n"
                                        f"  got: float32 (N, 2, 7, 7) from Conv2D at {line}\n")
