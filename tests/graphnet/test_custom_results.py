"""What user code returns is checked: results of ops, gradients, types, losses and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet.compiler import op as op_module
from graphnet.custom import Builder, ops

L = gn.layers


@pytest.fixture(autouse=True)
def _registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(op_module, "_REGISTRY", dict(op_module._REGISTRY))


def make(**parts: Any) -> Any:
    """A custom op y = 2 x, with some parts replaced."""
    body = {"name": "tests.double", "infer": lambda self, x: (x,), "forward": lambda self, x: (x + x,),
            "pullback": lambda self, b, i, o, g: (b.add(ops.Scale(2.0), g[0]),)} | parts
    return gn.register_op(dataclass(frozen=True)(type("Double", (gn.Op,), body)))()


def network(op: Any, loss: object = None, **options: Any) -> gn.Network:
    x = gn.Input((3,), name="x")
    h = L.Dense(3, name="d")(x)
    optimizer = None if loss is None else "sgd"
    return gn.compile(gn.Model(x, L.Apply(op, name="twice")(h)), loss=loss, optimizer=optimizer, **options)


X, Y = np.ones((4, 3), np.float32), np.ones((4, 3), np.float32)
WRONG = {
    "one sample for all": (lambda self, x: (x[:1],), r"float32 \(1, 3\)"),
    "one number for all": (lambda self, x: (x.sum(),), r"float32 \(\)"),
    "one column for all": (lambda self, x: (x[:, :1],), r"float32 \(4, 1\)"),
    "another dtype": (lambda self, x: (x * np.ones(1),), r"float64 \(4, 3\)"),
    "whole numbers": (lambda self, x: (x.astype(int),), r"int64 \(4, 3\)"),
    "no tuple": (lambda self, x: x + x, r"no tuple but float32 \(4, 3\)"),
    "a list of rows": (lambda self, x: ((x + x).tolist(),), "list"),
    "nothing": (lambda self, x: None, "no tuple but None"),
    "two results": (lambda self, x: (x, x), r"float32 \(4, 3\), float32 \(4, 3\)"),
    "no result": (lambda self, x: (), ""),
}
TRAITS = {"plain": {}, "element by element": {"elementwise": True}, "sample by sample": {"samplewise": True}}


@pytest.mark.parametrize("options", [{}, {"optimize": False}, {"verify": True}], ids=str)
@pytest.mark.parametrize("trait", TRAITS)
@pytest.mark.parametrize("slip", WRONG)
def test_what_forward_returns_is_what_infer_says(slip: str, trait: str, options: dict[str, Any]) -> None:
    forward, shown = WRONG[slip]
    text = (rf"op tests\.double of twice \(Apply\) at test_custom_results\.py:\d+ went wrong\n  why: forward returned "
            rf"{shown}; infer says \(float32 \(4, 3\)\)\n  fix: return a tuple with an array for each type that infer")
    if options.get("verify"):
        text = text.partition("forward returned ")[0]
    net = network(make(forward=forward, **TRAITS[trait]), **options)
    with pytest.raises(gn.ShapeError, match=text):
        net.predict(X)


def test_it_is_checked_for_a_batch_of_one() -> None:
    """The case that showed it: without the tuple, the one row of a batch of 1 was taken for the one result."""
    net = network(make(forward=lambda self, x: x + x))
    with pytest.raises(gn.ShapeError, match="forward returned no tuple but"):
        net.predict(X[:1])


def test_a_statistic_is_checked_block_by_block() -> None:
    op = make(name="tests.sum", statistic=True, differentiable=False, infer=lambda self, x: (x.with_shape((3,)),),
              forward=lambda self, x: (x.sum(0, keepdims=True),))
    x = gn.Input((3,))
    net = gn.compile(gn.Model(x, {"y": L.ReLU()(x), "z": L.Apply(op, name="z")(x)}), backend="numpy")
    run = net._runner.executable(net._runner.purpose("predict"), {"N": 4})
    with pytest.raises(gn.ShapeError, match=r"op tests\.sum of z .*\n.*forward returned float32 \(1, 3\)"):
        run.run()


def test_a_constant_that_is_folded_is_checked() -> None:
    class Folded(L.Layer):
        def emit(self, b: Any, x: int) -> int:
            return b.add(ops.Add(), x, b.add(op, b.add(ops.Full((3, 3), 1.0, "float32"))))

    op = make(elementwise=True, forward=lambda self, x: x + x)
    x = gn.Input((3,))
    with pytest.raises(gn.ShapeError):
        gn.compile(gn.Model(x, Folded()(x))).predict(np.ones((3, 3)))


@pytest.mark.parametrize(("infer", "shown"), [
    (lambda self, x: x, "TensorType"), (lambda self, x: (x.shape,), "tuple"), (lambda self, x: (), "tuple"),
    (lambda self, x: None, "None"), (lambda self, x: [x], "list")])
def test_what_infer_returns_are_types(infer: Any, shown: str) -> None:
    with pytest.raises(gn.ShapeError, match=rf"twice \(Apply\) at test_custom_results\.py:\d+ cannot take (.|\n)*"
                                            rf"infer of tests\.double returned {shown}, but it must return a tuple of"):
        network(make(infer=infer))


@pytest.mark.parametrize(("pullback", "shown"), [
    (lambda self, b, i, o, g: g[0], "int"), (lambda self, b, i, o, g: (g[0], g[0]), r"\(f32\[N,3\], f32\[N,3\]\)"),
    (lambda self, b, i, o, g: (), "tuple"), (lambda self, b, i, o, g: (np.ones(3),), r"\(float64 \(3,\)\)"),
    (lambda self, b, i, o, g: (b.add(ops.ReduceSum((0,)), g[0]),), r"\(f32\[3\]\)"),
    (lambda self, b, i, o, g: (10**6,), r"\(int\)"), (lambda self, b, i, o, g: None, "None")])
def test_what_pullback_returns_are_gradients(pullback: Any, shown: str) -> None:
    net = network(make(pullback=pullback), "mse")
    with pytest.raises(gn.ShapeError, match=rf"op tests\.double of twice \(Apply\) at test_custom_results\.py:\d+ went "
                                            rf"wrong\n  why: pullback returned {shown} for inputs \(f32\[N,3\]\)"):
        net.train_on_batch(X, Y)


@pytest.mark.parametrize(("elements", "shown"), [
    (lambda b, p, y: b.add(ops.ReduceMean((0, 1)), p), r"returned f32\[\], but the loss of each element of"),
    (lambda b, p, y: b.add(ops.ReduceMean((0,)), p), r"returned f32\[3\], but the loss of each element of"),
    (lambda b, p, y: np.ones(3), r"returned float64 \(3,\), which is no value"),
    (lambda b, p, y: None, "returned None, which is no value of the graph")])
def test_what_a_loss_returns_are_the_losses_of_elements(elements: Any, shown: str) -> None:
    @dataclass(frozen=True)
    class Own(gn.losses.MeanAbsoluteError):
        def elements(self, b: Builder, prediction: int, label: int) -> int:
            return elements(b, prediction, label)

    net = network(make(), Own())
    with pytest.raises(gn.ShapeError, match=rf"elements of Own {shown}"):
        net.train_on_batch(X, Y)


@pytest.mark.parametrize(("statistic", "shown"), [
    (lambda b, p, y: p, r"returned f32\[N,3\], but it must be float64"),
    (lambda b, p, y: np.ones(2), r"returned float64 \(2,\), which is no value")])
def test_what_a_metric_returns_is_a_statistic(statistic: Any, shown: str) -> None:
    @dataclass(frozen=True)
    class Own(gn.metrics.MeanAbsoluteError):
        def statistic(self, b: Builder, prediction: int, label: int) -> int:
            return statistic(b, prediction, label)

    net = network(make(), "mse", metrics=[Own()])
    with pytest.raises(gn.ShapeError, match=f"statistic of Own {shown}"):
        net.evaluate(X, Y)


def test_what_a_metric_makes_of_it_is_a_figure() -> None:
    @dataclass(frozen=True)
    class Own(gn.metrics.MeanAbsoluteError):
        def result(self, statistic: Any) -> Any:
            return str(statistic)

    with pytest.raises(gn.DataError, match="result of Own returned str, but it must be a number or an array"):
        network(make(), "mse", metrics=[Own()]).evaluate(X, Y)


@pytest.mark.parametrize("emitted", [None, np.ones(3), 10**6, (0, "x")])
def test_what_a_layer_emits_are_values(emitted: Any) -> None:
    class Own(L.Layer):
        def emit(self, b: Any, x: int) -> Any:
            return emitted

    with pytest.raises(gn.ShapeError, match=r"Own at (.|\n)*emit of Own returned .* which is no value of the graph"):
        Own()(gn.Input((3,)))


def test_right_results_pass() -> None:
    for traits in TRAITS.values():
        net = network(make(**traits), "mse", verify=True)
        assert net.train_on_batch(X, Y)["loss"] > 0
        np.testing.assert_array_equal(net.predict(X), 2 * (X @ net.weights["d/weight"] + net.weights["d/bias"]))
