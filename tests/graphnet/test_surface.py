"""Every public attribute of what users declare and compile, assigned: it takes effect, or is refused by name.

Classes and attributes are found, not listed: a new class, or a new attribute, is swept by itself. What may be set on a
network needs a row that shows its effect.
"""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from declarations import PERHAPS, needed
from layer_cases import layer_cases

import graphnet as gn
from graphnet.common.frozen import Guarded
from graphnet.compiler.ir import Graph
from graphnet.declare.options import WeightOptions

L = gn.layers
ROOMS = ("layers", "losses", "metrics", "optimizers", "schedules", "initializers", "regularizers", "constraints",
         "callbacks")
HABITS = ("trainable", "learning_rate", "lr", "loss", "metrics", "rate", "units", "dtype", "learnign_rate")
"""Names that people set elsewhere, and a slip."""
X, Y = np.linspace(-1, 1, 24, dtype=np.float32).reshape(8, 3), np.arange(8) % 2
VALUES = PERHAPS | {"l2": "l2", "zeros": "zeros", "max_norm": "max_norm", "relu": "relu", "same": "same",
                    "sum": "sum", "pair": (1, 2), "number": 0.25}
THINNED = {name: VALUES[name] for name in ("1", "True", "None", "text", "pair", "number", "l2", "zeros", "relu")}


def public_classes(room: str) -> list[type]:
    """The classes of a room that can be declared, whoever exports them."""
    module = import_module(f"graphnet.{room}")
    names = getattr(module, "__all__", [name for name in dir(module) if name[0] != "_"])
    found = {cls for cls in (getattr(module, name) for name in names) if inspect.isclass(cls)
             and issubclass(cls, Guarded) and cls.__module__.startswith("graphnet.")}
    return sorted((cls for cls in found if not any(cls is not other and issubclass(other, cls) for other in found)),
                  key=lambda cls: cls.__name__)


def public(item: object) -> list[str]:
    """The names of all public attributes of an object, methods too, and some that it has not."""
    return sorted({name for name in dir(item) if name[0] != "_"} | set(HABITS))


def check_refused(item: Any, name: str, value: object) -> None:
    """An assignment, and a deletion, is refused by an error that names object and attribute, and changes nothing."""
    before = getattr(item, name, None) if name in vars(item) else None
    for change in (lambda: setattr(item, name, value), lambda: delattr(item, name)):
        with pytest.raises(gn.FrozenError) as caught:
            change()
        assert isinstance(caught.value, AttributeError)
        text = str(caught.value)
        assert re.match(rf"{type(item).__name__}: {name} (cannot be set|is a result)", text), text
        assert "; " in text, "it says what there is instead"
        assert "\n" not in text
    if name in vars(item):
        assert getattr(item, name) is before


def check_immutable(item: object) -> None:
    """Public attributes hold no container that could be changed behind the object's back."""
    for name in (name for name in public(item) if name in vars(item)):
        assert not isinstance(getattr(item, name), list | set | bytearray), f"{type(item).__name__}.{name}"


# Declarations ------------------------------------------------------------------------------------------------------

DATA_ROOMS = [room for room in ROOMS if room not in ("layers", "callbacks")]


def test_the_sweep_finds_the_rooms_and_what_is_in_them() -> None:
    modules = {name for name in gn.__all__ if inspect.ismodule(getattr(gn, name))}
    assert set(ROOMS) == modules - {"custom", "data"}
    counts = {room: len(public_classes(room)) for room in ROOMS}
    assert sum(counts.values()) > 110
    assert min(counts.values()) >= 3, counts


@pytest.mark.parametrize("cls", [cls for room in DATA_ROOMS for cls in public_classes(room)], ids=lambda c: c.__name__)
def test_what_is_declared_stays_as_it_is(cls: type) -> None:
    item = cls(**needed(cls))
    shown = repr(item)
    for name in public(item):
        check_refused(item, name, 0.5)
    check_immutable(item)
    assert repr(item) == shown
    assert pickle.loads(pickle.dumps(item)) == copy.deepcopy(item) == item


def test_what_a_network_was_compiled_with_stays_as_it_is() -> None:
    net = network()
    assert net.objective is not None
    for item in (net.optimizer, *net.objective.losses.values(), *net.objective.metrics["logits"]):
        for name in public(item):
            check_refused(item, name, 0.5)


# Layers ------------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def called() -> dict[str, L.Layer]:
    """A layer of each kind that has been called."""
    layers: dict[str, L.Layer] = {}
    place = L.Layer.call
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(L.Layer, "call",
                      lambda self, *inputs: (layers.setdefault(self.kind, self), place(self, *inputs))[1])
        for declare, shape in layer_cases().values():
            declare(gn.Input(shape))
        L.Embedding(4, 3)(gn.Input((None,), dtype="int64"))
    return layers


LAYERS = [cls for cls in public_classes("layers") if cls is not L.Apply]  # whose only argument is an op of the user's


def test_every_layer_is_called(called: dict[str, L.Layer]) -> None:
    assert {cls.__name__ for cls in LAYERS} <= called.keys()


@pytest.mark.parametrize("cls", LAYERS, ids=lambda cls: cls.__name__)
def test_a_layer_that_was_called_stays_as_it_is(cls: type, called: dict[str, L.Layer]) -> None:
    layer = called[cls.__name__]
    shown = repr(layer)
    for held in (layer, *(value for value in vars(layer).values() if isinstance(value, L.Layer))):
        for name in {*public(held), *arguments_of(type(held))}:
            check_refused(held, name, 0.5)
        check_immutable(held)
    check_mapping(layer.weights, "set_weights")
    assert repr(layer) == shown
    assert repr(pickle.loads(pickle.dumps(layer))) == repr(copy.deepcopy(layer)) == shown


def arguments_of(cls: type) -> list[str]:
    parameters = inspect.signature(cls).parameters.values()
    named = [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    options = any(p.kind is p.VAR_KEYWORD for p in parameters)
    return named + sorted(WeightOptions.__optional_keys__) * options


def outcome(make: Callable[[], object]) -> str:
    try:
        return repr(make())
    except gn.ArgumentError as error:
        return str(error)


@pytest.mark.parametrize("values", [pytest.param(THINNED, id="some"),
                                    pytest.param(VALUES, id="all", marks=pytest.mark.slow)])
@pytest.mark.parametrize("cls", LAYERS, ids=lambda cls: cls.__name__)
def test_before_its_first_call_a_layer_is_as_if_it_had_been_declared_so(cls: Any, values: dict[str, object]) -> None:
    def changed(name: str, value: object) -> L.Layer:
        layer: L.Layer = cls(**needed(cls))
        setattr(layer, name, value)
        return layer

    for name in arguments_of(cls):
        for value in values.values():
            declared = outcome(lambda name=name, value=value: cls(**needed(cls) | {name: value}))
            assert outcome(lambda name=name, value=value: changed(name, value)) == declared
    layer = cls(**needed(cls))
    for name in set(public(layer)) - set(arguments_of(cls)):
        with pytest.raises(gn.FrozenError, match=f"{cls.__name__}: {name} cannot be set: there is no such argument"):
            setattr(layer, name, 0.5)


def test_what_was_set_before_the_call_is_in_the_graph() -> None:
    x, dense, dropout = gn.Input((3,)), L.Dense(2), L.Dropout(0.5)
    dense.trainable, dense.activation, dense.kernel_regularizer, dropout.rate = False, "relu", "l2", 0.25
    said = gn.Model(x, L.Dropout(0.25)(L.Dense(2, "relu", trainable=False, kernel_regularizer="l2")(x)))
    assert str(gn.Model(x, dropout(dense(x))).graph) == str(said.graph)


def test_the_issue_s_own_layers() -> None:
    x, dropout, dense = gn.Input((3,)), L.Dropout(0.5), L.Dense(2, L.LeakyReLU(0.1))
    model = gn.Model(x, dropout(dense(x)))
    with pytest.raises(gn.FrozenError, match=r"Dense: trainable cannot be set any more; Dense has been called, and "
                                             r"graphs hold it as it was: declare a new layer"):
        dense.trainable = False
    with pytest.raises(gn.FrozenError, match="Dropout: rate cannot be set any more"):
        dropout.rate = 0
    with pytest.raises(gn.FrozenError, match="LeakyReLU: slope cannot be set any more"):
        dense.activation.slope = 0.2
    with pytest.raises(gn.FrozenError, match=r"Model: trainable cannot be set: there is no such attribute; a model is"):
        model.trainable = False


def test_a_copy_of_a_layer_is_a_layer_of_its_own() -> None:
    dense = L.Dense(2)
    dense(gn.Input((3,)))
    other = copy.deepcopy(dense)
    other.trainable = False
    assert (other.trainable, dense.trainable) == (False, True)


# Models and networks -----------------------------------------------------------------------------------------------

def model() -> gn.Model:
    x = gn.Input((3,), name="x")
    h = L.BatchNorm(name="bn")(L.Dense(4, "relu", name="hidden")(x))
    return gn.Model(x, L.Dense(2, name="logits")(h))


def network() -> gn.Network:
    return gn.compile(model(), "softmax_cross_entropy", gn.optimizers.Adam(0.01), ["accuracy"])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file with samples, and the checkpoint of a fit."""
    folder, made = tmp_path_factory.mktemp("files"), network()
    made.fit(X, Y, batch_size=4, checkpoint=folder / "fit.gnet")
    made.save(folder / "net.gnet", samples=X[:2])
    return {"loaded": folder / "net.gnet", "a checkpoint's": folder / "fit.gnet"}


@pytest.fixture(params=["compiled", "loaded", "a checkpoint's"])
def net(request: pytest.FixtureRequest, files: dict[str, Path]) -> gn.Network:
    return network() if request.param == "compiled" else gn.load(files[request.param])


def test_a_model_stays_as_it_is() -> None:
    item = model()
    for name in public(item):
        check_refused(item, name, 0.5)
    check_mapping(item.initializers, "set_weights")
    check_immutable(item)


def order(net: gn.Network) -> Any:
    """The losses of the steps of an epoch, from the same weights: they tell the order of the samples."""
    class Losses(gn.Callback):
        def __init__(self) -> None:
            self.seen: list[float] = []

        def on_step_end(self, network: gn.Network, step: int, logs: dict[str, float]) -> None:
            self.seen.append(logs["loss"])

    before, losses = dict(net.states), Losses()
    weights = {name: array.copy() for name, array in net.weights.items()}
    net.fit(X, Y, batch_size=1, callbacks=[losses])
    net.set_weights(weights)
    net.set_states(before)
    return losses.seen


def moved(net: gn.Network) -> float:
    """How far a step moves a weight."""
    net.set_optimizer_state({name: {weight: array * 0 for weight, array in parts.items()}
                             for name, parts in net.optimizer_state.items()})
    before = net.weights["logits/bias"].copy()
    net.train_on_batch(X, Y)
    return float(np.abs(net.weights["logits/bias"] - before).max())


def shows_the_step(net: gn.Network) -> None:
    first = moved(net)
    net.step = 1000  # Adam divides its moments by 1 - β^step, so that a step with new ones is √10 times as large
    assert moved(net) > 2 * first
    assert net.step == 1001


def shows_the_epoch(net: gn.Network) -> None:
    net.epoch = 41
    assert net.fit(X, Y).epochs == [42]


def shows_the_rate_factor(net: gn.Network) -> None:
    net.rate_factor = 0.0
    assert moved(net) == 0


def shows_the_seed(net: gn.Network) -> None:
    net.epoch, net.seed = 5, 7
    first = order(net)
    net.epoch, net.seed = 5, 8
    assert order(net) != first


def shows_the_samples(net: gn.Network, folder: Path) -> None:
    net.samples = X[:3]
    net.save(folder / "with.gnet")
    assert (gn.load(folder / "with.gnet").samples or {})["x"].tobytes() == X[:3].tobytes()
    net.samples = None
    net.save(folder / "without.gnet")
    assert gn.load(folder / "without.gnet").samples is None


def shows_what_is_allowed(net: gn.Network) -> None:
    bad = np.full_like(X, np.nan)
    with pytest.raises(gn.DataError, match="holds nan"):
        net.predict(bad)
    net.allow_nonfinite = True
    net.predict(bad)


SETTABLE: dict[str, tuple[Callable[..., None], object]] = {
    "step": (shows_the_step, -1), "epoch": (shows_the_epoch, 1.5), "rate_factor": (shows_the_rate_factor, "fast"),
    "seed": (shows_the_seed, -1), "samples": (shows_the_samples, np.ones((2, 5))),
    "allow_nonfinite": (shows_what_is_allowed, 1)}
"""What may be set on a network: what shows its effect, and a value that is refused."""


def test_every_attribute_of_a_network_takes_effect_or_is_refused(net: gn.Network) -> None:
    for name in public(net):
        if name in SETTABLE:
            with pytest.raises((gn.ArgumentError, gn.ShapeError)):
                setattr(net, name, SETTABLE[name][1])
            setattr(net, name, getattr(net, name))
        else:
            check_refused(net, name, 0.5)
    assert SETTABLE.keys() <= set(public(net))


@pytest.mark.parametrize("name", SETTABLE)
def test_what_may_be_set_takes_effect(name: str, net: gn.Network, tmp_path: Path) -> None:
    probe = SETTABLE[name][0]
    probe(net, *([tmp_path] if len(inspect.signature(probe).parameters) > 1 else []))


CHANGES: dict[str, Callable[[Any, str], object]] = {
    "set": lambda m, key: m.__setitem__(key, 0), "new": lambda m, key: m.__setitem__("new", 0),
    "del": lambda m, key: m.__delitem__(key), "|=": lambda m, key: m.__ior__({}), "pop": lambda m, key: m.pop(key),
    "update": lambda m, key: m.update({}), "setdefault": lambda m, key: m.setdefault("new", 0),
    "clear": lambda m, key: m.clear(), "popitem": lambda m, key: m.popitem()}


def check_mapping(mapping: Mapping[str, Any], hint: str) -> None:
    """Nobody can change it, nor what is in it; the error says what to do. A copy is one's own."""
    for change in CHANGES.values():
        with pytest.raises(gn.FrozenError, match=hint):
            change(mapping, next(iter(mapping), "none"))
    for value in mapping.values():
        assert not isinstance(value, list | set | bytearray)
        if isinstance(value, Mapping):
            check_mapping(value, hint)
        if isinstance(value, np.ndarray):
            with pytest.raises(ValueError, match="read-only"):
                value[...] = 0
    for own in (copy.copy(mapping), copy.deepcopy(mapping), mapping.copy(), dict(mapping), mapping | {}):
        assert type(own) is dict
        assert own.keys() == mapping.keys()


def mappings(item: object, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Those that a public attribute hands out, also as a field of what it is."""
    value = getattr(item, name)
    if isinstance(value, Mapping):
        yield name, value
    elif is_dataclass(value) and not isinstance(value, Graph | Guarded):
        for field in fields(value):
            yield from ((name, found) for _, found in mappings(value, field.name))


def test_every_mapping_that_a_network_hands_out_is_read_only(net: gn.Network) -> None:
    net.samples = X[:2]
    data = [name for name in public(net) if not callable(getattr(net, name, len))]
    found = [(name, mapping) for name in data for name, mapping in mappings(net, name)]
    hints = {"weights": r"net\.set_weights\(", "states": r"net\.set_states\(", "optimizer_state":
             r"net\.set_optimizer_state\(", "objective": r"gn\.compile\(", "samples": r"net\.save\("}
    assert {name for name, _ in found} == hints.keys()
    for name, mapping in found:
        check_mapping(mapping, hints[name])


@pytest.mark.parametrize(("name", "text"), [
    ("optimizer", "Network: optimizer cannot be set; its Programs are made for the one that it has: compile the model "
                  "again, gn.compile(model, …, optimizer=…), and carry the weights over with set_weights(net.weights); "
                  "for the learning rate alone set net.rate_factor, which multiplies the learning rate of every step"),
    ("learning_rate", "Network: learning_rate cannot be set: there is no such attribute; set net.rate_factor"),
    ("learnign_rate", "Network: learnign_rate cannot be set: there is no such attribute; of a network there may be set "
                      "samples, step, epoch, rate_factor, seed, allow_nonfinite; all else is said to gn.compile, "),
    ("trainable", "declare the layers that are not to be trained with trainable=False and compile the model again"),
    ("weights", "Network: weights cannot be set; call net.set_weights({name: array})"),
    ("states", "Network: states cannot be set; call net.set_states({name: array}), or net.reset_states()"),
    ("loss", "compile the model again, gn.compile(model, loss=…, metrics=[…])"),
])
def test_the_texts(name: str, text: str) -> None:
    with pytest.raises(gn.FrozenError, match=re.escape(text)):
        setattr(network(), name, gn.optimizers.SGD(0.1))


def test_an_optimizer_set_after_a_step_is_not_half_taken(tmp_path: Path) -> None:
    """The old rule went on at the new rate, and the file named the new one."""
    net, same = network(), network()
    for each in (net, same):
        each.train_on_batch(X, Y)
    with pytest.raises(gn.FrozenError):
        net.optimizer = gn.optimizers.SGD(0.5)  # type: ignore[misc]
    for each in (net, same):
        each.train_on_batch(X, Y)
    assert all((net.weights[name] == array).all() for name, array in same.weights.items())
    net.save(tmp_path / "net.gnet")
    assert gn.load(tmp_path / "net.gnet").optimizer == gn.optimizers.Adam(0.01)


def test_carrying_weights_over_as_the_text_says() -> None:
    net = network()
    net.train_on_batch(X, Y)
    other = gn.compile(model(), "softmax_cross_entropy", gn.optimizers.SGD(0.5), ["accuracy"])
    other.set_weights(net.weights)
    other.set_states(net.states)
    assert other.predict(X).tobytes() == net.predict(X).tobytes()


# Callbacks ---------------------------------------------------------------------------------------------------------

CALLBACKS = public_classes("callbacks")


@pytest.mark.parametrize("cls", CALLBACKS, ids=lambda cls: cls.__name__)
def test_an_argument_of_a_callback_counts_as_if_it_had_been_declared_so(cls: Any) -> None:
    figures = {"val_loss": "min", "val_accuracy": "max", "val_auc": None}


    def beginning(callback: Any) -> object:
        callback.check_figures(figures)
        return vars(callback)

    def changed(name: str, value: object) -> object:
        callback = cls(**needed(cls))
        setattr(callback, name, value)
        return beginning(callback)

    arguments = list(inspect.signature(cls).parameters)
    for name in arguments:
        for value in (*VALUES.values(), "val_accuracy", "max", "w.{epoch:02d}.gnet", "w.{epoch", "val_auc"):
            declared = outcome(lambda name=name, value=value: beginning(cls(**needed(cls) | {name: value})))
            assert outcome(lambda name=name, value=value: changed(name, value)) == declared
    callback = cls(**needed(cls))
    for name in set(public(callback)) - set(arguments):
        check_refused(callback, name, 0.5)


def test_the_sweep_finds_the_callbacks() -> None:
    assert {cls.__name__ for cls in CALLBACKS} >= {"EarlyStopping", "ModelCheckpoint", "ReduceOnPlateau"}


def test_what_is_set_on_a_callback_between_fits_counts_in_the_next() -> None:
    net, stopping = network(), gn.callbacks.EarlyStopping("loss", min_delta=9.0)
    assert len(net.fit(X, Y, epochs=5, callbacks=[stopping]).epochs) == 2
    stopping.patience = 3
    assert len(net.fit(X, Y, epochs=5, callbacks=[stopping]).epochs) == 4
    stopping.min_delta = 0.0
    stopping.patience = 5
    assert len(net.fit(X, Y, epochs=5, callbacks=[stopping]).epochs) == 5
    with pytest.raises(gn.FrozenError, match="EarlyStopping: best_epoch is a result, which fit sets; to be set there "
                                             "are monitor, mode, patience, min_delta, restore_best"):
        stopping.best_epoch = 3
    for one in (stopping, copy.copy(stopping), copy.deepcopy(stopping), pickle.loads(pickle.dumps(stopping))):
        with pytest.raises(gn.FrozenError, match="patiance cannot be set: there is no such attribute; to be set there"):
            one.patiance = 3


# Classes of users' own ---------------------------------------------------------------------------------------------

class Scaled(L.Layer):
    """A layer with public and private attributes of its own."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor, self.note, self._calls = factor, ["any", "thing"], 0

    def emit(self, b: Any, x: int) -> int:
        self._calls += 1
        return b.add(gn.custom.ops.Scale(self.factor), x)


def test_a_layer_of_a_user_s_own() -> None:
    layer, x = Scaled(2.0), gn.Input((3,))
    layer.factor = 3.0
    assert "factor=3.0" in str(gn.Model(x, layer(x)).graph)
    with pytest.raises(gn.FrozenError, match="Scaled: factor cannot be set any more; Scaled has been called"):
        layer.factor = 4.0
    layer._calls = 0


class Wide(L.Dense):
    """One that says an argument of the class that it derives from."""

    def __init__(self, **options: Any) -> None:
        super().__init__(4, **options)


class Plain(L.Dense):
    """One without an `__init__`."""


class Both(L.Bidirectional):
    """One around a layer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(L.GRU(2), **options)


SAID = {"name": "a", "trainable": False, "kernel_regularizer": "l2", "bias_regularizer": "l1",
        "activity_regularizer": "l2", "kernel_constraint": "non_negative", "bias_constraint": "max_norm",
        "learning_rate_multiplier": 0.5}


@pytest.mark.parametrize("make", [Wide, lambda **options: Plain(4, **options), Both], ids=["Wide", "Plain", "Both"])
@pytest.mark.parametrize("name", SAID)
def test_what_every_layer_takes_counts_for_those_of_users_too(make: Any, name: str) -> None:
    x, layer = gn.Input((5, 3)), make()
    setattr(layer, name, SAID[name])
    assert str(gn.Model(x, layer(x)).graph) == str(gn.Model(x, make(**{name: SAID[name]})(x)).graph)
    with pytest.raises(gn.ArgumentError, match=f"{type(layer).__name__}: {name} is "):
        setattr(make(), name, (1, 2))


def test_arguments_that_a_layer_of_a_user_s_inherits() -> None:
    x, layer = gn.Input((3,)), Plain(4)
    layer.units, layer.activation, layer.remark = 2, "relu", "of the user's own"
    assert str(gn.Model(x, layer(x)).graph) == str(gn.Model(x, Plain(2, "relu")(x)).graph)
    assert layer.remark == "of the user's own"


def test_an_attribute_that_a_layer_of_a_user_s_keeps_itself_stays_its_own() -> None:
    class Own(Scaled):
        def __init__(self, kernel_regularizer: Any = None) -> None:
            super().__init__(2.0)
            self.kernel_regularizer = kernel_regularizer

    layer = Own()
    layer.kernel_regularizer = "mine"
    assert (layer.kernel_regularizer, layer.rules.kernel_regularizer) == ("mine", None)


class Halved(gn.losses.MeanSquaredError):
    """A loss that is no dataclass of its own, as people write them."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def elements(self, b: Any, prediction: int, label: int) -> int:
        return b.add(gn.custom.ops.Scale(self.share), super().elements(b, prediction, label))


def test_a_loss_of_a_user_s_own_may_be_changed_until_it_is_compiled() -> None:
    x, loss = gn.Input((3,)), Halved(0.5)
    loss.share = 2.0
    net = gn.compile(gn.Model(x, L.Dense(2)(x)), loss, "sgd")
    usual = gn.compile(gn.Model(x, L.Dense(2)(x)), "mse", "sgd")
    assert net.evaluate(X, X[:, :2])["loss"] == pytest.approx(2 * usual.evaluate(X, X[:, :2])["loss"])
    with pytest.raises(gn.FrozenError, match="Halved: share cannot be set any more; a loss stays as it was declared"):
        loss.share = 0.5
    assert copy.deepcopy(loss).share == 2.0


class Diary(gn.Callback):
    """A callback that sets what it likes, when it likes."""

    def on_epoch_end(self, network: gn.Network, epoch: int, logs: dict[str, Any]) -> None:
        self.last = epoch
        network.rate_factor = 0.5


class Patient(gn.callbacks.EarlyStopping):
    """One that changes what a callback of graphnet has."""

    def on_epoch_end(self, network: gn.Network, epoch: int, logs: dict[str, Any]) -> bool:
        self.seen = epoch
        self.best_epoch = 7
        self.patience += 1
        return super().on_epoch_end(network, epoch, logs)


def test_callbacks_of_a_user_s_own_set_what_they_like() -> None:
    net, diary, patient = network(), Diary(), Patient("loss")
    net.fit(X, Y, epochs=2, callbacks=[diary, patient])
    assert (diary.last, patient.seen, patient.patience, net.rate_factor) == (2, 2, 2, 0.5)


class Net(gn.Model):
    """A model with an attribute of its own."""

    def __init__(self) -> None:
        x = gn.Input((3,))
        self.head = L.Dense(2)
        super().__init__(x, self.head(x))
        self.remark = "set after the graph"


def test_a_model_of_a_user_s_own_may_be_changed_until_it_is_compiled() -> None:
    item = Net()
    gn.compile(item)
    for name in ("remark", "head", "trainable"):
        check_refused(item, name, 1)
