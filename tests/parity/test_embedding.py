"""Embeddings and sequences of labels against torch."""

import numpy as np
import pytest

import graphnet as gn

pytestmark = pytest.mark.parity

L = gn.layers


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
@pytest.mark.parametrize(("rows", "places"), [(6, (5, 9)), (50, (5, 9)), (6, (40,))])
def test_rows_and_their_gradient(rows, places, dtype, tolerance):
    import torch
    from torch.nn import functional as F

    numbers = gn.Input(places[1:], dtype="int64", name="i")
    net = gn.compile(gn.Model(numbers, L.Embedding(rows, 4, name="e")(numbers)), loss="mse", dtype=dtype)
    rng = np.random.default_rng(0)
    fed, target = rng.integers(0, rows, places), rng.standard_normal((*places, 4)).astype(dtype)
    table = torch.from_numpy(np.array(net.weights["e/weight"])).requires_grad_()
    made = F.embedding(torch.from_numpy(fed), table)
    np.testing.assert_array_equal(net.predict(fed), made.detach().numpy())
    F.mse_loss(made, torch.from_numpy(target)).backward()
    _, gradients = net.loss_and_gradients(fed, target)
    np.testing.assert_allclose(gradients["e/weight"], table.grad.numpy(), 0, tolerance * 0.1)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
def test_a_tagger_of_words(dtype, tolerance):
    """Embedding, a recurrent layer, the same Dense at each step, a label for each step."""
    import torch
    from torch.nn import functional as F

    words = gn.Input((None,), dtype="int64", name="words")
    h = L.GRU(5, return_sequences=True, name="r")(L.Embedding(11, 4, name="e")(words))
    net = gn.compile(gn.Model(words, L.Dense(3, name="d")(h)), loss="softmax_cross_entropy", metrics=["accuracy"],
                     dtype=dtype)
    rng = np.random.default_rng(0)
    fed, labels = rng.integers(0, 11, (6, 8)), rng.integers(0, 3, (6, 8))
    w = {name: torch.from_numpy(np.array(a)).requires_grad_() for name, a in net.weights.items()}
    zeros = torch.zeros(10, dtype=w["r/bias"].dtype)
    gru = torch.nn.GRU(4, 5, batch_first=True).to(zeros.dtype)
    states, _ = torch.func.functional_call(gru, {
        "weight_ih_l0": w["r/weight"].T, "weight_hh_l0": w["r/recurrent_weight"].T, "bias_ih_l0": w["r/bias"],
        "bias_hh_l0": torch.cat([zeros, w["r/recurrent_bias"]])}, (F.embedding(torch.from_numpy(fed), w["e/weight"]),))
    logits = states @ w["d/weight"] + w["d/bias"]
    expected = F.cross_entropy(logits.reshape(-1, 3), torch.from_numpy(labels.reshape(-1)))
    expected.backward()
    loss, gradients = net.loss_and_gradients(fed, labels)
    assert loss == pytest.approx(expected.item(), rel=tolerance)
    for name, leaf in w.items():
        np.testing.assert_allclose(gradients[name], leaf.grad.numpy(), 0, tolerance * 0.1, err_msg=name)
    scores = net.evaluate(fed, labels)
    assert scores["accuracy"] == pytest.approx((logits.argmax(-1).numpy() == labels).mean())
    assert scores["loss"] == pytest.approx(expected.item(), rel=tolerance)
