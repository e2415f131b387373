import numpy as np
import pytest

import graphnet as gn
from graphnet.data import cut_streams, encode_text
from graphnet.models import char_rnn, mlp
from graphnet.runs.text_sampling import draw_class, write_text

LINE = "abcde\n"


@pytest.fixture(scope="module")
def writer() -> gn.Network:
    """A small model that knows one line by heart."""
    net = gn.compile(char_rnn.model(cell="simple", units=24), "softmax_cross_entropy", gn.optimizers.Adam(0.02))
    numbers = encode_text(LINE * 300)
    net.fit(cut_streams(numbers[:-1], 4, 12), cut_streams(numbers[1:], 4, 12), batch_size=4, epochs=6,
            callbacks=[gn.callbacks.ResetStates()])
    return net


def test_it_writes_what_it_has_learnt(writer: gn.Network) -> None:
    assert write_text(writer, 15, temperature=0) == "abcde\nabcde\nabc"
    assert write_text(writer, 7, prompt="\nabc", temperature=0) == "de\nabcd"


def test_the_seed_settles_the_text(writer: gn.Network) -> None:
    texts = [write_text(writer, 60, temperature=3.0, seed=seed) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_what_the_network_carries_stays_as_it_is(writer: gn.Network) -> None:
    before = writer.states
    assert before["reader/hidden"].shape == (4, 24)
    write_text(writer, 5)
    for name, array in before.items():
        np.testing.assert_array_equal(writer.states[name], array)
    writer.predict(np.zeros((4, 3), np.int64), batch_size=4)


def test_writing_is_predicting_step_by_step(writer: gn.Network) -> None:
    """The text that was written gets, read at once, the logits that it was written from."""
    text = write_text(writer, 20, temperature=0)
    with writer._runner.states_set_aside():
        logits = writer.predict(encode_text("\n" + text)[None])
    assert isinstance(logits, np.ndarray)
    np.testing.assert_array_equal(logits[0, :-1].argmax(-1), encode_text(text))


def test_classes_are_drawn_with_their_probabilities() -> None:
    logits, stream = np.array([0.0, 1.0, 2.0]), np.random.default_rng(0)
    for temperature in (0.5, 1.0, 2.0):
        drawn = np.bincount([draw_class(logits, temperature, stream) for _ in range(20_000)], minlength=3) / 20_000
        powers = np.exp(logits / temperature)
        np.testing.assert_allclose(drawn, powers / powers.sum(), atol=0.012)  # over 3 standard deviations


def test_extreme_temperatures() -> None:
    logits, stream = np.array([1.0, 3.0, 3.0, 2.0], np.float32), np.random.default_rng(0)
    assert draw_class(logits, 0, stream) == 1
    assert {draw_class(logits, 5e-324, stream) for _ in range(50)} == {1, 2}
    assert {draw_class(logits, 1e300, stream) for _ in range(200)} == {0, 1, 2, 3}


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nothing_is_drawn_from_what_is_not_finite(bad: float, temperature: float) -> None:
    with pytest.raises(gn.DataError, match="the model's outputs are not finite, so nothing can be drawn from them"):
        draw_class(np.array([0.0, bad]), temperature, np.random.default_rng(0))


@pytest.mark.parametrize(("arguments", "message"), [
    ({"length": 0}, "write_text: length is 0, but it must be a whole number ≥ 1"),
    ({"length": 3, "temperature": -1}, "write_text: temperature is -1, but it must be a finite number ≥ 0"),
    ({"length": 3, "seed": -1}, "write_text: seed is -1, but it must be a whole number ≥ 0"),
    ({"length": 3, "prompt": ""}, "write_text: prompt is '', but the model must have read at least one character"),
])
def test_bad_arguments_are_refused(writer: gn.Network, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(gn.ArgumentError, match=message):
        write_text(writer, **arguments)  # type: ignore[arg-type]


def test_other_networks_are_refused() -> None:
    with pytest.raises(gn.GraphError, match=r"'mlp' makes float32 \(N, 10\) of float32 \(N, 1, 28, 28\), but to write"):
        write_text(gn.compile(mlp.model()), 3)
    text = gn.Input((None,), dtype="int64", name="text")
    h = gn.layers.GRU(4, return_sequences=True)(gn.layers.Embedding(256, 3)(text))
    with pytest.raises(gn.GraphError, match=r"'forgetful' forgets what it has read after each call.*stateful=True"):
        write_text(gn.compile(gn.Model(text, gn.layers.Dense(256)(h), name="forgetful")), 3)


def test_states_are_reset_with_each_epoch() -> None:
    """With states that begin anew, two epochs without learning have the same loss; without, they do not."""
    x, y = np.arange(48).reshape(8, 6), np.arange(1, 49).reshape(8, 6)
    losses = []
    for callbacks in ([gn.callbacks.ResetStates()], []):
        net = gn.compile(char_rnn.model(units=8), "softmax_cross_entropy", gn.optimizers.SGD(1e-30))
        losses.append(net.fit(x, y, batch_size=4, epochs=2, callbacks=callbacks).history["loss"])
    assert losses[0][0] == losses[0][1] == losses[1][0] != losses[1][1]
