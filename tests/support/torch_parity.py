"""Compares a small model with the same thing written in torch: results, and gradients of all weights and inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

import graphnet as gn

Tensor = torch.Tensor
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
DTYPES = tuple(TOLERANCE)


def check_parity(declare: Callable[..., gn.SymbolicTensor], twin: Callable[..., Tensor],
                 shapes: Sequence[tuple[int, ...]], dtype: str, seed: int = 0, spread: float = 1.0) -> None:
    """Checks a model of inputs of these shapes (a sample).

    Args:
        declare: makes the output of the symbolic inputs.
        twin: makes it of the torch inputs, which come one by one, and a dict of the weights by their last name.
        shapes: one for each input.
        dtype: "float32" or "float64"; says the tolerance, relative to the largest element.
        seed: of the numbers.
        spread: their standard deviation.
    """
    rng = np.random.default_rng(seed)
    tensors = [gn.Input(shape, name=f"x{i}", dtype=dtype) for i, shape in enumerate(shapes)]
    net = gn.compile(gn.Model(tensors, declare(*tensors)), loss="mse", seed=seed, dtype=dtype)
    feeds = {t.maker.name: rng.normal(0, spread, (3, *shape)).astype(dtype)  # type: ignore[union-attr]
             for t, shape in zip(tensors, shapes, strict=True)}
    net.set_weights({name: rng.uniform(-1, 1, w.shape).astype(dtype) for name, w in net.weights.items()})
    leaves = {name: torch.from_numpy(np.array(a)).requires_grad_() for name, a in {**feeds, **net.weights}.items()}
    weights = {name.rpartition("/")[2]: leaf for name, leaf in leaves.items() if name not in feeds}
    made = twin(*(leaves[name] for name in feeds), weights)
    _check_close("the result", net.predict(feeds), made.detach().numpy(), dtype)
    target = rng.standard_normal(made.shape).astype(dtype)
    loss, gradients = net.loss_and_gradients(feeds, target, inputs=True)
    expected = torch.nn.functional.mse_loss(made, torch.from_numpy(target))
    expected.backward()
    _check_close("the loss", loss, expected.item(), dtype)
    assert gradients.keys() == leaves.keys()
    for name, leaf in leaves.items():
        _check_close(f"the gradient of {name}", gradients[name],
                     np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy(), dtype)


def _check_close(what: str, found: Any, expected: Any, dtype: str) -> None:
    assert np.shape(found) == np.shape(expected), f"{what} is {np.shape(found)} instead of {np.shape(expected)}"
    scale = max(np.abs(expected).max(initial=0), 1e-3)
    error = np.abs(np.asarray(found, np.float64) - expected).max(initial=0)
    assert error <= TOLERANCE[dtype] * scale, f"{what} is off by {error:.3g}, of {scale:.3g}"
