"""Recurrent layers: SimpleRNN, LSTM, GRU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

import numpy as np

from graphnet.common.checks import check_choice, check_flag
from graphnet.compiler import ops
from graphnet.compiler.ops.recurrent import Recurrent
from graphnet.compiler.ops.recurrent_simple import ACTIVATIONS
from graphnet.compiler.types import Array, TensorType
from graphnet.declare.emitter import Emitter
from graphnet.declare.layer import Layer
from graphnet.declare.options import WeightOptions
from graphnet.initializers import Fans, Initializer
from graphnet.layers.recurrent import RecurrentLayer

__all__ = ["GRU", "LSTM", "SimpleRNN"]


class SimpleRNN(RecurrentLayer):
    """h_t = f(x_t W + h_{t-1} U + b), f tanh or ReLU (Elman 1990).

    Shapes: x (N, T, features); weight W (features, units), recurrent_weight U (units, units), bias b (units,). The
    result is the last h (N, units), or all h (N, T, units) with `return_sequences`; with `return_state` the last h is
    a second result.

    Keras / PyTorch: `layers.SimpleRNN` / `nn.RNN`, which stores Wᵀ and Uᵀ, has two biases, of which b is the sum,
    starts all from U(±1/√units), has the batch second unless `batch_first=True`, and returns all steps and the last
    state. Its `num_layers` are layers one behind the other here. Keras gives the results of `go_backwards` in the order
    in which they were computed; here each stands at the place of its input. Its other activations and its dropouts are
    missing, and masks are `lengths`.

    Args:
        units: number of hidden units.
        activation: f, "tanh" or "relu".
        return_sequences: whether the result has all steps.
        return_state: whether the states after the last step are results too.
        go_backwards: whether the last step is read first.
        stateful: whether each call begins with the states that the one before it left, with no gradient across calls.
            Predicting, evaluating and training all carry them on, as in Keras; `net.reset_states()` puts zeros there.
        truncate: no gradient leaves a step whose number it divides for the steps before (truncated back-propagation
            through time); None for no limit. Steps count from the first that a sequence reads, so padding moves no cut.
        use_bias: whether there is a b.
        kernel_initializer: fills W.
        recurrent_initializer: fills U.
        bias_initializer: fills b.
        name: unique in a model.
        trainable: False freezes all weights.
        options: regularizers, constraints and a learning-rate multiplier; see `WeightOptions`.

    Example:
        >>> x = gn.Input((3, 1))
        >>> layer = gn.layers.SimpleRNN(1, "relu", return_sequences=True,
        ...     kernel_initializer="ones", recurrent_initializer="ones")
        >>> net = gn.compile(gn.Model(x, layer(x)))  # h_t = x_t + h_{t-1}
        >>> net.predict([[[1], [2], [3]]]).tolist()
        [[[1.0], [3.0], [6.0]]]
    """

    def __init__(self, units: int, activation: str = "tanh", return_sequences: bool = False, return_state: bool = False,
                 go_backwards: bool = False, stateful: bool = False, truncate: int | None = None, use_bias: bool = True,
                 kernel_initializer: str | Initializer = "glorot_uniform",
                 recurrent_initializer: str | Initializer = "orthogonal",
                 bias_initializer: str | Initializer = "zeros", *, name: str | None = None,
                 trainable: bool = True, **options: Unpack[WeightOptions]) -> None:
        super().__init__(units, return_sequences=return_sequences, return_state=return_state, go_backwards=go_backwards,
                         stateful=stateful, truncate=truncate, use_bias=use_bias, kernel_initializer=kernel_initializer,
                         recurrent_initializer=recurrent_initializer, bias_initializer=bias_initializer, name=name,
                         trainable=trainable, **options)
        self.activation: str = check_choice(self.kind, "activation", activation, ACTIVATIONS)

    def op(self, reverse: bool, truncate: int) -> Recurrent:
        """The op of one direction."""
        return ops.SimpleRnn(reverse, truncate, self.return_sequences, activation=self.activation)


class LSTM(RecurrentLayer):
    """c_t = f ∘ c_{t-1} + i ∘ g, h_t = o ∘ tanh(c_t) with i, f, o = σ(z_i), σ(z_f), σ(z_o), g = tanh(z_g).

    [z_i, z_f, z_g, z_o] = x_t W + h_{t-1} U + b. Hochreiter and Schmidhuber 1997, with the forget gate f of Gers,
    Schmidhuber and Cummins 2000.

    Shapes: x (N, T, features); weight W (features, 4 units), recurrent_weight U (units, 4 units), bias b (4 units,),
    the gates in the order i, f, g, o. The result is the last h (N, units), or all h (N, T, units) with
    `return_sequences`; with `return_state` the last h and the last c follow. `initial_state` is [h, c].

    Keras / PyTorch: `layers.LSTM` / `nn.LSTM`, both with the gates in this order. Keras has the same shapes; its other
    activations and its dropouts are missing, and masks are `lengths`. PyTorch stores Wᵀ and Uᵀ, has two biases, of
    which b is the sum, starts all from U(±1/√units), the forget gate's too, has the batch second unless
    `batch_first=True`, and returns all steps and the last states.

    Args:
        units: number of hidden units.
        return_sequences, return_state, go_backwards, stateful, truncate, use_bias: see SimpleRNN.
        kernel_initializer: fills W.
        recurrent_initializer: fills U, as one matrix (units, 4 units).
        bias_initializer: fills b.
        unit_forget_bias: whether the part of b for f begins as 1 (Jozefowicz, Zaremba and Sutskever 2015).
        name: unique in a model.
        trainable: False freezes all weights.
        options: regularizers, constraints and a learning-rate multiplier; see `WeightOptions`.

    Example:
        >>> x = gn.Input((5, 8))
        >>> every, hidden, cell = gn.layers.LSTM(
        ...     2, return_sequences=True, return_state=True, name="lstm")(x)
        >>> every.shape, hidden.shape, cell.shape
        (('N', 5, 2), ('N', 2), ('N', 2))
        >>> gn.compile(gn.Model(x, every)).weights["lstm/bias"].tolist()
        [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    """

    cell_states = ("hidden", "cell")
    gates = 4

    def __init__(self, units: int, return_sequences: bool = False, return_state: bool = False,
                 go_backwards: bool = False, stateful: bool = False, truncate: int | None = None, use_bias: bool = True,
                 kernel_initializer: str | Initializer = "glorot_uniform",
                 recurrent_initializer: str | Initializer = "orthogonal",
                 bias_initializer: str | Initializer = "zeros", unit_forget_bias: bool = True, *,
                 name: str | None = None, trainable: bool = True, **options: Unpack[WeightOptions]) -> None:
        super().__init__(units, return_sequences=return_sequences, return_state=return_state, go_backwards=go_backwards,
                         stateful=stateful, truncate=truncate, use_bias=use_bias, kernel_initializer=kernel_initializer,
                         recurrent_initializer=recurrent_initializer, bias_initializer=bias_initializer, name=name,
                         trainable=trainable, **options)
        self.unit_forget_bias = check_flag(self.kind, "unit_forget_bias", unit_forget_bias)

    def op(self, reverse: bool, truncate: int) -> Recurrent:
        """The op of one direction."""
        return ops.Lstm(reverse, truncate, self.return_sequences)

    def bias(self, b: Emitter, owner: Layer, name: str, t: TensorType, initializer: Initializer) -> int:
        """The id of the bias, whose forget part begins as 1 if wanted."""
        return super().bias(b, owner, name, t, UnitForget(initializer) if self.unit_forget_bias else initializer)


class GRU(RecurrentLayer):
    """h_t = (1 - z) ∘ n + z ∘ h_{t-1} with r, z = σ(x_t W_rz + h_{t-1} U_rz + b_rz).

    By default, as in PyTorch, cuDNN and Keras, n = tanh(x_t W_n + b_n + r ∘ (h_{t-1} U_n + c)). With reset_after=False
    n = tanh(x_t W_n + b_n + (r ∘ h_{t-1}) U_n) as in Cho et al. 2014, eq. 5 to 8.

    Shapes: x (N, T, features); weight W (features, 3 units), recurrent_weight U (units, 3 units), bias b (3 units,),
    the gates in the order r, z, n; with `reset_after` recurrent_bias c (units,). The result is the last h (N, units),
    or all h (N, T, units) with `return_sequences`; with `return_state` the last h is a second result.

    Keras / PyTorch: `layers.GRU` / `nn.GRU`, which has the gates in this order, stores Wᵀ and Uᵀ and has two whole
    biases: b_r and b_z are their sums, b_n is the part of `bias_ih`, c that of `bias_hh`. It starts all from
    U(±1/√units), has the batch second unless `batch_first=True`, and returns all steps and the last state. Keras has
    the order z, r, n and both biases as one (2, 3 units); its other activations and its dropouts are missing, and masks
    are `lengths`.

    Args:
        units: number of hidden units.
        return_sequences, return_state, go_backwards, stateful, truncate: see SimpleRNN.
        use_bias: whether there are b and c.
        kernel_initializer: fills W.
        recurrent_initializer: fills U, as one matrix (units, 3 units).
        bias_initializer: fills b and c.
        reset_after: whether r acts after the product with U_n or before it.
        name: unique in a model.
        trainable: False freezes all weights.
        options: regularizers, constraints and a learning-rate multiplier; see `WeightOptions`.

    Example:
        >>> x, h = gn.Input((3, 8)), gn.Input((1,))
        >>> y = gn.layers.GRU(1, return_sequences=True,
        ...     kernel_initializer="zeros", recurrent_initializer="zeros")(x, h)
        >>> net = gn.compile(gn.Model([x, h], y))  # z = 1/2 and n = 0
        >>> net.predict([np.ones((1, 3, 8)), [[8]]]).tolist()
        [[[4.0], [2.0], [1.0]]]
    """

    gates = 3

    def __init__(self, units: int, return_sequences: bool = False, return_state: bool = False,
                 go_backwards: bool = False, stateful: bool = False, truncate: int | None = None, use_bias: bool = True,
                 kernel_initializer: str | Initializer = "glorot_uniform",
                 recurrent_initializer: str | Initializer = "orthogonal",
                 bias_initializer: str | Initializer = "zeros", reset_after: bool = True, *, name: str | None = None,
                 trainable: bool = True, **options: Unpack[WeightOptions]) -> None:
        super().__init__(units, return_sequences=return_sequences, return_state=return_state, go_backwards=go_backwards,
                         stateful=stateful, truncate=truncate, use_bias=use_bias, kernel_initializer=kernel_initializer,
                         recurrent_initializer=recurrent_initializer, bias_initializer=bias_initializer, name=name,
                         trainable=trainable, **options)
        self.reset_after = check_flag(self.kind, "reset_after", reset_after)

    def op(self, reverse: bool, truncate: int) -> Recurrent:
        """The op of one direction."""
        return ops.Gru(reverse, truncate, self.return_sequences, reset_after=self.reset_after)

    def parameters(self, b: Emitter, owner: Layer, prefix: str, t: TensorType) -> list[int]:
        """The ids of the weights, c at the end."""
        weights, shape = super().parameters(b, owner, prefix, t), t.with_shape((self.units,))
        if not self.reset_after:
            return [*weights, b.add(ops.Full(shape.shape, 0.0, t.dtype))]
        return [*weights, self.bias(b, owner, f"{prefix}recurrent_bias", shape, self.bias_initializer)]


@dataclass(frozen=True)
class UnitForget(Initializer):
    """The numbers of another initializer, but 1 in the second quarter: the forget gate of an LSTM."""

    base: Initializer

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        numbers, units = np.array(self.base.draw(shape, rng)), shape[0] // 4
        numbers[units:2 * units] = 1
        return numbers

    def with_fans(self, fans: Fans) -> UnitForget:
        """The same around the other initializer for these fans."""
        return UnitForget(self.base.with_fans(fans))
