"""Normalisation against PyTorch: outputs, gradients of inputs and weights, running statistics, evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphnet as gn

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity
L = gn.layers

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
BATCH = 6
NO_STEP = 1e-300  # a learning rate that leaves the weights as they are


class Pair:
    """A layer of ours between input and squared error, and torch's module with the same weights."""

    def __init__(self, layer: L.Layer, module: Any, shape: tuple[int, ...], dtype: str) -> None:
        x = gn.Input(shape, name="x")
        self.net = gn.compile(gn.Model(x, layer(x)), loss="mse", optimizer=gn.optimizers.SGD(NO_STEP), dtype=dtype)
        self.module, self.dtype = module.to(getattr(torch, dtype)), dtype
        self.prefix = next(iter(self.net.weights), "/").split("/")[0]
        rng = np.random.default_rng(1)
        self.net.set_weights({name: rng.uniform(0.5, 2, value.shape) for name, value in self.net.weights.items()})
        with torch.no_grad():
            for ours, theirs in (("gamma", module.weight), ("beta", module.bias)):
                if theirs is not None:
                    theirs.copy_(torch.from_numpy(self.net.weights[f"{self.prefix}/{ours}"].copy()))

    def check_gradients(self, x: np.ndarray, y: np.ndarray) -> None:
        """Loss and all gradients, in training."""
        loss, found = self.net.loss_and_gradients(x, y, inputs=True)
        leaf = torch.from_numpy(x.copy()).requires_grad_()
        expected = torch.nn.functional.mse_loss(self.module.train()(leaf), torch.from_numpy(y))
        self.module.zero_grad()
        expected.backward()
        assert loss == pytest.approx(expected.item(), rel=TOLERANCE[self.dtype])
        self.assert_close(found["x"], leaf.grad)
        for name, theirs in (("gamma", self.module.weight), ("beta", self.module.bias)):
            assert (theirs is None) == (f"{self.prefix}/{name}" not in found)
            if theirs is not None:
                self.assert_close(found[f"{self.prefix}/{name}"], theirs.grad)

    def check_evaluation(self, x: np.ndarray) -> None:
        """The output outside training."""
        with torch.no_grad():
            self.assert_close(self.net.predict(x), self.module.eval()(torch.from_numpy(x)))

    def assert_close(self, found: np.ndarray, expected: Any) -> None:
        wanted = expected.detach().numpy()
        assert np.abs(found - wanted).max() <= TOLERANCE[self.dtype] * np.abs(wanted).max()


def arrays(shape: tuple[int, ...], dtype: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(1, 2, (BATCH, *shape)).astype(dtype), rng.normal(0, 1, (BATCH, *shape)).astype(dtype)


BATCH_NORMS: dict[str, tuple[Callable[[], L.Layer], Callable[[], Any], tuple[int, ...]]] = {
    "rows": (lambda: L.BatchNorm(), lambda: torch.nn.BatchNorm1d(5), (5,)),
    "sequences": (lambda: L.BatchNorm(axis=1), lambda: torch.nn.BatchNorm1d(5), (5, 7)),
    "images": (lambda: L.BatchNorm(), lambda: torch.nn.BatchNorm2d(5), (5, 4, 3)),
    "momentum and epsilon": (lambda: L.BatchNorm(momentum=0.7, epsilon=0.1),
                             lambda: torch.nn.BatchNorm2d(5, momentum=0.3, eps=0.1), (5, 4, 3)),
    "neither scale nor center": (lambda: L.BatchNorm(scale=False, center=False),
                                 lambda: torch.nn.BatchNorm2d(5, affine=False), (5, 4, 3)),
}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", BATCH_NORMS)
class TestBatchNorm:
    def test_training(self, case, dtype):
        layer, module, shape = BATCH_NORMS[case]
        Pair(layer(), module(), shape, dtype).check_gradients(*arrays(shape, dtype))

    def test_running_statistics_and_evaluation(self, case, dtype):
        layer, module, shape = BATCH_NORMS[case]
        pair = Pair(layer(), module(), shape, dtype)
        for seed in range(4):
            x, y = arrays(shape, dtype, seed)
            pair.net.train_on_batch(x, y)
            pair.module.train()(torch.from_numpy(x))
        states = {name.split("/")[1]: value for name, value in pair.net.states.items()}
        pair.assert_close(states["moving_mean"], pair.module.running_mean)
        pair.assert_close(states["moving_variance"], pair.module.running_var)
        pair.check_evaluation(x)


OTHERS: dict[str, tuple[Callable[[], L.Layer], Callable[[], Any], tuple[int, ...]]] = {
    "layer norm of rows": (lambda: L.LayerNorm(), lambda: torch.nn.LayerNorm(5), (5,)),
    "layer norm of sequences": (lambda: L.LayerNorm(), lambda: torch.nn.LayerNorm(5), (4, 5)),
    "layer norm over two axes": (lambda: L.LayerNorm((-2, -1)), lambda: torch.nn.LayerNorm((4, 5)), (3, 4, 5)),
    "layer norm of images": (lambda: L.LayerNorm((1, 2, 3), 0.1), lambda: torch.nn.LayerNorm((3, 4, 5), 0.1),
                             (3, 4, 5)),
    "layer norm without center": (lambda: L.LayerNorm(center=False), lambda: torch.nn.LayerNorm(5, bias=False), (5,)),
    "group norm": (lambda: L.GroupNorm(2), lambda: torch.nn.GroupNorm(2, 6), (6, 4, 3)),
    "group norm of rows": (lambda: L.GroupNorm(2), lambda: torch.nn.GroupNorm(2, 10), (10,)),
    "one group": (lambda: L.GroupNorm(1, 0.1), lambda: torch.nn.GroupNorm(1, 6, 0.1), (6, 4)),
    "a group a channel": (lambda: L.GroupNorm(6), lambda: torch.nn.GroupNorm(6, 6), (6, 4, 3)),
    "group norm without weights": (lambda: L.GroupNorm(2, scale=False, center=False),
                                   lambda: torch.nn.GroupNorm(2, 6, affine=False), (6, 4, 3)),
}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", OTHERS)
def test_layer_and_group_norm(case, dtype):
    layer, module, shape = OTHERS[case]
    pair = Pair(layer(), module(), shape, dtype)
    x, y = arrays(shape, dtype)
    pair.check_gradients(x, y)
    pair.check_evaluation(x)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_instance_norm_is_group_norm_with_a_group_a_channel(dtype):
    x, _ = arrays((6, 4, 3), dtype)
    pair = Pair(L.GroupNorm(6, scale=False, center=False), torch.nn.InstanceNorm2d(6), (6, 4, 3), dtype)
    pair.check_evaluation(x)
