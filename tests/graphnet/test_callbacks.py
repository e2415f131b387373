import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interrupting import Interrupts

import graphnet as gn
from graphnet import ArgumentError
from graphnet.callbacks import Callback, EarlyStopping, ModelCheckpoint, ReduceOnPlateau


class Rates:
    """The part of a network that the callback may touch."""

    def __init__(self) -> None:
        self.rate_factor = 1.0


def factors(callback: ReduceOnPlateau, figures: list[float], name: str = "val_loss") -> list[float]:
    """The rate's factor after each epoch."""
    network, seen = Rates(), []
    for epoch, figure in enumerate(figures, 1):
        callback.on_epoch_end(network, epoch, {name: figure})  # type: ignore[arg-type]
        seen.append(network.rate_factor)
    return seen


def test_the_rate_falls_after_more_than_patience_epochs_without_improvement() -> None:
    found = factors(ReduceOnPlateau(factor=0.5, patience=1), [3, 2, 2, 2, 2, 2, 1, 1])
    assert found == [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25]


def test_a_gain_below_the_threshold_is_none() -> None:
    assert factors(ReduceOnPlateau(factor=0.5, patience=0, threshold=0.1), [10, 9.5, 8.9]) == [1, 0.5, 0.5]


def test_larger_is_better_with_mode_max() -> None:
    callback = ReduceOnPlateau("val_accuracy", factor=0.5, patience=0, mode="max")
    assert factors(callback, [0.5, 0.6, 0.6, 0.7], "val_accuracy") == [1, 1, 0.5, 0.5]


def test_epochs_of_the_cooldown_are_not_counted() -> None:
    found = factors(ReduceOnPlateau(factor=0.5, patience=0, cooldown=2), [1] * 7)
    assert found == [1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]


def test_the_factor_does_not_fall_below_the_least() -> None:
    assert factors(ReduceOnPlateau(factor=0.5, patience=0, least=0.3), [1] * 4) == [1, 0.5, 0.3, 0.3]


def test_a_figure_that_is_not_a_number_is_no_improvement() -> None:
    assert factors(ReduceOnPlateau(factor=0.5, patience=0), [math.nan, 1, math.nan]) == [0.5, 0.5, 0.25]


def test_fit_trains_with_the_reduced_rate() -> None:
    """Labels that are already met leave the loss at 0; the factor falls, and later steps are smaller by it."""
    x = gn.Input((1,), name="x")
    model = gn.Model(x, gn.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="dense")(x))
    net = gn.compile(model, loss="mse", optimizer=gn.optimizers.SGD(0.5), dtype="float64")
    net.fit(np.ones((2, 1)), np.zeros((2, 1)), epochs=3, callbacks=[ReduceOnPlateau("loss", factor=0.1, patience=0)])
    assert net.rate_factor == pytest.approx(0.01)
    net.train_on_batch(np.ones((1, 1)), np.array([[-0.5]]))  # gradient 1
    assert net.weights["dense/weight"].item() == pytest.approx(-0.5 * 0.01)


def test_the_name_that_others_know_it_by() -> None:
    assert gn.callbacks.ReduceLROnPlateau is ReduceOnPlateau


def line(weight: float = 3.0, rate: float = 0.25) -> gn.Network:
    """y = w x with the loss w² for x = 1, y = 0; each step of SGD(0.25) halves w."""
    x = gn.Input((1,), name="x")
    start = gn.initializers.Constant(weight)
    model = gn.Model(x, gn.layers.Dense(1, use_bias=False, kernel_initializer=start, name="dense")(x))
    return gn.compile(model, loss="mse", optimizer=gn.optimizers.SGD(rate), dtype="float64")


class Figures(Callback):
    """Replaces the figures of the epochs; the next callback sees what was put in."""

    def __init__(self, callback: Callback, figures: list[float], name: str = "val_loss") -> None:
        self.callback, self.figures, self.name = callback, list(figures), name

    def on_train_begin(self, network: gn.Network) -> None:
        self.callback.on_train_begin(network)

    def on_epoch_end(self, network: gn.Network, epoch: int, logs: dict[str, Any]) -> bool | None:
        return self.callback.on_epoch_end(network, epoch, {self.name: self.figures.pop(0)})

    def on_train_end(self, network: gn.Network) -> None:
        self.callback.on_train_end(network)


def train(net: gn.Network, callback: Callback, figures: list[float], name: str = "val_loss") -> int:
    """How many epochs are done."""
    x, y = np.ones((1, 1)), np.zeros((1, 1))
    return len(net.fit(x, y, epochs=len(figures), callbacks=[Figures(callback, figures, name)]).epochs)


@pytest.mark.parametrize(("options", "figures", "epochs"), [
    ({}, [3, 2, 2, 1], 3), ({"patience": 1}, [3, 2, 2, 1], 3), ({"patience": 2}, [3, 2, 2, 1, 1, 1, 0], 6),
    ({"patience": 2}, [3, 2, 2, 1, 0.5, 0.25], 6), ({"min_delta": 0.5}, [3, 2.6, 2], 2),
    ({"mode": "max"}, [3, 4, 3.5], 3), ({}, [3, math.nan, 1], 2), ({}, [math.nan, 1], 1),
])
def test_training_stops_early(options: dict[str, Any], figures: list[float], epochs: int) -> None:
    callback = EarlyStopping(**options)
    assert train(line(), callback, figures) == epochs
    assert callback.stopped_epoch == (epochs if epochs < len(figures) or figures[-1] == 3.5 else 0)


def test_the_weights_of_the_best_epoch_come_back() -> None:
    callback, net = EarlyStopping(patience=2, restore_best=True), line()
    assert train(net, callback, [5, 1, 2, 3, 0]) == 4
    assert (callback.best, callback.best_epoch, callback.stopped_epoch) == (1, 2, 4)
    assert net.weights["dense/weight"].item() == 3 / 2**2
    assert (net.epoch, net.step) == (4, 4)


def test_they_come_back_when_the_epochs_run_out_too() -> None:
    net = line()
    assert train(net, EarlyStopping(patience=9, restore_best=True), [5, 1, 2]) == 3
    assert net.weights["dense/weight"].item() == 3 / 2**2


class Ends(Callback):
    """Ends the training in an epoch, after its step."""

    def __init__(self, epoch: int, by: type[BaseException]) -> None:
        self.epoch, self.by = epoch, by

    def on_step_end(self, network: gn.Network, step: int, logs: dict[str, float]) -> None:
        if network.epoch == self.epoch:
            raise self.by


@pytest.mark.parametrize("by", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_they_come_back_when_ctrl_c_or_an_error_ends_the_training(by: type[BaseException]) -> None:
    net, callback = line(), EarlyStopping("rising", mode="min", patience=9, restore_best=True)

    class Rising(Callback):
        """Hands on a figure that is best in the second epoch."""

        def on_train_begin(self, network: gn.Network) -> None:
            callback.on_train_begin(network)

        def on_epoch_end(self, network: gn.Network, epoch: int, logs: dict[str, Any]) -> None:
            callback.on_epoch_end(network, epoch, {"rising": [5, 1, 2, 3][epoch - 1]})

        def on_train_break(self, network: gn.Network) -> None:
            callback.on_train_break(network)

    with pytest.raises(by):
        net.fit(np.ones((1, 1)), np.zeros((1, 1)), epochs=9, callbacks=[Rising(), Ends(4, by)])
    assert net.weights["dense/weight"].item() == 3 / 2**2
    assert (net.epoch, net.step) == (4, 4)


def test_every_callback_is_told_of_a_break_and_none_of_an_end() -> None:
    told: list[str] = []

    class Told(Callback):
        def on_train_break(self, network: gn.Network) -> None:
            told.append(f"break after step {network.step}")

        def on_train_end(self, network: gn.Network) -> None:
            told.append("end")

    with pytest.raises(KeyboardInterrupt):
        line().fit(np.ones((1, 1)), np.zeros((1, 1)), epochs=3,
                   callbacks=[Told(), Ends(2, KeyboardInterrupt), Told()])
    assert told == ["break after step 2"] * 2


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("step", [1, 2, 5, 8, 11])
def test_after_ctrl_c_the_best_weights_are_there_and_the_training_goes_on_from_the_last(
        step: int, saved: bool, tmp_path: Path) -> None:
    """With steps that overshoot, so that the best epoch is not the last: w becomes -2 w."""
    x, y, path = np.ones((2, 1)), np.zeros((2, 1)), tmp_path / "fit.gnet"

    def fit(net: gn.Network, at: int | None, **options: Any) -> tuple[EarlyStopping, gn.History]:
        stopping = EarlyStopping("loss", patience=9, restore_best=True)
        return stopping, net.fit(x, y, batch_size=1, epochs=6, callbacks=[stopping, Interrupts(at)], **options)

    def made() -> gn.Network:
        return line(1.0, rate=1.5)

    def bits(net: gn.Network) -> bytes:
        return b"".join(array.tobytes() for array in net.weights.values())

    whole = made()
    expected = fit(whole, None)
    net = made()
    with pytest.raises(KeyboardInterrupt):
        fit(net, step, **({"checkpoint": path} if saved else {}))
    assert net.weights["dense/weight"].item() == ((-2.0) ** 2 if step > 2 else (-2.0) ** step)
    assert net.step == step
    if saved:
        assert bits(gn.load(path)) == bits(net)
        net = gn.load(path)
    found = fit(net, None, resume=True)
    assert bits(net) == bits(whole)
    assert (net.step, found[0].best_epoch, found[0].best) == (12, expected[0].best_epoch, expected[0].best)
    assert found[1].history["loss"] == expected[1].history["loss"]


def test_the_checkpoint_of_a_finished_fit_holds_the_best_weights(tmp_path: Path) -> None:
    """Not the last ones; resuming it finds nothing left to do."""
    def fit(net: gn.Network, **options: Any) -> gn.History:
        x, y = np.ones((1, 1)), np.zeros((1, 1))
        return net.fit(x, y, epochs=4, validation_data=(x, np.full((1, 1), 1.5)),  # best after the first epoch
                       callbacks=[EarlyStopping(patience=2, restore_best=True)], checkpoint=tmp_path / "fit.gnet",
                       **options)

    net = line()
    history = fit(net)
    assert history.history["val_loss"][0] == min(history.history["val_loss"]) == 0
    assert net.weights["dense/weight"].item() == 1.5
    loaded = gn.load(tmp_path / "fit.gnet")
    assert loaded.weights["dense/weight"].item() == 1.5
    before = (tmp_path / "fit.gnet").read_bytes()
    assert fit(loaded, resume=True).history["val_loss"] == history.history["val_loss"]
    assert loaded.weights["dense/weight"].item() == 1.5
    assert (loaded.epoch, loaded.step) == (net.epoch, net.step) == (3, 3)
    assert (tmp_path / "fit.gnet").read_bytes() == before


def test_whatever_a_callback_makes_of_the_network_at_the_end_stands_in_the_checkpoint(tmp_path: Path) -> None:
    class Averages(Callback):
        """Sets the mean of the weights of all epochs, as averaging does."""

        def __init__(self) -> None:
            self.seen: list[float] = []

        def on_epoch_end(self, network: gn.Network, epoch: int, logs: dict[str, Any]) -> None:
            self.seen.append(network.weights["dense/weight"].item())

        def on_train_end(self, network: gn.Network) -> None:
            network.set_weights({"dense/weight": [[np.mean(self.seen)]]})

    line().fit(np.ones((1, 1)), np.zeros((1, 1)), epochs=2, callbacks=[Averages()], checkpoint=tmp_path / "fit.gnet")
    assert gn.load(tmp_path / "fit.gnet").weights["dense/weight"].item() == (1.5 + 0.75) / 2


def test_without_asking_the_last_weights_stay() -> None:
    net = line()
    train(net, EarlyStopping(patience=2), [5, 1, 2, 3, 0])
    assert net.weights["dense/weight"].item() == 3 / 2**4


def test_every_fit_begins_anew() -> None:
    callback, net = EarlyStopping("loss"), line()
    x, y = np.ones((1, 1)), np.zeros((1, 1))
    net.fit(x, y, epochs=2, callbacks=[callback])
    assert callback.best == (3 / 2)**2
    net.set_weights({"dense/weight": [[8.0]]})
    assert len(net.fit(x, y, epochs=2, callbacks=[callback]).epochs) == 2  # worse than before, but the first


@pytest.mark.parametrize(("monitor", "mode"), [
    ("val_accuracy", "max"), ("macro_f1", "max"), ("val_top_5_accuracy", "max"), ("precision", "max"), ("loss", "min"),
    ("val_perplexity", "min"), ("mean_squared_error", "min")])
def test_the_mode_goes_by_the_name(monitor: str, mode: str) -> None:
    assert EarlyStopping(monitor).mode == mode


def test_the_best_network_is_saved(tmp_path) -> None:
    path = tmp_path / "best.gnet"
    callback, net = ModelCheckpoint(path), line()
    train(net, callback, [5, 1, 2, 3])
    assert (callback.best, callback.saved) == (1, str(path))
    saved = gn.load(path)
    assert saved.weights["dense/weight"].item() == 3 / 2**2
    assert (saved.epoch, saved.step) == (2, 2)
    assert net.weights["dense/weight"].item() == 3 / 2**4
    train(net, callback, [5, 5, 5, 5, 0.5])
    assert gn.load(path).epoch == 4 + 5


def test_every_epoch_has_its_file(tmp_path) -> None:
    callback = ModelCheckpoint(tmp_path / "epoch-{epoch}.gnet", best_only=False)
    train(line(), callback, [5, 1, 2], name="whatever")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-1.gnet", "epoch-2.gnet", "epoch-3.gnet"]


def test_a_figure_that_is_not_a_number_saves_nothing(tmp_path) -> None:
    train(line(), ModelCheckpoint(tmp_path / "best.gnet"), [math.nan, math.nan])
    assert not list(tmp_path.iterdir())


def test_hooks_are_called_in_order() -> None:
    class Diary(Callback):
        """Writes down what is called."""

        def __init__(self) -> None:
            self.entries: list[object] = []

        def on_train_begin(self, network: gn.Network) -> None:
            self.entries.append("begin")

        def on_epoch_begin(self, network: gn.Network, epoch: int) -> None:
            self.entries.append(f"epoch {epoch}")

        def on_step_end(self, network: gn.Network, step: int, logs: dict[str, float]) -> None:
            self.entries.append((step, logs["loss"]))

        def on_epoch_end(self, network: gn.Network, epoch: int, logs: dict[str, Any]) -> bool:
            self.entries.append(f"end of {epoch}")
            return epoch == 2

        def on_train_end(self, network: gn.Network) -> None:
            self.entries.append("end")

    diary, net = Diary(), line(1.0)
    net.fit(np.ones((3, 1)), np.zeros((3, 1)), batch_size=2, epochs=5, callbacks=[diary])
    assert diary.entries == ["begin", "epoch 1", (1, 1.0), (2, 1 / 4), "end of 1",
                             "epoch 2", (3, 1 / 16), (4, 1 / 64), "end of 2", "end"]


@pytest.mark.parametrize(("callbacks", "text"), [
    ([EarlyStopping],
     "fit: callbacks[0] is <class 'graphnet.callbacks.EarlyStopping'>, but it must be a Callback object"),
    (EarlyStopping(), "but it must be a list of Callback objects"),
])
def test_what_is_no_callback_is_refused(callbacks: object, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        line().fit(np.ones((1, 1)), np.zeros((1, 1)), callbacks=callbacks)  # type: ignore[arg-type]


def test_none_is_no_callback() -> None:
    assert line().fit(np.ones((1, 1)), np.zeros((1, 1)), callbacks=None, verbose=0).epochs == [1]


def test_validation_data_of_another_form_is_refused() -> None:
    with pytest.raises(ArgumentError, match=re.escape(
            "fit: validation_data is 'ndarray', but it must be a tuple (x, y) or (x, y, sample_weight)")):
        line().fit(np.ones((1, 1)), np.zeros((1, 1)), validation_data=np.ones((2, 1)))  # type: ignore[arg-type]


def test_a_figure_that_is_an_array_cannot_be_watched() -> None:
    with pytest.raises(ArgumentError, match=re.escape(
            "EarlyStopping: monitor is 'confusion_matrix', but it must be a number, and this figure is an array")):
        EarlyStopping("confusion_matrix").on_epoch_end(line(), 1, {"confusion_matrix": np.eye(2)})


@pytest.mark.parametrize(("declare", "text"), [
    (lambda: EarlyStopping(3), "EarlyStopping: monitor is 3, but it must be the name of a figure such as 'val_loss'"),
    (lambda: EarlyStopping(patience=-1), "EarlyStopping: patience is -1, but it must be a whole number ≥ 0"),
    (lambda: EarlyStopping(min_delta=-1), "EarlyStopping: min_delta is -1, but it must be a finite number ≥ 0"),
    (lambda: EarlyStopping(restore_best=1), "EarlyStopping: restore_best is 1, but it must be True or False"),
    (lambda: EarlyStopping(mode="up"), "EarlyStopping: mode is 'up', but it must be one of 'min', 'max'"),
    (lambda: ModelCheckpoint(""), "ModelCheckpoint: path is '', but it must be the path of a file"),
    (lambda: ModelCheckpoint("a", best_only=0), "ModelCheckpoint: best_only is 0, but it must be True or False"),
    (lambda: ReduceOnPlateau(factor=1), "ReduceOnPlateau: factor is 1, but it must be a finite number > 0 and < 1"),
    (lambda: ReduceOnPlateau(factor=0), "ReduceOnPlateau: factor is 0, but it must be a finite number > 0 and < 1"),
    (lambda: ReduceOnPlateau(patience=-1), "ReduceOnPlateau: patience is -1, but it must be a whole number ≥ 0"),
    (lambda: ReduceOnPlateau(cooldown=0.5), "ReduceOnPlateau: cooldown is 0.5, but it must be a whole number ≥ 0"),
    (lambda: ReduceOnPlateau(threshold=-1), "ReduceOnPlateau: threshold is -1, but it must be a finite number ≥ 0"),
    (lambda: ReduceOnPlateau(least=math.nan), "ReduceOnPlateau: least is nan, but it must be a finite number ≥ 0"),
    (lambda: ReduceOnPlateau(mode="up"), "ReduceOnPlateau: mode is 'up', but it must be one of 'min', 'max'"),
    (lambda: factors(ReduceOnPlateau(), [1.0], "loss"), "ReduceOnPlateau: monitor is 'val_loss', but the epoch has "
                                                        "only 'loss'; give fit validation_data"),
    (lambda: factors(ReduceOnPlateau("f1"), [1.0]), "monitor is 'f1', but the epoch has only 'val_loss'"),
])
def test_bad_arguments(declare: Callable[[], object], text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        declare()


def test_validation_data_that_was_given_is_not_asked_for() -> None:
    with pytest.raises(ArgumentError, match=r"monitor is 'val_accuracy', but the epoch has only 'val_loss'$"):
        factors(ReduceOnPlateau("val_accuracy"), [1.0], "val_loss")


def test_callbacks_show_their_arguments() -> None:
    assert repr(ModelCheckpoint("a.gnet", best_only=False)) == (
        "ModelCheckpoint(monitor='val_loss', mode='min', path='a.gnet', best_only=False, keep=None)")
