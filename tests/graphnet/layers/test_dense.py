import numpy as np

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
