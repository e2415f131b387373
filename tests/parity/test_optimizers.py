"""Twenty steps of every optimizer that PyTorch has, against torch.optim; and clipped gradients."""

import numpy as np
import pytest
from optimizer_cases import OPTIMIZER_CASES

import graphnet as gn
from graphnet import optimizers as opt

pytestmark = pytest.mark.parity

STEPS = 20
CASES = {name: (case.optimizer, *case.twin) for name, case in OPTIMIZER_CASES.items() if isinstance(case.twin, tuple)}


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
