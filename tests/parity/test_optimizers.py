"""Twenty steps of every optimizer that PyTorch has, against torch.optim; and clipped gradients."""

import numpy as np
import pytest

import graphnet as gn
from graphnet import optimizers as opt

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
    "nesterov by name": (opt.Nesterov(0.05, 0.7), "SGD", {"lr": 0.05, "momentum": 0.7, "nesterov": True}),
    "amsgrad": (opt.AMSGrad(0.05, beta2=0.5), "Adam", {"lr": 0.05, "betas": (0.9, 0.5), "amsgrad": True}),
    "adamw": (opt.AdamW(0.01), "AdamW", {"lr": 0.01}),
    "adamw with much decay": (opt.AdamW(0.05, weight_decay=0.5), "AdamW", {"lr": 0.05, "weight_decay": 0.5}),
    "nadam": (opt.NAdam(0.01), "NAdam", {"lr": 0.01}),
    "nadam with its own constants": (opt.NAdam(0.02, 0.7, 0.95, 1e-3, 0.05), "NAdam",
                                     {"lr": 0.02, "betas": (0.7, 0.95), "eps": 1e-3, "momentum_decay": 0.05}),
    "rmsprop": (opt.RMSProp(0.005), "RMSprop", {"lr": 0.005}),
    "rmsprop with momentum": (opt.RMSProp(0.005, rho=0.9, momentum=0.5), "RMSprop",
                              {"lr": 0.005, "alpha": 0.9, "momentum": 0.5}),
    "rmsprop centered": (opt.RMSProp(0.005, rho=0.9, centered=True, epsilon=1e-3), "RMSprop",
                         {"lr": 0.005, "alpha": 0.9, "centered": True, "eps": 1e-3}),
    "rmsprop centered with momentum": (opt.RMSProp(0.005, 0.95, 0.8, True, 1e-3), "RMSprop",
                                       {"lr": 0.005, "alpha": 0.95, "momentum": 0.8, "centered": True, "eps": 1e-3}),
    "adagrad": (opt.Adagrad(0.05), "Adagrad", {"lr": 0.05}),
    "adagrad with its own constants": (opt.Adagrad(0.05, epsilon=0.1), "Adagrad", {"lr": 0.05, "eps": 0.1}),
    "adadelta": (opt.Adadelta(), "Adadelta", {"lr": 1.0}),
    "adadelta with its own constants": (opt.Adadelta(0.5, 0.7, 1e-3), "Adadelta",
                                        {"lr": 0.5, "rho": 0.7, "eps": 1e-3}),
}


@pytest.fixture(autouse=True)
def _scalars_in_the_dtype_of_the_weights(request):
    """PyTorch keeps the numbers of an optimizer, such as NAdam's product of momenta, in its default dtype."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, request.node.callspec.params["dtype"]))
    yield
    torch.set_default_dtype(before)


DTYPES = pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])


@DTYPES
@pytest.mark.parametrize(("optimizer", "name", "options"), CASES.values(), ids=CASES)
def test_twenty_steps(optimizer, name, options, dtype, tolerance):
    check_steps(optimizer, name, options, dtype, tolerance)


def clip(limit):
    """What `clip` of the optimizers of the same name does, on torch's weights."""
    import torch

    return {"clip_value": lambda leaves: torch.nn.utils.clip_grad_value_(leaves, limit),
            "clip_norm": lambda leaves: [torch.nn.utils.clip_grad_norm_(leaf, limit) for leaf in leaves],
            "global_clip_norm": lambda leaves: torch.nn.utils.clip_grad_norm_(leaves, limit)}


@DTYPES
@pytest.mark.parametrize("how", ["clip_value", "clip_norm", "global_clip_norm"])
def test_clipped_gradients(how, dtype, tolerance):
    optimizer, options = opt.Momentum(0.05, **{how: 0.2}), {"lr": 0.05, "momentum": 0.9}
    check_steps(optimizer, "SGD", options, dtype, tolerance, clip(0.2)[how])


def check_steps(optimizer, name, options, dtype, tolerance, before=None):
    """Trains both for twenty steps; `before` changes torch's gradients before each."""
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
        if before is not None:
            before(list(leaves.values()))
        twin.step()
        assert loss == pytest.approx(expected.item(), rel=tolerance)
    for key, leaf in leaves.items():
        np.testing.assert_allclose(net.weights[key], leaf.detach().numpy(), tolerance, tolerance, err_msg=key)
