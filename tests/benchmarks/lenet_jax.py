"""LeNet in JAX, for the benchmark: a jitted training step with Adam, and a jitted prediction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

FILTERS = ((6, 1, 5, 5), (16, 6, 5, 5))
WEIGHTS = ((400, 120), (120, 84), (84, 10))
RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8


def jax_step(mode: str, batch: int) -> Callable[[], object]:
    """A step on random digits."""
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    weights = [jnp.asarray(rng.standard_normal(shape, np.float32) * 0.1) for shape in (*FILTERS, *WEIGHTS)]
    biases = [jnp.zeros(shape[0] if len(shape) == 4 else shape[1], jnp.float32) for shape in (*FILTERS, *WEIGHTS)]
    x = jnp.asarray(rng.standard_normal((batch, 1, 28, 28), np.float32))
    y = jnp.asarray(rng.integers(0, 10, batch))
    if mode == "predict":
        predict = jax.jit(_forward)
        return lambda: predict((weights, biases), x).block_until_ready()
    update = jax.jit(_train)
    zeros = jax.tree.map(jnp.zeros_like, (weights, biases))
    state: list[Any] = [(weights, biases), zeros, zeros, jnp.float32(1)]

    def step() -> None:
        state[:] = update(*state, x, y)
        jax.block_until_ready(state)
    return step


def _forward(parameters: Any, x: Any) -> Any:
    import jax
    from jax import lax

    weights, biases = parameters
    for w, b, padding in zip(weights[:2], biases[:2], ("SAME", "VALID"), strict=True):
        x = jax.nn.relu(lax.conv_general_dilated(x, w, (1, 1), padding) + b[:, None, None])
        x = lax.reduce_window(x, -np.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    x = x.reshape(len(x), -1)
    for w, b in zip(weights[2:4], biases[2:4], strict=True):
        x = jax.nn.relu(x @ w + b)
    return x @ weights[4] + biases[4]


def _train(parameters: Any, first: Any, second: Any, step: Any, x: Any, y: Any) -> Any:
    import jax
    import jax.numpy as jnp

    def loss(p: Any) -> Any:
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(_forward(p, x)), y[:, None], 1))

    def descend(p: Any, m: Any, v: Any) -> Any:
        return p - RATE * m / (1 - BETA1**step) / (jnp.sqrt(v / (1 - BETA2**step)) + EPSILON)

    grads = jax.grad(loss)(parameters)
    first = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, first, grads)
    second = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, second, grads)
    return jax.tree.map(descend, parameters, first, second), first, second, step + 1
