"""What commands that feed a network need to know about its inputs and outputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphnet.compiler.errors import ArgumentError
from graphnet.losses import SoftmaxCrossEntropy
from graphnet.network.network import Network


def sample_shape(network: Network, command: str) -> tuple[int, ...]:
    """The shape of one sample.

    Raises:
        ArgumentError: the network has several inputs or outputs, or an input with free dims.
    """
    graph = network.graph
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ArgumentError(command, "FILE.gnet", graph.name, "it takes networks with one input and one output; this "
                            f"has {len(graph.inputs)} and {len(graph.outputs)}. Use gn.load in Python")
    shape = graph.types[graph.inputs[0].value].shape[1:]
    if not all(isinstance(dim, int) for dim in shape):
        raise ArgumentError(command, "FILE.gnet", graph.name,
                            f"its input has dims without a size, {shape}. Use gn.load in Python")
    return tuple(int(dim) for dim in shape)


def probabilities(network: Network, outputs: NDArray[np.floating]) -> NDArray[np.float64] | None:
    """The probability of each class, (samples, classes); None if the outputs are no classes.

    Networks trained with SoftmaxCrossEntropy give logits; others give probabilities if their rows are such.
    """
    values = outputs.astype(np.float64)
    if values.ndim != 2 or values.shape[1] < 2:
        return None
    losses = [] if network.objective is None else list(network.objective.losses.values())
    if any(isinstance(loss, SoftmaxCrossEntropy) for loss in losses):
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        return shares
    sound = np.all(values >= 0) and np.allclose(values.sum(axis=1), 1, rtol=0, atol=1e-4)
    return values if sound else None
