import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet import GnetFormatError, Network
from graphnet.engine import variables
from graphnet.models import lenet
from graphnet.network.loading import network_of
from graphnet.optimizers import SGD, Adam, Momentum
from graphnet.runtime.gnet import Contents, Tensor, dumps, load_gnet
from graphnet.saving.saving import contents_of
from graphnet.schedules import Constant, OneCycle, WarmUp
from graphnet.training.fingerprints import file_sha256

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(7)
X = RNG.random((70, 1, 8, 8), dtype=np.float32)
Y = RNG.integers(0, 3, 70)


def small_model() -> gn.Model:
    image = gn.Input((1, 8, 8), name="image")
    h = gn.layers.MaxPool2D(2)(gn.layers.Conv2D(4, 3, activation="relu", name="conv")(image))
    return gn.Model(image, gn.layers.Dense(3, name="logits")(gn.layers.Flatten()(h)), name="small")


def compiled(optimizer: Any = None, **options: Any) -> Network:
    return gn.compile(small_model(), loss="softmax_cross_entropy", optimizer=optimizer or Adam(3e-3),
                      metrics=["accuracy"], **({"seed": 5} | options))


def same(left: Network, right: Network) -> bool:
    """Whether two networks agree in every bit that training changes."""
    pairs = [(left.weights, right.weights), (left.states, right.states)]
    moments = left.optimizer_state, right.optimizer_state
    pairs += [(moments[0][m], moments[1][m]) for m in moments[0]]
    return (moments[0].keys() == moments[1].keys()
            and (left.step, left.epoch, left.rate_factor) == (right.step, right.epoch, right.rate_factor)
            and all(a.keys() == b.keys() and all(a[k].tobytes() == b[k].tobytes() for k in a) for a, b in pairs))


@pytest.mark.parametrize("options", [{}, {"dtype": "float64"}, {"optimize": False}], ids=str)
def test_a_loaded_network_predicts_bit_for_bit_the_same(tmp_path: Path, options: dict[str, Any]) -> None:
    net = compiled(**options)
    net.fit(X, Y, batch_size=16, epochs=2)
    net.save(tmp_path / "a.gnet")
    again = gn.load(tmp_path / "a.gnet")
    assert again.predict(X).tobytes() == net.predict(X).tobytes()
    assert again.predict(X).dtype == options.get("dtype", "float32")
    assert again.optimize == options.get("optimize", True)
    assert again.evaluate(X, Y) == net.evaluate(X, Y)
    assert same(net, again)


@pytest.mark.parametrize("optimizer", [
    Adam(3e-3), Adam(OneCycle(5e-3, steps=20)), Momentum(0.05), SGD(0.1), Momentum(WarmUp(Constant(0.1), steps=7), 0.5),
], ids=lambda o: type(o).__name__)
def test_training_goes_on_as_if_it_had_never_been_saved(tmp_path: Path, optimizer: gn.optimizers.Optimizer) -> None:
    """70 samples in batches of 16: the last batch of each epoch is smaller, and shuffling goes on too."""
    whole = compiled(optimizer)
    whole.fit(X, Y, batch_size=16, epochs=4)
    half = compiled(optimizer)
    half.fit(X, Y, batch_size=16, epochs=2)
    half.train_on_batch(X[:5], Y[:5])
    half.save(tmp_path / "half.gnet")
    rest = gn.load(tmp_path / "half.gnet")
    for net in (half, rest):
        history = net.fit(X, Y, batch_size=16, epochs=2)
        assert history.epochs == [3, 4]
    assert same(half, rest)
    assert not same(half, whole)  # it did one step more

    cut = compiled(optimizer)
    cut.fit(X, Y, batch_size=16, epochs=2)
    cut.save(tmp_path / "cut.gnet")
    cut = gn.load(tmp_path / "cut.gnet")
    cut.fit(X, Y, batch_size=16, epochs=2)
    assert same(whole, cut)


def test_saving_what_was_loaded_gives_the_same_bytes(tmp_path: Path) -> None:
    net = compiled()
    net.fit(X, Y, epochs=1)
    net.save(tmp_path / "a.gnet")
    gn.load(tmp_path / "a.gnet", expect_sha256=file_sha256(tmp_path / "a.gnet")).save(tmp_path / "b.gnet")
    assert (tmp_path / "a.gnet").read_bytes() == (tmp_path / "b.gnet").read_bytes()


def test_the_reduced_rate_is_kept(tmp_path: Path) -> None:
    net = compiled()
    net.rate_factor = 0.25
    net.save(tmp_path / "a.gnet")
    assert gn.load(tmp_path / "a.gnet").rate_factor == 0.25


def test_a_network_for_prediction_only(tmp_path: Path) -> None:
    net = gn.compile(small_model())
    net.save(tmp_path / "a.gnet")
    again = gn.load(tmp_path / "a.gnet")
    assert again.predict(X).tobytes() == net.predict(X).tobytes()
    with pytest.raises(gn.GraphError, match="compiled for prediction only"):
        again.evaluate(X, Y)


def test_several_outputs_keep_their_losses_weights_and_metrics(tmp_path: Path) -> None:
    x = gn.Input((6,), name="x")
    h = gn.layers.Dense(5, activation="tanh")(x)
    model = gn.Model(x, {"class": gn.layers.Dense(3)(h), "size": gn.layers.Dense(1)(h)})
    net = gn.compile(model, loss={"size": "mse", "class": "softmax_cross_entropy"}, optimizer="adam",
                     metrics={"class": ["accuracy"]}, loss_weights={"size": 0.25})
    data = RNG.random((9, 6), dtype=np.float32)
    labels = {"class": RNG.integers(0, 3, 9), "size": RNG.random((9, 1), dtype=np.float32)}
    net.fit(data, labels, epochs=1)
    net.save(tmp_path / "a.gnet")
    again = gn.load(tmp_path / "a.gnet")
    assert again.evaluate(data, labels) == net.evaluate(data, labels)
    for both in (net, again):
        both.fit(data, labels, epochs=1)
    assert same(net, again)


def test_frozen_layers_stay_frozen_and_have_no_moments(tmp_path: Path) -> None:
    x = gn.Input((6,), name="x")
    h = gn.layers.Dense(5, name="still", trainable=False)(x)
    net = gn.compile(gn.Model(x, gn.layers.Dense(3, name="learns")(h)), loss="mse", optimizer="adam")
    data = RNG.random((4, 6), dtype=np.float32), RNG.random((4, 3), dtype=np.float32)
    net.fit(*data, epochs=1)
    net.save(tmp_path / "a.gnet")
    again = gn.load(tmp_path / "a.gnet")
    assert set(again.optimizer_state["first_moment"]) == {"learns/weight", "learns/bias"}
    again.fit(*data, epochs=1)
    assert again.weights["still/weight"].tobytes() == net.weights["still/weight"].tobytes()


def test_two_processes_make_the_same_file_from_the_same_seed(tmp_path: Path) -> None:
    script = """
import sys
import numpy as np
import graphnet as gn
from graphnet.models import lenet
images = np.random.default_rng(1).random((160, 1, 28, 28), dtype=np.float32)
net = gn.compile(lenet.model(), loss="softmax_cross_entropy", optimizer="adam", seed=3)
net.fit(images, np.arange(160) % 10, batch_size=64, epochs=2)
net.save(sys.argv[1])
"""
    for n in range(2):
        subprocess.run([sys.executable, "-c", script, str(tmp_path / f"{n}.gnet")], check=True)
    assert (tmp_path / "0.gnet").read_bytes() == (tmp_path / "1.gnet").read_bytes()


def test_training_twice_gives_the_same_bits_and_another_seed_other_ones() -> None:
    nets = [gn.compile(lenet.model(), loss="softmax_cross_entropy", optimizer="adam", seed=seed) for seed in (1, 1, 2)]
    images = RNG.random((96, 1, 28, 28), dtype=np.float32)
    for net in nets:
        net.fit(images, np.arange(96) % 10, batch_size=40, epochs=2)
    assert same(nets[0], nets[1])
    assert not same(nets[0], nets[2])


def test_weights_and_moments_are_read_into_their_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = compiled()
    net.fit(X, Y, epochs=1)
    net.save(tmp_path / "a.gnet")
    copied: list[str] = []
    monkeypatch.setattr(variables, "_replace", lambda what, views, values: copied.extend(values))
    again = gn.load(tmp_path / "a.gnet")
    assert copied == list(net.states)
    monkeypatch.undo()
    again.set_states(net.states)
    assert same(net, again)


def test_the_producer_is_noted(tmp_path: Path) -> None:
    from graphnet.common.version import version

    compiled().save(tmp_path / "a.gnet")
    assert load_gnet(tmp_path / "a.gnet").meta == {"producer": f"graphnet {version()}"}


# What is refused -----------------------------------------------------------------------------------------------

def changed(change: Callable[[dict[str, Any]], None]) -> bytes:
    """A sound file but for a change of its training set-up."""
    contents = contents_of(compiled())
    train = dict(contents.train)
    change(train)
    return dumps(Contents(contents.graph, contents.tensors, train, contents.meta))


def set_key(key: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda train: train.__setitem__(key, value)


def set_part(key: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda train: train["objective"][0].__setitem__(key, value)


@pytest.mark.parametrize(("change", "text"), [
    (lambda train: train.pop("seed"), "train: the key 'seed' is missing"),
    (set_key("pace", 1), "train.pace: the key 'pace' is not known here"),
    (set_key("seed", -1), "train.seed: it must be of type int, finite and not negative, got -1"),
    (set_key("step", 2**64 - 1), f"train.step: it must be at most {2**62}, got {2**64 - 1}"),
    (set_key("epoch", 2**63), f"train.epoch: it must be at most {2**62}, got {2**63}"),
    (set_key("step", True), "train.step: it must be of type int, finite and not negative, got True"),
    (set_key("epoch", 1.0), "train.epoch: it must be of type int, finite and not negative, got 1.0"),
    (set_key("rate_factor", float("nan")), "train.rate_factor: it must be of type float, finite and not negative"),
    (set_key("optimize", 1), "train.optimize: it must be of type bool"),
    (set_key("optimizer", {"class": "os.system", "arguments": {}}),
     "train.optimizer: an Optimizer: class is 'os.system', but it must be one of Adam, "),
    (set_key("optimizer", Adam().config() | {"arguments": {"learning_rate": -1.0}}),
     "train.optimizer: Adam: learning_rate is -1.0, but it must be a finite number > 0"),
    (set_key("optimizer", Momentum().config()), "the optimizer has none like it"),
    (set_key("optimizer", None), "tensors: 'conv/bias:first_moment' does not fit: the optimizer has none like it"),
    (set_key("objective", {}), "train.objective: it must be an array, not {}"),
    (set_key("objective", []), "train.objective: it has no losses; without any it must be nil"),
    (set_part("output", "other"), "train.objective[0].output: 'other' is not an output of the graph"),
    (set_part("output", ["logits"]), "train.objective[0].output: ['logits'] is not an output of the graph"),
    (set_part("weight", -1.0), "train.objective[0].weight: it must be of type float, finite and not negative"),
    (set_part("loss", "mse"), "train.objective[0].loss: a Loss such as MeanSquaredError(): config is 'mse'"),
    (set_part("metrics", None), "train.objective[0].metrics: it must be an array, not None"),
    (set_part("metrics", [{"class": "Guess", "arguments": {}}]),
     "train.objective[0].metrics: a Metric: class is 'Guess', but it must be one of Accuracy"),
    (lambda train: train["objective"].append(train["objective"][0]),
     "train.objective[1].output: 'logits' is not an output of the graph, or has two losses"),
])
def test_a_bad_training_set_up_is_refused_by_field(change: Callable[[dict[str, Any]], None], text: str) -> None:
    with pytest.raises(GnetFormatError) as caught:
        gn.load(changed(change))
    assert text in f"{caught.value.field}: {caught.value.reason}"
    assert caught.value.offset is not None
    assert caught.value.source == "bytes"


def test_moments_must_be_there_and_of_the_right_dtype() -> None:
    contents = contents_of(compiled())
    tensors = dict(contents.tensors)
    del tensors["logits/bias:second_moment"]
    with pytest.raises(GnetFormatError, match="'logits/bias:second_moment' does not fit: the optimizer needs it"):
        network_of(Contents(contents.graph, tensors, contents.train))
    tensors["logits/bias:second_moment"] = Tensor("logits/bias:second_moment", "optimizer", np.zeros(3))
    with pytest.raises(GnetFormatError, match="is float64, but the optimizer keeps float32"):
        network_of(Contents(contents.graph, tensors, contents.train))


def test_the_file_is_named_and_its_digest_held_against_it(tmp_path: Path) -> None:
    (tmp_path / "bad.gnet").write_bytes(changed(set_key("seed", "x")))
    with pytest.raises(GnetFormatError, match=r"bad\.gnet: train\.seed at byte [0-9]+: it must be of type int"):
        gn.load(tmp_path / "bad.gnet")
    compiled().save(tmp_path / "a.gnet")
    digest = file_sha256(tmp_path / "a.gnet")
    compiled(seed=6).save(tmp_path / "a.gnet")
    with pytest.raises(GnetFormatError, match=digest):
        gn.load(tmp_path / "a.gnet", expect_sha256=digest)


def test_set_optimizer_state_refuses_what_does_not_fit_and_changes_nothing() -> None:
    net = compiled()
    net.train_on_batch(X[:4], Y[:4])
    before = net.optimizer_state
    with pytest.raises(gn.DataError, match="the model has no moment 'speed of conv/bias'; it has first_moment of conv"):
        net.set_optimizer_state({"first_moment": {"conv/bias": np.ones(4)}, "speed": {"conv/bias": np.ones(4)}})
    with pytest.raises(gn.ShapeError, match="moment 'first_moment of conv/bias' is float32"):
        net.set_optimizer_state({"first_moment": {"conv/bias": np.ones(5)}})
    after = net.optimizer_state
    assert all(before[m][k].tobytes() == after[m][k].tobytes() for m in before for k in before[m])


def test_a_file_can_be_read_from_bytes_and_from_file_objects(tmp_path: Path) -> None:
    net = compiled()
    net.save(tmp_path / "a.gnet")
    data = (tmp_path / "a.gnet").read_bytes()
    assert same(gn.load(data), net)
    assert same(gn.load(io.BytesIO(data)), net)
    with (tmp_path / "a.gnet").open("rb") as file:
        assert same(gn.load(file), net)


def test_one_tensor_is_read_without_the_rest(tmp_path: Path) -> None:
    net = compiled()
    net.save(tmp_path / "a.gnet")
    data = bytearray((tmp_path / "a.gnet").read_bytes())
    with gn.open(tmp_path / "a.gnet") as file:
        assert set(net.weights) <= set(file)
        assert file["conv/weight"].tobytes() == net.weights["conv/weight"].tobytes()
        assert not file["conv/weight"].flags.writeable
        assert file.train["step"] == 0
    data[-1] ^= 1  # in the last moment
    (tmp_path / "a.gnet").write_bytes(data)
    with gn.open(tmp_path / "a.gnet") as file:
        assert file["conv/weight"].tobytes() == net.weights["conv/weight"].tobytes()
        with pytest.raises(GnetFormatError, match="the CRC-32 of its bytes is another one"):
            file["logits/bias:second_moment"]
    with pytest.raises(GnetFormatError, match="CRC-32"):
        gn.load(tmp_path / "a.gnet")
