import numpy as np
import pytest

import graphnet as gn

L = gn.layers


def test_y_is_x_w_plus_b(run, weights) -> None:
    x = gn.Input((4,), dtype="float64")
    model = gn.Model(x, L.Dense(3, bias_initializer="ones")(x))
    rows = np.arange(8.0).reshape(2, 4)
    expected = rows @ weights(model)["dense/weight"] + 1
    np.testing.assert_allclose(run(model, {"input": rows})["dense"], expected, rtol=1e-14)


def test_weights_are_in_by_out() -> None:
    x = gn.Input((4,))
    graph = gn.Model(x, L.Dense(3)(x)).graph
    assert [(p.name, graph.types[p.value].shape) for p in graph.parameters] == [
        ("dense/weight", (4, 3)), ("dense/bias", (3,))]


def test_without_bias() -> None:
    x = gn.Input((4,))
    assert [p.name for p in gn.Model(x, L.Dense(3, use_bias=False)(x)).graph.parameters] == ["dense/weight"]


def test_each_step_of_a_sequence_gets_the_same_weights(run, weights) -> None:
    x = gn.Input((None, 4), dtype="float64")
    model = gn.Model(x, L.Dense(3, activation="tanh")(x))
    steps = np.arange(40.0).reshape(2, 5, 4) / 40
    expected = np.tanh(steps @ weights(model)["dense/weight"])
    np.testing.assert_allclose(run(model, {"input": steps})["dense"], expected, rtol=1e-14)


def test_images_are_refused() -> None:
    with pytest.raises(gn.ShapeError, match=r"takes rows \(N, features\), got \(N, 1, 4, 4\): 4 dims instead of 2"):
        L.Dense(3)(gn.Input((1, 4, 4)))


def test_a_label_for_each_step() -> None:
    x = gn.Input((None, 4))
    net = gn.compile(gn.Model(x, L.Dense(3)(x)), loss="softmax_cross_entropy", metrics=["accuracy"], optimizer="sgd")
    rng = np.random.default_rng(0)
    steps, labels = rng.standard_normal((6, 5, 4)).astype(np.float32), rng.integers(0, 3, (6, 5))
    logits = net.predict(steps)
    picked = np.take_along_axis(logits, labels[..., None], -1)[..., 0]
    scores = net.evaluate(steps, labels, batch_size=4)
    np.testing.assert_allclose(scores["loss"], (np.log(np.exp(logits).sum(-1)) - picked).mean(), 1e-5)
    assert scores["accuracy"] == (logits.argmax(-1) == labels).mean()
    net.fit(steps, labels, batch_size=4)
    with pytest.raises(gn.ShapeError, match=r"labels int64 \(N, 5\) or float32 \(N, 5, 3\), got int64 \(6, 4, 1\)"):
        net.evaluate(steps, labels[:, :4, None])


def test_labels_of_another_length_are_refused() -> None:
    x = gn.Input((None, 4))
    net = gn.compile(gn.Model(x, L.Dense(3)(x)), loss="softmax_cross_entropy")
    steps, labels = np.zeros((6, 5, 4), np.float32), np.zeros((6, 4), int)
    with pytest.raises(gn.ShapeError, match=r"labels int64 \(N, 5\) or float32 \(N, 5, 3\), got int64 \(6, 4\)"):
        net.evaluate(steps, labels)
