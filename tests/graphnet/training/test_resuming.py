"""A training that is cut at any step and resumed ends with the bytes of the one that was never cut."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_networks

import graphnet as gn
from graphnet.callbacks import EarlyStopping, ModelCheckpoint, ReduceOnPlateau, ResetStates
from graphnet.compiler.errors import GnetFormatError
from graphnet.models import char_rnn, lenet
from graphnet.optimizers import Adam
from graphnet.runtime.gnet import Contents, dumps, load_gnet
from graphnet.schedules import OneCycle
from graphnet.training.callback import Callback

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(11)
IMAGES, DIGITS = RNG.random((70, 1, 28, 28), dtype=np.float32), RNG.integers(0, 10, 70)
TEXT = RNG.integers(0, 256, (24, 7))
EPOCHS = 3


class Cut(Exception):  # noqa: N818 - no error, but an end
    """Stands for the moment at which a process dies."""


class CutAfter(Callback):
    """Ends the training after a step; it keeps nothing, so that a resumed training can go on without it."""

    def __init__(self, step: int | None) -> None:
        self.step = step

    def on_step_end(self, network: gn.Network, step: int, logs: dict[str, float]) -> None:
        if step == self.step:
            raise Cut


class Kind:
    """A model with samples to train on, and the callbacks that matter to it."""

    def __init__(self, model: Callable[[], gn.Model], x: Array, y: Array, batch: int,
                 callbacks: Callable[[], list[Callback]]) -> None:
        self.model, self.x, self.y, self.batch, self.callbacks = model, x, y, batch, callbacks
        self.steps = -(-len(x) // batch) * EPOCHS

    def compiled(self) -> gn.Network:
        return gn.compile(self.model(), loss="softmax_cross_entropy", optimizer=Adam(OneCycle(5e-3, self.steps)),
                          metrics=["accuracy"], seed=3)

    def fit(self, network: gn.Network, checkpoint: Any, cut: int | None = None, resume: bool = False) -> gn.History:
        return network.fit(self.x, self.y, batch_size=self.batch, epochs=EPOCHS, checkpoint=checkpoint, resume=resume,
                           validation_data=(self.x[:self.batch], self.y[:self.batch]),
                           callbacks=[*self.callbacks(), CutAfter(cut)])


KINDS = {
    "lenet": Kind(lenet.model, IMAGES, DIGITS, 32, lambda: [
        EarlyStopping("loss", patience=5, restore_best=True), ReduceOnPlateau("loss", patience=0, threshold=0.5)]),
    "batch norm and dropout": Kind(small_networks.residual_model, RNG.random((40, 4, 6, 6), np.float32),
                                   DIGITS[:40] % 3, 16, lambda: [ReduceOnPlateau("val_loss")]),
    "stateful": Kind(lambda: char_rnn.model(units=6), TEXT[:, :-1], TEXT[:, 1:], 6, lambda: [ResetStates()]),
}


@pytest.fixture(scope="module", params=KINDS)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Kind, bytes, gn.History]:
    """A training that is never cut, nor saved in between."""
    kind, path = KINDS[request.param], tmp_path_factory.mktemp("whole") / "model.gnet"
    network = kind.compiled()
    history = kind.fit(network, None)
    network.save(path)
    return kind, path.read_bytes(), history


def figures(history: gn.History) -> dict[str, list[Any]]:
    """All that does not depend on the time of day."""
    return {name: values for name, values in history.history.items() if name != "seconds"}


@pytest.mark.parametrize("every", [2, None], ids=lambda every: f"every {every or 'epoch'}")
def test_resumed_where_it_was_cut_it_ends_with_the_same_bytes(
        whole: tuple[Kind, bytes, gn.History], every: int | None, tmp_path: Path) -> None:
    kind, model, history = whole
    checkpoint = gn.Checkpoint(tmp_path / "run.gnet", every)
    for cut in (1, kind.steps // 2, kind.steps):
        with pytest.raises(Cut):
            kind.fit(kind.compiled(), checkpoint, cut)
        network = gn.load(checkpoint.path)
        assert network.step <= cut
        resumed = kind.fit(network, checkpoint, resume=True)
        network.save(tmp_path / "model.gnet")
        assert (tmp_path / "model.gnet").read_bytes() == model, f"cut after step {cut}"
        assert figures(resumed) == figures(history)
        assert resumed.epochs == history.epochs


def test_cut_again_and_again_it_still_gets_there(whole: tuple[Kind, bytes, gn.History], tmp_path: Path) -> None:
    kind, model, history = whole
    checkpoint, network = gn.Checkpoint(tmp_path / "run.gnet", 1), kind.compiled()
    for step in range(1, kind.steps + 1):
        with pytest.raises(Cut):
            kind.fit(network, checkpoint, cut=step, resume=step > 1)
        network = gn.load(checkpoint.path)
        assert network.step == step - 1  # the step that was cut was not saved
        if step % 3 == 0:
            network.save(tmp_path / "moved.gnet")  # a checkpoint that was loaded is saved as one
            network = gn.load(tmp_path / "moved.gnet")
    resumed = kind.fit(network, checkpoint, resume=True)
    network.save(tmp_path / "model.gnet")
    assert (tmp_path / "model.gnet").read_bytes() == model
    assert figures(resumed) == figures(history)


def test_a_training_that_had_ended_gives_its_history_again(
        whole: tuple[Kind, bytes, gn.History], tmp_path: Path) -> None:
    kind, model, history = whole
    kind.fit(kind.compiled(), tmp_path / "run.gnet")
    network = gn.load(tmp_path / "run.gnet")
    assert network.step == kind.steps
    assert figures(kind.fit(network, None, resume=True)) == figures(history)
    network.save(tmp_path / "model.gnet")
    assert (tmp_path / "model.gnet").read_bytes() == model
    assert network._fit_state is None


def test_a_training_that_was_stopped_early_stays_stopped(tmp_path: Path) -> None:
    """Its last checkpoint is that of its end, with epochs left that were not wanted."""
    def fit(network: gn.Network, resume: bool = False) -> gn.History:
        return network.fit(X, Y, batch_size=4, epochs=50, checkpoint=tmp_path / "run.gnet", resume=resume,
                           callbacks=[EarlyStopping("accuracy", patience=1)])

    history = fit(tiny())
    assert len(history.epochs) < 50
    network = gn.load(tmp_path / "run.gnet")
    resumed = fit(network, resume=True)
    assert (resumed.epochs, resumed.history["loss"]) == (history.epochs, history.history["loss"])
    assert network.step == 5 * len(history.epochs)


# Callbacks -----------------------------------------------------------------------------------------------------

def tiny(seed: int = 0) -> gn.Network:
    x = gn.Input((4,), name="x")
    return gn.compile(gn.Model(x, gn.layers.Dense(3, name="logits")(x)), loss="softmax_cross_entropy",
                      optimizer=Adam(0.05), metrics=["accuracy", gn.metrics.ConfusionMatrix()], seed=seed)


X, Y = RNG.random((20, 4), dtype=np.float32), RNG.integers(0, 3, 20)


@pytest.mark.parametrize("cut", range(1, 16))
def test_early_stopping_stops_and_restores_as_if_never_cut(cut: int, tmp_path: Path) -> None:
    def fit(network: gn.Network, checkpoint: Any, cut: int | None = None, resume: bool = False) -> EarlyStopping:
        stopping = EarlyStopping("accuracy", patience=2, restore_best=True)
        keeping = ModelCheckpoint(tmp_path / "best.gnet", "loss")
        reducing = ReduceOnPlateau("loss", patience=0, cooldown=1, threshold=0.1)
        network.fit(X, Y, batch_size=4, epochs=3, checkpoint=checkpoint, resume=resume,
                    callbacks=[stopping, keeping, reducing, CutAfter(cut)])
        network.save(tmp_path / "model.gnet")
        return stopping

    expected = fit(tiny(), None)
    model, best = (tmp_path / "model.gnet").read_bytes(), (tmp_path / "best.gnet").read_bytes()
    with pytest.raises(Cut):
        fit(tiny(), gn.Checkpoint(tmp_path / "run.gnet", 2), cut)
    stopping = fit(gn.load(tmp_path / "run.gnet"), None, resume=True)
    assert (stopping.best, stopping.best_epoch, stopping.stopped_epoch) == (
        expected.best, expected.best_epoch, expected.stopped_epoch)
    assert (tmp_path / "model.gnet").read_bytes() == model
    assert (tmp_path / "best.gnet").read_bytes() == best


def test_a_callback_of_ones_own_keeps_what_it_remembers(tmp_path: Path) -> None:
    class Remembering(Callback):
        def __init__(self) -> None:
            self.seen: list[float] = []

        def on_step_end(self, network: gn.Network, step: int, logs: dict[str, float]) -> None:
            self.seen.append(logs["loss"])

        def state(self) -> dict[str, Any]:
            return {"seen": np.array(self.seen), "nested": [{"three": np.float32(3)}, None, b"x"]}

        def set_state(self, state: dict[str, Any]) -> None:
            assert state["nested"] == [{"three": 3.0}, None, b"x"]
            self.seen = state["seen"].tolist()

    whole, cut, resumed = Remembering(), Remembering(), Remembering()
    tiny().fit(X, Y, batch_size=4, epochs=2, callbacks=[whole, CutAfter(None)])
    with pytest.raises(Cut):
        tiny().fit(X, Y, batch_size=4, epochs=2, callbacks=[cut, CutAfter(8)],
                   checkpoint=gn.Checkpoint(tmp_path / "run.gnet", 3))
    gn.load(tmp_path / "run.gnet").fit(X, Y, batch_size=4, epochs=2, callbacks=[resumed, CutAfter(None)], resume=True)
    assert resumed.seen == whole.seen
    assert len(whole.seen) == 10


# What is refused -----------------------------------------------------------------------------------------------

def cut_training(path: Path, **options: Any) -> gn.Network:
    """A network loaded from the checkpoint of a training that was cut after 3 steps of 10."""
    with pytest.raises(Cut):
        tiny().fit(X, Y, **({"batch_size": 4, "epochs": 2, "callbacks": [CutAfter(4)],
                             "checkpoint": gn.Checkpoint(path, 3)} | options))
    return gn.load(path)


@pytest.mark.parametrize(("options", "error", "text"), [
    ({"batch_size": 5}, gn.ArgumentError, "fit: batch_size is 5, but the checkpoint was made with 4: give the same"),
    ({"epochs": 3}, gn.ArgumentError, "fit: epochs is 3, but the checkpoint was made with 2"),
    ({"shuffle": False}, gn.ArgumentError, "fit: shuffle is False, but the checkpoint was made with True"),
    ({"callbacks": []}, gn.ArgumentError, "fit: callbacks is 'none', but the checkpoint was made with CutAfter: give "
                                          "the same ones in the same order"),
    ({"callbacks": [EarlyStopping(), CutAfter(None)]}, gn.ArgumentError, "callbacks is 'EarlyStopping, CutAfter', but"),
    ({"x": X + 1}, gn.DataError, "the samples are not those that the training was begun with: x holds other numbers; "
                                 "give the same samples to go on, or begin another"),
    ({"x": X.astype(np.float64)}, gn.DataError, "x was float32 (20, 4) and is float64 (20, 4)"),
    ({"y": Y[::-1]}, gn.DataError, "label:logits holds other numbers"),
    ({"x": X[:16], "y": Y[:16]}, gn.DataError, "x was float32 (20, 4) and is float32 (16, 4)"),
    ({"validation_data": (X, Y)}, gn.DataError, "validation x was not there"),
    ({"sample_weight": np.ones(20)}, gn.DataError, "weight:logits was not there"),
    ({"resume": 1}, gn.ArgumentError, "fit: resume is 1, but it must be True or False"),
])
def test_what_would_make_another_training_of_it_is_refused(
        options: dict[str, Any], error: type[Exception], text: str, tmp_path: Path) -> None:
    network = cut_training(tmp_path / "run.gnet")
    before = {name: array.copy() for name, array in network.weights.items()}
    usual = {"x": X, "y": Y, "batch_size": 4, "epochs": 2, "callbacks": [CutAfter(None)], "resume": True}
    with pytest.raises(error, match=re.escape(text)):
        network.fit(**(usual | options))
    assert all((network.weights[name] == array).all() for name, array in before.items())
    network.fit(**usual)  # nothing was lost
    assert network.step == 10


def test_without_validation_data_that_was_there_it_is_refused(tmp_path: Path) -> None:
    network = cut_training(tmp_path / "run.gnet", validation_data=(X, Y))
    with pytest.raises(gn.DataError, match="validation x is missing"):
        network.fit(X, Y, batch_size=4, epochs=2, callbacks=[CutAfter(None)], resume=True)


def test_other_arguments_of_a_callback_are_refused(tmp_path: Path) -> None:
    network = cut_training(tmp_path / "run.gnet", callbacks=[EarlyStopping("loss", patience=5), CutAfter(4)])
    with pytest.raises(gn.ArgumentError, match="EarlyStopping: patience is 4, but the checkpoint was made with 5"):
        network.fit(X, Y, batch_size=4, epochs=2, resume=True,
                    callbacks=[EarlyStopping("loss", patience=4), CutAfter(None)])


def test_a_network_without_a_checkpoint_cannot_resume(tmp_path: Path) -> None:
    with pytest.raises(gn.GraphError, match=r"there is no training to resume: gn\.load a file that fit wrote as its"):
        tiny().fit(X, Y, resume=True)


def test_a_checkpoint_that_was_trained_on_cannot_resume_but_train(tmp_path: Path) -> None:
    network = cut_training(tmp_path / "run.gnet")
    network.train_on_batch(X, Y)
    with pytest.raises(gn.DataError, match="the checkpoint is of step 3, but the network has done 4: load"):
        network.fit(X, Y, batch_size=4, epochs=2, callbacks=[CutAfter(None)], resume=True)
    network.save(tmp_path / "model.gnet")
    assert "fit" not in load_gnet(tmp_path / "model.gnet").train
    assert network.fit(X, Y, batch_size=4).epochs == [2]


@pytest.mark.parametrize("change", [
    lambda net: net.set_weights({"logits/bias": np.ones(3)}),
    lambda net: net.set_optimizer_state({"first_moment": {"logits/bias": np.ones(3)}}),
    lambda net: setattr(net, "rate_factor", 0.5), lambda net: setattr(net, "epoch", 7),
    lambda net: setattr(net, "seed", 7), lambda net: setattr(net._runner, "optimizer", Adam(0.5)),
])
def test_a_checkpoint_that_was_changed_cannot_resume(change: Callable[[gn.Network], None], tmp_path: Path) -> None:
    network = cut_training(tmp_path / "run.gnet")
    network.predict(X)
    network.save(tmp_path / "same.gnet")
    change(network)
    with pytest.raises(gn.DataError, match="moments or settings are no longer those of the checkpoint: load"):
        network.fit(X, Y, batch_size=4, epochs=2, callbacks=[CutAfter(None)], resume=True)
    network.save(tmp_path / "changed.gnet")
    assert "fit" in load_gnet(tmp_path / "same.gnet").train
    assert "fit" not in load_gnet(tmp_path / "changed.gnet").train


def test_a_stateful_network_that_read_on_cannot_resume(tmp_path: Path) -> None:
    kind, path = KINDS["stateful"], tmp_path / "run.gnet"
    with pytest.raises(Cut):
        kind.fit(kind.compiled(), gn.Checkpoint(path, 2), cut=3)
    network = gn.load(path)
    network.predict(kind.x[:kind.batch], kind.batch)
    with pytest.raises(gn.DataError, match="are no longer those of the checkpoint"):
        kind.fit(network, path, resume=True)


@pytest.mark.parametrize(("value", "text"), [
    (3, "Checkpoint"), (gn.Checkpoint, "it must be the path of a file, a gn.Checkpoint, or None")])
def test_what_is_no_checkpoint_is_refused(value: Any, text: str) -> None:
    with pytest.raises(gn.ArgumentError, match=text):
        tiny().fit(X, Y, checkpoint=value)


@pytest.mark.parametrize(("arguments", "text"), [
    (("",), "Checkpoint: path is '', but it must be the path of a file"),
    (("a.gnet", 0), "Checkpoint: every is 0, but it must be a whole number ≥ 1")])
def test_bad_checkpoints(arguments: tuple[Any, ...], text: str) -> None:
    with pytest.raises(gn.ArgumentError, match=text):
        gn.Checkpoint(*arguments)


def test_a_checkpoint_that_cannot_be_written_ends_the_training(tmp_path: Path) -> None:
    with pytest.raises(gn.ArgumentError, match="its folder must exist; create it first"):
        tiny().fit(X, Y, checkpoint=tmp_path / "nowhere" / "run.gnet")


@pytest.mark.parametrize(("change", "text"), [
    (lambda fit: fit.pop("step"), "train.fit: the key 'step' is missing"),
    (lambda fit: fit.__setitem__("pace", 1), "train.fit.pace: the key 'pace' is not known here"),
    (lambda fit: fit.__setitem__("begun", -1), "train.fit: begun and position must not be negative"),
    (lambda fit: fit.__setitem__("begun", True), "train.fit.begun: it must be of type int, not bool"),
    (lambda fit: fit.__setitem__("position", None), "train.fit: position and scores must both be there or both be nil"),
    (lambda fit: fit.__setitem__("callbacks", [1]), "train.fit.callbacks[0]: it must be a map, not 1"),
    (lambda fit: fit["history"].__setitem__("epochs", {"$tensor": "fit:99"}),
     "train.fit.history.epochs: there is no tensor 'fit:99'"),
])
def test_a_checkpoint_with_a_bad_state_is_refused_by_field(
        change: Callable[[dict[str, Any]], None], text: str, tmp_path: Path) -> None:
    cut_training(tmp_path / "run.gnet")
    contents = load_gnet(tmp_path / "run.gnet")
    change(contents.train["fit"])
    with pytest.raises(GnetFormatError) as caught:
        gn.load(dumps(Contents(contents.graph, contents.tensors, contents.train, contents.meta)))
    assert text in f"{caught.value.field}: {caught.value.reason}"


@pytest.mark.parametrize(("change", "text"), [
    (lambda fit: fit["scores"].__setitem__("samples", "many"), "train.fit.scores.samples: it must be of type int"),
    (lambda fit: fit["scores"]["losses"].__setitem__("loss", 1), "train.fit.scores.losses.loss: it must be of type"),
    (lambda fit: fit["scores"]["statistics"].__setitem__("a", 1.0), "train.fit.scores.statistics.a: it must be of"),
    (lambda fit: fit["history"]["figures"].__setitem__("a", []), "train.fit.history.figures.a: it must be of type"),
    (lambda fit: fit["history"]["figures"].__setitem__("a", fit["scores"]["statistics"]["metric:logits:accuracy"]),
     "train.fit.history.figures.a: it must have a value for each epoch"),
    (lambda fit: fit["callbacks"][0].__setitem__("state", {"a": 1}), "train.fit.callbacks.CutAfter.a: the key 'a'"),
])
def test_a_checkpoint_with_a_bad_state_is_refused_when_it_is_resumed(
        change: Callable[[dict[str, Any]], None], text: str, tmp_path: Path) -> None:
    cut_training(tmp_path / "run.gnet")
    contents = load_gnet(tmp_path / "run.gnet")
    change(contents.train["fit"])
    network = gn.load(dumps(Contents(contents.graph, contents.tensors, contents.train, contents.meta)))
    with pytest.raises(GnetFormatError, match=re.escape(text)):
        network.fit(X, Y, batch_size=4, epochs=2, callbacks=[CutAfter(None)], resume=True)


def leaves(plain: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value within plain data, containers too."""
    items = plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ()
    return [path, *(found for key, value in items for found in leaves(value, (*path, key)))]


def replaced(plain: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of plain data with another value at a path."""
    if not path:
        return value
    copy = dict(plain) if isinstance(plain, dict) else list(plain)
    copy[path[0]] = replaced(copy[path[0]], path[1:], value)
    return copy


@pytest.mark.filterwarnings("ignore:the checkpoint was made with x, and this machine")
def test_nonsense_anywhere_in_a_state_is_refused_or_does_no_harm(tmp_path: Path) -> None:
    """Each value of the state becomes something else: the training goes on, or is refused as a file or argument is."""
    callbacks: list[Callback] = [EarlyStopping("loss", patience=2, restore_best=True), ReduceOnPlateau("loss")]
    checkpoint = gn.Checkpoint(tmp_path / "run.gnet", 8)
    cut_training(tmp_path / "run.gnet", callbacks=[*callbacks, CutAfter(9)], checkpoint=checkpoint)
    contents = load_gnet(tmp_path / "run.gnet")
    nonsense = (None, -1, "x", [], {}, 1.5, {"$tensor": "fit:0"}, 1 << 40)
    refused = 0
    fit = contents.train["fit"]
    for path, value in itertools.product(leaves(fit), nonsense):
        train = contents.train | {"fit": replaced(fit, path, value)}
        try:
            network = gn.load(dumps(Contents(contents.graph, contents.tensors, train, contents.meta)))
            network.fit(X, Y, batch_size=4, epochs=2, callbacks=[*callbacks, CutAfter(None)], resume=True)
        except gn.GraphNetError:
            refused += 1
    assert refused > 400


def test_checkpoints_come_when_they_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from graphnet.saving import saving

    def saved_at(**options: Any) -> list[int]:
        steps: list[int] = []
        monkeypatch.setattr(saving, "save_checkpoint", lambda network, checkpoint, state: steps.append(state.step))
        tiny().fit(X, Y, batch_size=4, epochs=2, **options)
        return steps

    assert saved_at() == []
    assert saved_at(checkpoint=str(tmp_path / "a.gnet")) == [0, 5, 10]
    assert saved_at(checkpoint=gn.Checkpoint(tmp_path / "a.gnet", 4)) == [0, 4, 8, 10]


def test_a_checkpoint_keeps_notes_and_predicts_like_any_file(tmp_path: Path) -> None:
    network = tiny()
    network.fit(X, Y, batch_size=4, checkpoint=gn.Checkpoint(tmp_path / "run.gnet", notes={"by": "me"}))
    assert load_gnet(tmp_path / "run.gnet").meta["by"] == "me"
    assert gn.load(tmp_path / "run.gnet").predict(X).tobytes() == network.predict(X).tobytes()
