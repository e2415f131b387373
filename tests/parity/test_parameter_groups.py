"""Layers that learn at rates of their own, frozen layers and L2 against PyTorch's parameter groups, for 20 steps."""

import numpy as np
import pytest

import graphnet as gn
from graphnet import optimizers as opt

pytestmark = pytest.mark.parity

L = gn.layers
STEPS = 20
DTYPES = pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
CASES = {
    "momentum": (opt.Momentum(0.05), "SGD", {"lr": 0.05, "momentum": 0.9}),
    "adam": (opt.Adam(0.01), "Adam", {"lr": 0.01}), "adamw": (opt.AdamW(0.01), "AdamW", {"lr": 0.01}),
    "amsgrad": (opt.AMSGrad(0.01), "Adam", {"lr": 0.01, "amsgrad": True}),
    "nadam": (opt.NAdam(0.01), "NAdam", {"lr": 0.01}), "rmsprop": (opt.RMSProp(0.005), "RMSprop", {"lr": 0.005}),
    "adagrad": (opt.Adagrad(0.05), "Adagrad", {"lr": 0.05}), "adadelta": (opt.Adadelta(), "Adadelta", {"lr": 1.0}),
}


@pytest.fixture(autouse=True)
def _scalars_in_the_dtype_of_the_weights(request):
    """PyTorch keeps the numbers of an optimizer, such as NAdam's product of momenta, in its default dtype."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, request.node.callspec.params["dtype"]))
    yield
    torch.set_default_dtype(before)


def check_steps(layers, optimizer, groups, dtype, tolerance):
    """Trains our layers, which are called a, b and c, and torch's leaves in these groups; all weights must agree.

    Args:
        layers: three Dense layers of 5, 4 and 3 units.
        optimizer: ours.
        groups: makes torch's optimizer of the leaves by name.
        dtype: of everything.
        tolerance: absolute and relative.
    """
    import torch

    x = gn.Input((4,), name="x", dtype=dtype)
    h = x
    for layer in layers:
        h = layer(h)
    net = gn.compile(gn.Model(x, h), loss="mse", optimizer=optimizer, seed=3, dtype=dtype)
    leaves = {key: torch.from_numpy(w.copy()).requires_grad_() for key, w in net.weights.items()}
    twin, rng = groups(leaves), np.random.default_rng(0)
    for _ in range(STEPS):
        batch, target = rng.standard_normal((6, 4)).astype(dtype), rng.standard_normal((6, 3)).astype(dtype)
        net.train_on_batch(batch, target)
        made = torch.from_numpy(batch)
        for name in "abc":
            made = made @ leaves[f"{name}/weight"] + leaves[f"{name}/bias"]
        twin.zero_grad()
        torch.nn.functional.mse_loss(made, torch.from_numpy(target)).backward()
        twin.step()
    for key, leaf in leaves.items():
        np.testing.assert_allclose(net.weights[key], leaf.detach().numpy(), tolerance, tolerance, err_msg=key)


def of(leaves, name):
    return [leaf for key, leaf in leaves.items() if key.startswith(f"{name}/")]


@DTYPES
@pytest.mark.parametrize(("optimizer", "name", "options"), CASES.values(), ids=CASES)
def test_rates_of_their_own_and_a_frozen_layer(optimizer, name, options, dtype, tolerance):
    import torch

    layers = [L.Dense(5, learning_rate_multiplier=0.3, name="a"), L.Dense(4, trainable=False, name="b"),
              L.Dense(3, learning_rate_multiplier=2.0, name="c")]

    def groups(leaves):
        slow, fast = ({"params": of(leaves, layer), "lr": factor * options["lr"]} for layer, factor in (("a", 0.3),
                                                                                                       ("c", 2.0)))
        return getattr(torch.optim, name)([slow, fast], **options)
    check_steps(layers, optimizer, groups, dtype, tolerance)


@DTYPES
def test_l2_of_half_a_weight_decay_is_that_weight_decay(dtype, tolerance):
    """Of kernels alone; the biases are in a group without it."""
    import torch

    layers = [L.Dense(units, kernel_regularizer=gn.regularizers.L2(0.05), name=name)
              for units, name in ((5, "a"), (4, "b"), (3, "c"))]

    def groups(leaves):
        kernels, biases = ([leaf for key, leaf in leaves.items() if key.endswith(end)] for end in ("weight", "bias"))
        return torch.optim.SGD([{"params": kernels, "weight_decay": 0.1}, {"params": biases}], lr=0.05, momentum=0.9)
    check_steps(layers, opt.Momentum(0.05), groups, dtype, tolerance)


@DTYPES
@pytest.mark.parametrize(("optimizer", "name"), [(opt.AdamW(0.01, weight_decay=0.3, decay_vectors=False), "AdamW")])
def test_decay_that_leaves_vectors_alone(optimizer, name, dtype, tolerance):
    import torch

    layers = [L.Dense(units, name=layer) for units, layer in ((5, "a"), (4, "b"), (3, "c"))]

    def groups(leaves):
        kernels, biases = ([leaf for key, leaf in leaves.items() if key.endswith(end)] for end in ("weight", "bias"))
        return torch.optim.AdamW([{"params": kernels, "weight_decay": 0.3}, {"params": biases, "weight_decay": 0.0}],
                                 lr=0.01)
    check_steps(layers, optimizer, groups, dtype, tolerance)
