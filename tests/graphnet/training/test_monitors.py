"""Which way a watched figure is better: known, said by its metric, or said where it is watched; never guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet.callbacks import EarlyStopping, ModelCheckpoint, ReduceOnPlateau
from graphnet.engine.figures import modes_of, modes_of_epoch
from graphnet.metrics import METRICS
from graphnet.training.monitor import Monitor

L = gn.layers
RNG = np.random.default_rng(5)
X, Y = RNG.random((8, 3), dtype=np.float32), np.arange(8) % 2
MONITORS: list[Callable[..., Monitor]] = [
    EarlyStopping, ReduceOnPlateau, lambda *figure, **mode: ModelCheckpoint("best.gnet", *figure, **mode)]
ALL = pytest.mark.parametrize("make", MONITORS, ids=["EarlyStopping", "ReduceOnPlateau", "ModelCheckpoint"])


@dataclass(frozen=True)
class Auc(gn.metrics.BinaryAccuracy):
    """Stands for a metric of a user's own: it says nothing of what is better."""

    mode = None

    @property
    def name(self) -> str:
        return "auc"


@dataclass(frozen=True)
class Distance(gn.metrics.BinaryAccuracy):
    """One that says it."""

    mode = "min"

    @property
    def name(self) -> str:
        return "distance"


def network(*metrics: Any) -> gn.Network:
    x = gn.Input((3,), name="x")
    return gn.compile(gn.Model(x, L.Dense(2, "sigmoid", name="out")(x)), "mse", "sgd", list(metrics))


def fit(net: gn.Network, callback: gn.Callback, **options: Any) -> gn.History:
    targets = RNG.random((8, 2)).round()
    return net.fit(X, targets, callbacks=[callback], validation_data=(X, targets), **options)


@ALL
def test_a_figure_of_a_user_s_metric_is_not_minimised_without_a_word(make: Callable[..., Monitor]) -> None:
    net, callback = network(Auc()), make("val_auc")
    owner = type(callback).__name__
    with pytest.raises(gn.ArgumentError, match=re.escape(
            f"{owner}: mode is None, but it is not known whether a smaller or a larger 'val_auc' is better: say it "
            f"here, {owner}('val_auc', mode='min') or mode='max', or once for all in the class of the metric, "
            "mode = 'min' or 'max'")):
        fit(net, callback)
    assert net.step == 0, "before anything was trained"


@ALL
@pytest.mark.parametrize("mode", ["min", "max"])
def test_it_is_watched_as_the_callback_is_told(make: Callable[..., Monitor], mode: str, tmp_path: Any,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    callback = make("val_auc", mode=mode)
    history = fit(network(Auc()), callback, epochs=3)
    assert callback.mode == mode
    assert callback.best == (min if mode == "min" else max)(history.history["val_auc"])


@ALL
def test_it_is_watched_as_its_metric_says(make: Callable[..., Monitor], tmp_path: Any,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    callback = make("val_distance")
    assert callback.mode is None
    fit(network(Distance()), callback)
    assert callback.mode == "min"


def test_what_the_metric_says_goes_before_what_its_name_sounds_like() -> None:
    class Loss(Distance):
        """Larger is better, whatever it is called."""

        mode = "max"

        @property
        def name(self) -> str:
            return "information_loss"

    callback = EarlyStopping("information_loss")
    assert callback.mode == "min", "like a loss, as far as is known yet"
    fit(network(Loss()), callback)
    assert callback.mode == "max"
    with pytest.raises(gn.ArgumentError, match="mode is None"):
        fit(network(Auc()), EarlyStopping("auc"))


@ALL
@pytest.mark.parametrize("figure", ["skill_loss", "balanced_accuracy"])
def test_a_metric_that_says_nothing_is_not_judged_by_what_its_name_sounds_like(make: Callable[..., Monitor],
                                                                                figure: str) -> None:
    class Named(Auc):
        """Larger is better, and smaller is, whatever they are called."""

        @property
        def name(self) -> str:
            return figure

    net = network(Named())
    with pytest.raises(gn.ArgumentError, match=f"not known whether a smaller or a larger 'val_{figure}' is better"):
        fit(net, make(f"val_{figure}"))
    assert net.step == 0


def test_what_the_callback_is_told_goes_before_what_the_metric_says() -> None:
    callback = EarlyStopping("distance", mode="max")
    fit(network(Distance()), callback)
    assert callback.mode == "max"


def test_another_figure_set_later_has_a_direction_of_its_own() -> None:
    callback = EarlyStopping("val_loss")
    callback.monitor = "val_accuracy"
    assert (callback.mode, callback.best) == ("max", -np.inf)
    callback.monitor = "val_auc"
    assert callback.mode is None
    callback.mode = "max"
    callback.monitor = "val_loss"
    assert callback.mode == "max", "it was said"
    callback.mode = None
    assert callback.mode == "min"


def metrics_of_graphnet() -> Iterator[gn.metrics.Metric]:
    for name in METRICS.names:
        metric = METRICS.resolve("test", "metric", name)
        if type(metric).__module__.startswith("graphnet."):
            yield metric


def test_every_metric_of_graphnet_says_which_figures_are_better() -> None:
    modes = {type(metric).__name__: metric.mode for metric in metrics_of_graphnet()}
    assert set(modes.values()) == {"min", "max", "neither"}
    assert [name for name, mode in modes.items() if mode == "neither"] == ["ConfusionMatrix"]
    for metric in metrics_of_graphnet():
        if metric.mode != "neither":
            assert EarlyStopping(f"val_head_{metric.name}").mode == EarlyStopping(metric.name).mode == metric.mode
    assert EarlyStopping("val_loss").mode == EarlyStopping("head_loss").mode == EarlyStopping("seconds").mode == "min"


@pytest.mark.parametrize("figure", ["auc", "val_auc", "glossy", "closs", "accuracy_gap", "f11"])
def test_other_names_say_nothing(figure: str) -> None:
    assert EarlyStopping(figure).mode is None


@pytest.mark.parametrize(("outputs", "loss", "metrics"), [
    (1, "mse", ()), (1, "mse", ("mae", Auc())), (2, "mse", ("mae",)),
    (1, gn.losses.MeanSquaredError(reduction="none"), ("mae",)),
    (2, gn.losses.MeanSquaredError(reduction="sum"), ("mse",)),
    (2, {"out0": "mse", "out1": gn.losses.MeanSquaredError(reduction="none")}, ("mae",)),
    (2, {"out1": "mse"}, ("mae",)), (1, "softmax_cross_entropy", (gn.metrics.ConfusionMatrix(), "accuracy"))])
def test_the_figures_are_those_of_evaluate(outputs: int, loss: Any, metrics: tuple[Any, ...]) -> None:
    x = gn.Input((3,), name="x")
    given = {f"out{i}": L.Dense(2, name=f"out{i}")(x) for i in range(outputs)}
    net = gn.compile(gn.Model(x, given), loss, metrics=metrics)
    assert net.objective is not None
    labels = {name: np.eye(2)[Y] for name in net.objective.losses}
    found = net.evaluate(X, labels)
    modes = modes_of(net.objective)
    assert modes.keys() == found.keys()
    assert {name for name, mode in modes.items() if mode == "neither"} == {
        name for name, value in found.items() if not isinstance(value, float)}


def test_the_figures_of_an_epoch_are_those_of_fit() -> None:
    net = network("mae")
    assert net.objective is not None
    assert modes_of_epoch(net.objective, True).keys() == fit(net, gn.Callback()).history.keys()
    assert modes_of_epoch(net.objective, False).keys() == {"loss", "mean_absolute_error", "seconds"}


@pytest.mark.parametrize(("figure", "text"), [
    ("val_los", "EarlyStopping: monitor is 'val_los', but the epoch has only 'loss', 'confusion_matrix', 'seconds'; "
                "give fit validation_data"),
    ("los", "the epoch has only 'loss', 'confusion_matrix', 'seconds'; did you mean 'loss'?"),
    ("confusion_matrix", "monitor is 'confusion_matrix', but it must be a number, and this figure is an array")])
def test_a_figure_that_does_not_do_is_refused_before_the_first_step(figure: str, text: str) -> None:
    x = gn.Input((3,), name="x")
    net = gn.compile(gn.Model(x, L.Dense(2)(x)), "softmax_cross_entropy", "sgd", [gn.metrics.ConfusionMatrix()])
    with pytest.raises(gn.ArgumentError, match=re.escape(text)):
        net.fit(X, Y, callbacks=[EarlyStopping(figure)])
    assert net.step == 0


def test_a_callback_of_a_user_s_own_may_measure_what_it_watches() -> None:
    class OnArea(EarlyStopping):
        """Adds the figure that it watches."""

        def on_epoch_end(self, network: gn.Network, epoch: int, logs: dict[str, Any]) -> bool:
            return super().on_epoch_end(network, epoch, logs | {"val_area": float(epoch)})

    callback = OnArea("val_area", mode="max")
    network().fit(X, np.ones((8, 2)), epochs=3, callbacks=[callback])
    assert callback.best_epoch == 3
    with pytest.raises(gn.ArgumentError, match="whether a smaller or a larger 'val_area' is better"):
        network().fit(X, np.ones((8, 2)), callbacks=[OnArea("val_area")])
