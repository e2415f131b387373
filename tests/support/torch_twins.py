"""PyTorch's answer to a random model: each kind of layer written with torch alone, by the layers' documentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from random_graphs import CROSS_ENTROPY, Recipe

from graphnet.compiler.types import Array

Tensor = torch.Tensor
Weights = Mapping[str, Tensor]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "softmax": lambda x: torch.softmax(x, -1),
}


def losses_and_gradients(recipe: Recipe, weights: Mapping[str, Array], x: Mapping[str, Array],
                         y: Mapping[str, Array]) -> tuple[float, dict[str, Array]]:
    """The total loss, and its gradients for all weights and inputs, by name; in the dtype of the weights."""
    dtype = torch.from_numpy(next(iter(weights.values())).copy()).dtype if weights else torch.float64
    leaves = {name: torch.from_numpy(np.array(a)).to(dtype).requires_grad_() for name, a in {**weights, **x}.items()}
    loss = total_loss(recipe, run(recipe, leaves), y)
    loss.backward()
    return loss.item(), {name: np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()
                         for name, leaf in leaves.items()}


def run(recipe: Recipe, leaves: Weights) -> dict[str, Tensor]:
    """Every tensor of the model, by name of the input or step."""
    made = {name: leaves[name] for name in recipe.inputs}
    for step in recipe.steps:
        prefix = f"{step.owner}/"
        weights = {name.removeprefix(prefix): leaf for name, leaf in leaves.items() if name.startswith(prefix)}
        made[step.name] = TWINS[step.kind](weights, *(made[name] for name in step.inputs), **step.args)
    return made


def total_loss(recipe: Recipe, made: Mapping[str, Tensor], y: Mapping[str, Array]) -> Tensor:
    """The sum of the losses of all outputs."""
    terms = []
    for name, loss in recipe.losses.items():
        label = torch.from_numpy(np.array(y[name]))
        terms.append(F.cross_entropy(made[name], label) if loss == CROSS_ENTROPY
                     else F.mse_loss(made[name], label.to(made[name].dtype)))
    return torch.stack(terms).sum()


def conv(weights: Weights, x: Tensor, *, padding: Any = "valid", strides: Any = 1, dilation: Any = 1, groups: int = 1,
         activation: str | None = None, **_: Any) -> Tensor:
    """Lets torch itself do "same" where it can, so that the rule is checked against it."""
    w, strides, dilation = weights["weight"], _pair(strides), _pair(dilation)
    if padding == "same" and strides == (1, 1):
        y = F.conv2d(x, w, weights.get("bias"), padding="same", dilation=dilation, groups=groups)
    else:
        x = pad(x, padding, w.shape[2:], strides, dilation, 0.0)
        y = F.conv2d(x, w, weights.get("bias"), strides, 0, dilation, groups)
    return activate(y, activation)


def max_pool(weights: Weights, x: Tensor, *, pool_size: Any, strides: Any = None, padding: Any = "valid") -> Tensor:
    """Padding that never wins is minus infinity."""
    strides = pool_size if strides is None else strides
    return F.max_pool2d(pad(x, padding, pool_size, strides, (1, 1), -float("inf")), pool_size, strides)


def pad(x: Tensor, padding: Any, kernel: Any, strides: Any, dilation: Any, value: float) -> Tensor:
    """The image with its padding; "same" such that there are ceil(size / stride) places, the odd one at the end."""
    if padding == "valid":
        return x
    if padding == "same":
        padding = []
        for size, k, s, d in zip(x.shape[2:], kernel, strides, dilation, strict=True):
            places = (size + s - 1) // s
            missing = max((places - 1) * s + (k - 1) * d + 1 - size, 0)
            padding.append((missing // 2, missing - missing // 2))
    (top, bottom), (left, right) = padding
    return F.pad(x, (left, right, top, bottom), value=value)


def dense(weights: Weights, x: Tensor, *, activation: str | None = None, **_: Any) -> Tensor:
    """torch keeps the weight the other way round."""
    return activate(F.linear(x, weights["weight"].T, weights.get("bias")), activation)


def activate(x: Tensor, activation: str | None) -> Tensor:
    """The activation of a layer."""
    return x if activation is None else ACTIVATIONS[activation](x)


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


TWINS: dict[str, Callable[..., Tensor]] = {
    "conv": conv,
    "max_pool": max_pool,
    "dense": dense,
    "flatten": lambda weights, x: torch.flatten(x, 1),
    "reshape": lambda weights, x, target_shape: x.reshape(len(x), *target_shape),
    "relu": lambda weights, x: torch.relu(x),
    "sigmoid": lambda weights, x: torch.sigmoid(x),
    "tanh": lambda weights, x: torch.tanh(x),
    "softmax": lambda weights, x, axis=-1: torch.softmax(x, axis),
    "add": lambda weights, *xs: reduce(torch.add, xs),
    "subtract": lambda weights, a, b: a - b,
    "multiply": lambda weights, *xs: reduce(torch.mul, xs),
    "concatenate": lambda weights, *xs, axis=1: torch.cat(xs, axis),
}
