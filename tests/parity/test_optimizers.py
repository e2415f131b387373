"""Twenty steps of every optimizer of the field's basic set against torch.optim."""

import numpy as np
import pytest

import graphnet as gn

pytestmark = pytest.mark.parity

STEPS = 20
CASES = {
    "sgd": (gn.optimizers.SGD(0.1), "SGD", {"lr": 0.1}),
    "sgd with momentum": (gn.optimizers.SGD(0.1, momentum=0.5), "SGD", {"lr": 0.1, "momentum": 0.5}),
    "momentum": (gn.optimizers.Momentum(0.05), "SGD", {"lr": 0.05, "momentum": 0.9}),
    "nesterov": (gn.optimizers.Momentum(0.05, momentum=0.8, nesterov=True), "SGD",
                 {"lr": 0.05, "momentum": 0.8, "nesterov": True}),
    "adam": (gn.optimizers.Adam(0.01), "Adam", {"lr": 0.01}),
    "adam with its own constants": (gn.optimizers.Adam(0.02, beta1=0.7, beta2=0.95, epsilon=1e-3), "Adam",
                                    {"lr": 0.02, "betas": (0.7, 0.95), "eps": 1e-3}),
}


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
@pytest.mark.parametrize(("optimizer", "name", "options"), CASES.values(), ids=CASES)
def test_twenty_steps(optimizer, name, options, dtype, tolerance):
    import torch

    x = gn.Input((4,), name="x", dtype=dtype)
    h = gn.layers.Dense(5, activation="tanh", name="hidden")(x)
    model = gn.Model(x, gn.layers.Dense(3, name="out")(h))
    net = gn.compile(model, loss="mse", optimizer=optimizer, seed=3, dtype=dtype)
    leaves = {key: torch.from_numpy(w.copy()).requires_grad_() for key, w in net.weights.items()}
    twin = getattr(torch.optim, name)(leaves.values(), **options)
    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        batch, target = rng.standard_normal((6, 4)).astype(dtype), rng.standard_normal((6, 3)).astype(dtype)
        loss = net.train_on_batch(batch, target)["loss"]
        twin.zero_grad()
        hidden = torch.tanh(torch.from_numpy(batch) @ leaves["hidden/weight"] + leaves["hidden/bias"])
        made = hidden @ leaves["out/weight"] + leaves["out/bias"]
        expected = torch.nn.functional.mse_loss(made, torch.from_numpy(target))
        expected.backward()
        twin.step()
        assert loss == pytest.approx(expected.item(), rel=tolerance)
    for key, leaf in leaves.items():
        np.testing.assert_allclose(net.weights[key], leaf.detach().numpy(), tolerance, tolerance, err_msg=key)
