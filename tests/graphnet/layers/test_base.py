import re
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError, GraphError, ShapeError
from graphnet.initializers import Fans, GlorotUniform, Zeros

L = gn.layers


def test_repr_has_the_arguments() -> None:
    assert repr(L.Softmax(axis=1, name="probabilities")) == "Softmax(axis=1, name='probabilities')"
    assert repr(L.ReLU()) == "ReLU()"
    assert repr(L.Dense(3, activation="tanh", trainable=False)) == (
        "Dense(units=3, activation=Tanh(), use_bias=True, kernel_initializer=GlorotUniform(fans=None), "
        "bias_initializer=Zeros(), trainable=False)")


@pytest.mark.parametrize("layer", [
    L.Conv2D(6, 5, strides=(1, 2), padding="same", groups=2), L.MaxPool2D(3, padding=1), L.Dense(4),
    L.Softmax(2), L.Concatenate(-1), L.Reshape((-1, 3)), L.Flatten(), L.Add(),
])
def test_config_declares_the_layer_again(layer: L.Layer) -> None:
    again = type(layer)(**layer.config())
    assert again.config().keys() == layer.config().keys()
    assert repr(again) == repr(layer)


class Scaled(L.Layer):
    def __init__(self, factor, *, kernel_regularizer=None, **options):
        super().__init__(kernel_regularizer=kernel_regularizer, **options)
        self.factor = factor

    def emit(self, b, x):
        return b.add(gn.custom.ops.Scale(self.factor), x)


class Head(L.Layer):
    def __init__(self, classes, **options):
        super().__init__(**options)
        self.units = classes


class ByHand(Head):
    def config(self):
        return {"classes": self.units}


def test_the_config_of_a_layer_of_ones_own() -> None:
    assert Scaled(2.0, name="twice", kernel_regularizer="l2").config() == {"factor": 2.0}
    assert repr(Scaled(2.0, name="twice", trainable=False)) == "Scaled(factor=2.0, name='twice', trainable=False)"
    assert "factor=2.0, kernel_regularizer=L2(" in repr(Scaled(2.0, kernel_regularizer="l2"))
    assert ByHand(3).config() == {"classes": 3}
    assert repr(ByHand(3, name="head")) == "ByHand(classes=3, name='head')"


def test_an_argument_that_is_not_kept_is_named_with_what_to_write() -> None:
    with pytest.raises(GraphError) as caught:
        Head(3).config()
    assert str(caught.value) == ("Head does not keep its argument classes; write self.classes = classes in its "
                                 "__init__, or give it a method config that returns its arguments by name")
    with pytest.raises(ArgumentError, match=re.escape("Dense: activation is Head(…), but it must be an activation")):
        L.Dense(3, activation=Head(3))


def test_weights_are_declared_once_and_shared() -> None:
    dense = L.Dense(3)
    a, b = gn.Input((4,)), gn.Input((4,))
    model = gn.Model([a, b], L.Add()([dense(a), dense(b)]))
    assert [p.name for p in model.graph.parameters] == ["dense/weight", "dense/bias"]
    assert dense.weights["weight"].type.shape == (4, 3)


def test_a_shared_layer_refuses_an_input_of_another_size(here, refused) -> None:
    dense = L.Dense(3, name="head")
    dense(gn.Input((4,)))
    first = here(1)
    other = gn.Input((5,), name="other")
    made = here(1)
    with pytest.raises(ShapeError) as caught:
        dense(other)
    assert str(caught.value) == (
        f"head (Dense) at {refused(caught)} cannot take its input\n"
        f"  got: float32 (N, 5) from other (Input) at {made}\n"
        f"  why: its weight is float32 (4, 3) since its first call at {first}, but this input needs "
        "float32 (5, 3): f32[4,3] ≠ f32[5,3]\n"
        "  fix: share a layer only between inputs whose sizes agree, or declare a second layer")


def test_a_shared_layer_refuses_another_dtype() -> None:
    dense = L.Dense(3)
    dense(gn.Input((4,)))
    with pytest.raises(ShapeError, match=re.escape("this input needs float64 (4, 3): f32[4,3] ≠ f64[4,3]")):
        dense(gn.Input((4,), dtype="float64"))


def test_a_call_that_failed_declares_nothing() -> None:
    conv = L.Conv2D(2, 3)
    with pytest.raises(ShapeError):
        conv(gn.Input((5, 2, 2)))
    assert conv.weights == {}
    assert conv(gn.Input((1, 8, 8))).shape == ("N", 2, 6, 6)


def test_weights_follow_the_dtype_of_the_input() -> None:
    x = gn.Input((4,), dtype="float64")
    model = gn.Model(x, L.Dense(3)(x))
    assert {model.graph.types[p.value].dtype for p in model.graph.parameters} == {"float64"}


def test_integers_are_refused_where_floats_are_computed() -> None:
    pixels = gn.Input((1, 28, 28), dtype="uint8")
    assert L.Flatten()(pixels).dtype == "uint8"
    with pytest.raises(ShapeError, match='Conv2D computes with float32 or float64, but its input is uint8\n'
                                         '  fix: declare the Input with dtype="float32" and feed floats'):
        L.Conv2D(6, 5)(pixels)


def test_frozen_layers_have_frozen_parameters() -> None:
    x = gn.Input((4,))
    model = gn.Model(x, L.Dense(2)(L.Dense(3, trainable=False)(x)))
    assert [p.trainable for p in model.graph.parameters] == [False, False, True, True]


def test_freezing_before_the_call_counts_and_after_it_is_refused() -> None:
    x, dense = gn.Input((4,)), L.Dense(3)
    dense.trainable = False
    y = dense(x)
    with pytest.raises(gn.FrozenError, match="Dense: trainable cannot be set any more; Dense has been called"):
        dense.trainable = True
    assert not any(p.trainable for p in gn.Model(x, y).graph.parameters)


def test_the_layer_says_the_fans_of_its_weights() -> None:
    x = gn.Input((4, 9, 9))
    model = gn.Model(x, L.Dense(10)(L.Flatten()(L.Conv2D(6, (3, 5), groups=2)(x))))
    assert model.initializers["conv2d/weight"] == GlorotUniform(Fans(2 * 15, 6 * 15))
    assert model.initializers["dense/weight"] == GlorotUniform(Fans(6 * 7 * 5, 10))
    assert model.initializers["dense/bias"] == Zeros()


@pytest.mark.parametrize(("call", "text"), [
    (lambda x: L.ReLU(name="act")(np.zeros((2, 4))),
     "is called on a ndarray, but layers are called on what gn.Input or another layer returned; "
     "to run numbers through a model, compile it and use predict"),
    (lambda x: L.ReLU()(L.Dense(3)),
     "is called on a Dense, but layers are called on what gn.Input or another layer "
                                     "returned; call the Dense on its own input first"),
    (lambda x: L.Add()(x), "joins at least 2 inputs, got 1; call it on a list: Add(…)([a, b])"),
    (lambda x: L.Subtract()([x, x, x]), "takes 2 inputs, got 3"),
    (lambda x: L.Dense(3)(x, x), "takes 1 input, got 2"),
    (lambda x: L.Dense(3)([]), "takes 1 input, got 0"),
])
def test_calls_on_the_wrong_things(call, text: str) -> None:
    with pytest.raises(GraphError, match=re.escape(text)):
        call(gn.Input((4,)))


def test_misuse_names_the_layer_and_the_line(refused) -> None:
    with pytest.raises(GraphError) as caught:
        L.ReLU(name="act")(3)
    assert str(caught.value).startswith(f"act (ReLU) at {refused(caught)} is called on a int")


def test_merge_layers_take_lists_and_single_inputs() -> None:
    a, b = gn.Input((4,)), gn.Input((4,))
    assert L.Add()([a, b]).shape == L.Add()(a, b).shape == L.Add()((a, b, a)).shape == ("N", 4)


@pytest.mark.parametrize(("declare", "text"), [
    (lambda: L.Dense(0), "Dense: units is 0, but it must be a whole number ≥ 1"),
    (lambda: L.Dense(3, activation="rellu"),
     "Dense: activation is 'rellu', but it must be an activation layer such as ReLU() or one of 'elu', 'gelu', "),
    (lambda: L.Dense(3, activation=L.Dense(3)), "Dense: activation is Dense("),
    (lambda: L.Dense(3, use_bias=1), "Dense: use_bias is 1, but it must be True or False"),
    (lambda: L.Dense(3, kernel_initializer="magic"), "Dense: kernel_initializer is 'magic', but it must be"),
    (lambda: L.Dense(3, name="a/b"), "Dense: name is 'a/b', but it must be made of letters"),
    (lambda: L.Dense(3, trainable=None), "Dense: trainable is None, but it must be True or False"),
])
def test_bad_arguments(declare, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        declare()


@pytest.mark.parametrize("cls", [L.ReLU, L.Flatten, L.GlobalMaxPool, L.Tanh])
def test_a_layer_without_arguments_that_is_made_of_its_input_says_what_to_write(cls: type[L.Layer]) -> None:
    with pytest.raises(GraphError, match=re.escape(
            f"{cls.__name__} is given a SymbolicTensor as it is made, but it has no arguments besides its name; make "
            f"the layer first, then call it on its input: {cls.__name__}()(x)")):
        cls(gn.Input((4, 5)))


class Passing(gn.layers.LSTM):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)


class Renaming(gn.layers.Conv2D):
    def __init__(self, channels: int, **options: Any) -> None:
        super().__init__(channels, 3, **options)


class More(gn.layers.Dense):
    def __init__(self, units: int, temperature: float = 1.0, **options: Any) -> None:
        super().__init__(units, **options)
        self.temperature = temperature


def test_a_class_that_passes_its_arguments_on_has_those_of_its_base() -> None:
    assert Passing(3).config() == gn.layers.LSTM(3).config()
    assert repr(Passing(3)) == repr(gn.layers.LSTM(3)).replace("LSTM", "Passing")
    renamed = Renaming(4, padding="same")
    assert renamed.config() == gn.layers.Conv2D(4, 3, padding="same").config()
    assert More(2, 0.5).config() == gn.layers.Dense(2).config() | {"temperature": 0.5}


class Shift(gn.layers.Layer):
    """A layer of a user's own, with a weight as people declare them at first."""

    def __init__(self, type: Any = None, initializer: Any = "ones") -> None:
        super().__init__()
        self.type, self.initializer = type, initializer

    def emit(self, b: gn.layers.Emitter, x: int) -> int:
        size = b.types[x].with_shape(b.types[x].shape[1:]) if self.type is None else self.type
        return b.add(gn.custom.ops.BiasAdd(1), x, self.weight(b, "shift", size, self.initializer))


def test_a_weight_of_a_layer_of_a_user_s_own() -> None:
    x = gn.Input((2,))
    assert gn.compile(gn.Model(x, Shift()(x))).predict([[1, 2]]).tolist() == [[2.0, 3.0]]
    assert gn.compile(gn.Model(x, Shift(initializer=gn.initializers.Zeros())(x))).predict([[1, 2]]).tolist() == [[1, 2]]
    with pytest.raises(gn.ArgumentError, match=r"Shift: the type of the weight 'shift' is \(2,\), but it must be a "
                                               r"TensorType, as b.types\[x\].with_shape\(\(3,\)\) is"):
        Shift(type=(2,))(x)
    with pytest.raises(gn.ArgumentError, match=r"Shift: initializer is 'zeroes', but .*did you mean 'zeros'"):
        Shift(initializer="zeroes")(x)
