"""Names that are not there are answered, and nothing else changes by it."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest
from public_surface import held

import graphnet as gn
from graphnet.common.answers import Answering, answering, argument_names


class Plain(Answering):
    """Without an `__init__`."""


class Kept(Answering):
    """With one."""

    def __init__(self, units: int, *, rate: float = 0.5) -> None:
        self.units, self.rate = units, rate

    @property
    def broken(self) -> int:
        """Fails by itself."""
        return self.units.no_such_thing  # type: ignore[attr-defined,no-any-return]


class Open(Answering):
    """Takes anything."""

    def __init__(self, **others: int) -> None:
        self.others = others


class Numbered:
    """Of another library, beside one of ours: makes objects by itself."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Counts."""
        made = super().__new__(cls)
        made.given = (args, kwargs)
        return made


class Both(Kept, Numbered):
    """Made by both."""

    given: Any


@dataclass(frozen=True)
class Data(Answering):
    """A dataclass."""

    width: int = 3


@answering
def draw(width: int, *, colour: str = "red") -> str:
    """A function."""
    return "x" * width + colour


def test_arguments_of_classes() -> None:
    with pytest.raises(gn.ArgumentError, match=r"Kept: rat is 3, but there is no such argument; did you mean rate\?; "
                                               "there are units, rate"):
        Kept(rat=3)  # type: ignore[call-arg]
    with pytest.raises(gn.ArgumentError, match=r"Data: wdith is 3, .* did you mean width\?; there is only width"):
        Data(wdith=3)  # type: ignore[call-arg]
    with pytest.raises(gn.ArgumentError, match="Plain: x is 1, but there is no such argument; it has none"):
        Plain(x=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Plain(1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'units'"):
        Kept()  # type: ignore[call-arg]
    assert Kept(3, rate=0.1).rate == 0.1
    assert Both(3, rate=0.1).given == ((3,), {"rate": 0.1})
    assert Open(a=1).others == {"a": 1}


def test_arguments_of_functions() -> None:
    with pytest.raises(gn.ArgumentError, match=r"draw: color is 'red', .* did you mean colour\?; there are width, c"):
        draw(3, color="red")  # type: ignore[call-arg]
    with pytest.raises(gn.ArgumentError) as caught:
        draw(3, color="red")  # type: ignore[call-arg]
    assert caught.value.__context__ is None, "one traceback, not two"
    with pytest.raises(TypeError, match="can't multiply sequence by non-int"):
        draw("3")  # type: ignore[arg-type]
    assert draw(2) == "xxred"
    assert draw.__doc__ == "A function."
    assert argument_names(draw) == ["width", "colour"]


def test_attributes() -> None:
    kept = Kept(3)
    with pytest.raises(AttributeError, match=r"Kept has no attribute 'unit'; did you mean units\?") as caught:
        kept.unit  # type: ignore[attr-defined]  # noqa: B018
    assert caught.value.name == "unit"
    with pytest.raises(AttributeError, match="'int' object has no attribute 'no_such_thing'"):
        kept.broken  # noqa: B018
    with pytest.raises(AttributeError, match="object has no attribute '_private'"):
        kept._private  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(kept, "zzz")
    assert not hasattr(kept, "")


@pytest.mark.parametrize("item", [Plain(), Kept(3), Data(4)])
def test_copies(item: object) -> None:
    for other in (copy.copy(item), copy.deepcopy(item), pickle.loads(pickle.dumps(item))):
        assert type(other) is type(item)
        assert vars(other) == vars(item)


def test_signatures_stay() -> None:
    assert list(inspect.signature(Kept).parameters) == ["units", "rate"]
    assert list(inspect.signature(gn.layers.Dense).parameters)[:2] == ["units", "activation"]
    assert list(inspect.signature(gn.compile).parameters)[:3] == ["model", "loss", "optimizer"]
    assert list(inspect.signature(gn.Network.fit).parameters)[:3] == ["self", "x", "y"]


@pytest.mark.parametrize(("name", "text"), [
    ("gn.Dense", "gn has no 'Dense'; there is gn.layers.Dense"),
    ("gn.MeanSquaredError", "there is gn.losses.MeanSquaredError and gn.metrics.MeanSquaredError"),
    ("gn.losses.Adam", "gn.losses has no 'Adam'; there is gn.optimizers.Adam"),
    ("gn.layers.Dens", "gn.layers has no 'Dens'; did you mean gn.layers.Dense?"),
    ("gn.callbacks.EarlyStoping", "gn.callbacks has no 'EarlyStoping'; did you mean gn.callbacks.EarlyStopping?"),
    ("gn.layers.BatchNormalization", "BatchNormalization of Keras is gn.layers.BatchNorm here"),
    ("gn.fit", "gn has no 'fit'; there is net.fit, of the network that gn.compile and gn.load return"),
    ("gn.losses.mse", "gn.losses has no 'mse'; there is the string \"mse\", which names one with its defaults"),
    ("gn.config", "gn has no 'config'"),
    ("gn.train", "gn has no 'train'"), ("gn.keras", "keras of Keras is gn here"),
    ("gn.data.mnist.load_data", "gn.data.mnist has no 'load_data'; load_data of Keras is gn.data.load_mnist here"),
    ("gn.layers._secret", "module 'graphnet.layers' has no attribute '_secret'"),
])
def test_names_of_modules(name: str, text: str) -> None:
    with pytest.raises(AttributeError) as caught:
        eval(name, {"gn": gn})
    assert text in str(caught.value)


@pytest.mark.parametrize(("module", "name"), [
    ("graphnet", "Modle"), ("graphnet.layers", "Dens"), ("graphnet.callbacks", "EarlyStoping"),
    ("graphnet.schedules", "OneCycl"), ("graphnet.data", "load_mnits")])
def test_names_that_are_imported(module: str, name: str) -> None:
    with pytest.raises(ImportError, match=f"{name}'; did you mean gn"):
        exec(f"from {module} import {name}")
    with pytest.raises(ImportError, match=f"{name}'; did you mean gn"):
        exec(f"def local():\n    from {module} import {name} as other\nlocal()")


@pytest.mark.parametrize(("call", "text"), [
    ("gn.compile(model, epochs=3)", "no such argument; net.fit takes epochs; there are model"),
    ("gn.compile(model, batch_size=3)", "no such argument; net.fit takes batch_size; there are model"),
    ("gn.compile(model, learning_rate=3)", "learning_rate= of Keras and scikit-learn is optimizer= here"),
    ("net.fit(0, 0, learning_rate=3)", "learning_rate= of Keras and scikit-learn is optimizer= here"),
    ("net.fit(0, 0, metrics=['acc'])", "no such argument; gn.compile takes metrics; there are x"),
    ("gn.compile(model, 'adam', 'mse')", '"adam" of Keras is optimizer= here (the loss comes before it'),
    ("gn.compile(model, 'CrossEntropyLoss')", '"CrossEntropyLoss" of PyTorch is "softmax_cross_entropy" here'),
    ("gn.compile(model, 'ce')", '"ce" of PyTorch is "softmax_cross_entropy" here'),
    ("gn.layers.Dense(1, regularizer='l2')", "regularizer= of Keras is kernel_regularizer= here"),
    ("gn.layers.Dense(1, output_dim=2)", "output_dim= of Keras is units= here"),
    ("gn.layers.Dense(1, kernel_initializer='he')", "did you mean 'he_normal'?"),
    ("gn.layers.LSTM(1, activation='relu')", "LSTM and GRU always take the hyperbolic tangent"),
    ("gn.layers.LSTM(10, 20)", "must be True or False; how many features come in is known from the input"),
    ("gn.layers.BatchNorm(64)(gn.Input((3,)))", "choose an axis in that range; axes are named, not their sizes"),
    ("gn.optimizers.Adam(net.weights)", "which weights are trained is known from the model and is not said"),
    ("gn.optimizers.SGD('cosine')", "it must be a finite number > 0 or a Schedule such as"),
])
def test_what_is_said_in_the_wrong_place(call: str, text: str) -> None:
    with pytest.raises(gn.GraphNetError) as caught:
        eval(call, {"gn": gn, "net": held("net"), "model": held("model")})
    assert text in str(caught.value)


def test_what_is_not_called_says_what_is() -> None:
    with pytest.raises(TypeError, match=r"net\.predict\(x\) computes"):
        held("net")([[1, 2, 3, 4]])
    with pytest.raises(TypeError, match=r"gn\.compile\(model, …\) makes the network"):
        held("model")([[1, 2, 3, 4]])


def test_linear_in_capitals_is_no_activation_either() -> None:
    assert gn.layers.Dense(1, "Linear").activation is None


def test_what_nobody_asked_for_is_not_imported() -> None:
    code = ("import sys, graphnet as gn; gn.compile, gn.layers, gn.Model, gn.load; "
            "print({'html', 'importlib.resources', 'difflib', 'graphnet.drawing.curves', 'tqdm'} & set(sys.modules))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_name_is_answered_once() -> None:
    """Python adds guesses of its own to errors of attributes that it knows the object of."""
    done = subprocess.run([sys.executable, "-c", "import graphnet as gn; gn.layers.Dens"], capture_output=True,
                          text=True, check=False)
    assert done.stderr.lower().count("did you mean") == 1
