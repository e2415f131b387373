"""Normalisation, block by block of channels, so that each block is read from memory once."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import BatchNorm, BatchNormGrad, DotAxis, Normalize, NormalizeGrad
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import Array, TensorType
from graphnet.runtime.kernels.channels import block_size, blocks, dot, split_at, split_shape, total
from graphnet.runtime.kernels.registry import Call, Run, bind_reference, kernel, like


@kernel(DotAxis)
def dot_axis(call: Call) -> Run:
    """Σ a b over all axes but one."""
    (y,), views = call.outputs, split_at(call.op.axis, *call.inputs)
    if views is None:
        return bind_reference(call)
    a, b = views
    return lambda: dot(a, b, y)


def _inverse_root(x: Array, epsilon: Array, out: Array) -> None:
    np.add(x, epsilon, out)
    np.sqrt(out, out)
    np.reciprocal(out, out)


def _two_vectors(op: BatchNorm, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    """The variance and the scale of each channel."""
    return inputs[1].type, inputs[1].type


@kernel(BatchNorm, workspace=_two_vectors)
def batch_norm(call: Call) -> Run:
    """Normalises each block by itself; then moves the running statistics."""
    x, gamma, beta, mean, variance = call.inputs
    y, next_mean, next_variance, mu, inverse = call.outputs
    sigma2, scale = call.workspace
    views = split_at(call.op.axis, x, y)
    if views is None:
        return bind_reference(call)
    count, (source, target) = x.size // max(len(mu), 1), views
    steps = [_normalize_block(call.op, source[:, cut], target[:, cut],
                              *(v[cut] for v in (gamma, beta, mu, sigma2, inverse, scale)))
             for cut in blocks(source.shape, x.itemsize)]

    def run() -> None:
        for step in steps:
            step()
        moved = call.op.advance(mean, variance, mu, sigma2, count)
        np.copyto(next_mean, moved[0])
        np.copyto(next_variance, moved[1])
    return run


def _normalize_block(op: BatchNorm, x: Array, y: Array, gamma: Array, beta: Array, mu: Array, sigma2: Array,
                     inverse: Array, scale: Array) -> Run:
    """Mean, centred values, their variance, and y from those."""
    share, epsilon = x.dtype.type(len(mu) / max(x.size, 1)), x.dtype.type(op.epsilon)
    centre, factor, shift = (_spread(v) for v in (mu, scale, beta))

    def run() -> None:
        total(x, mu)
        np.multiply(mu, share, mu)
        np.subtract(x, centre, y)
        dot(y, y, sigma2)
        np.multiply(sigma2, share, sigma2)
        _inverse_root(sigma2, epsilon, inverse)
        np.multiply(gamma, inverse, scale)
        np.multiply(y, factor, y)
        np.add(y, shift, y)
    return run


def _grad_workspace(op: BatchNormGrad, inputs: tuple[Operand, ...],
                    outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    """A block of centred values, and three factors for each channel."""
    x, vector = inputs[1], inputs[2].type
    shape = split_shape(op.axis, x.shape, x.strides)
    return TensorType(x.dtype, (block_size(shape, np.dtype(x.dtype).itemsize),)), vector, vector, vector


@kernel(BatchNormGrad, workspace=_grad_workspace)
def batch_norm_grad(call: Call) -> Run:
    """Block by block; the result may lie over the gradient or the input."""
    (g, x, *vectors), (dx, *sums), (flat, *factors) = call.inputs, call.outputs, call.workspace
    views = split_at(call.op.axis, g, x, dx)
    if views is None:
        return bind_reference(call)
    grad, source, target = views
    steps = [_grad_block(grad[:, cut], source[:, cut], target[:, cut], flat,
                         *(v[cut] for v in (*vectors, *sums, *factors)))
             for cut in blocks(source.shape, x.itemsize)]

    def run() -> None:
        for step in steps:
            step()
    return run


def _grad_block(g: Array, x: Array, dx: Array, flat: Array, gamma: Array, mu: Array, inverse: Array, d_gamma: Array,
                d_beta: Array, by_g: Array, by_x: Array, constant: Array) -> Run:
    """dx = p g + q (x - μ) + c with p = γ r, q = -p r dγ / n and c = -p dβ / n, for each channel."""
    centred = flat[:x.size].reshape(x.shape)
    share = x.dtype.type(-len(mu) / max(x.size, 1))
    centre, p, q, c = (_spread(v) for v in (mu, by_g, by_x, constant))

    def run() -> None:
        total(g, d_beta)
        np.subtract(x, centre, centred)
        dot(g, centred, d_gamma)
        np.multiply(d_gamma, inverse, d_gamma)
        np.multiply(gamma, inverse, by_g)
        np.multiply(by_g, d_beta, constant)
        np.multiply(constant, share, constant)
        np.multiply(by_g, inverse, by_x)
        np.multiply(by_x, d_gamma, by_x)
        np.multiply(by_x, share, by_x)
        np.multiply(centred, q, centred)
        np.multiply(g, p, dx)
        np.add(dx, centred, dx)
        np.add(dx, c, dx)
    return run


def _spread(vector: Array) -> Array:
    """A vector of channels as (1, channels, 1)."""
    return vector[None, :, None]


def _means(op: Normalize, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    """A mean for each normalised row."""
    return (outputs[1].type,)


@kernel(Normalize, workspace=_means)
def normalize(call: Call) -> Run:
    """(x - mean) / √(variance + ε) over the last axis."""
    (x,), (y, inverse) = call.inputs, call.outputs
    share = x.dtype.type(1 / max(x.shape[-1], 1))
    mean = like(inverse, call.workspace[0])
    epsilon = x.dtype.type(call.op.epsilon)

    def run() -> None:
        np.add.reduce(x, -1, out=mean)
        np.multiply(mean, share, mean)
        np.subtract(x, mean[..., None], y)
        np.einsum("...d,...d->...", y, y, out=inverse)
        np.multiply(inverse, share, inverse)
        _inverse_root(inverse, epsilon, inverse)
        np.multiply(y, inverse[..., None], y)
    return run


def _grad_means(op: NormalizeGrad, inputs: tuple[Operand, ...],
                outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    """Two means for each row, and a copy of y."""
    return inputs[2].type, inputs[2].type, inputs[1].type


@kernel(NormalizeGrad, workspace=_grad_means)
def normalize_grad(call: Call) -> Run:
    """r (g - mean g - y mean(g y)) over the last axis."""
    (g, y, inverse), (dx,) = call.inputs, call.outputs
    share = g.dtype.type(1 / max(g.shape[-1], 1))
    mean, slope, along = (like(model, flat) for model, flat in zip((inverse, inverse, y), call.workspace, strict=True))

    def run() -> None:
        np.add.reduce(g, -1, out=mean)
        np.multiply(mean, share, mean)
        np.einsum("...d,...d->...", g, y, out=slope)
        np.multiply(slope, share, slope)
        np.multiply(y, slope[..., None], along)
        np.subtract(g, mean[..., None], dx)
        np.subtract(dx, along, dx)
        np.multiply(dx, inverse[..., None], dx)
    return run
