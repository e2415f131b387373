"""Two recurrent layers over one sequence, forwards and backwards."""

from __future__ import annotations

from typing import Any, Unpack

from graphnet.common.checks import check_choice
from graphnet.compiler import ops
from graphnet.compiler.errors import ArgumentError
from graphnet.declare.emitter import Emitter
from graphnet.declare.options import WeightOptions
from graphnet.declare.tensor import SymbolicTensor, Tensors
from graphnet.layers.recurrent import RecurrentLayer, SequenceLayer

__all__ = ["Bidirectional"]
MODES = ("concat", "sum", "ave", "mul", None)


class Bidirectional(SequenceLayer):
    """Reads a sequence both ways, with weights for each, and merges the results (Schuster and Paliwal 1997).

    The results of both directions for a step stand at its place before they are merged. Without `return_sequences` the
    last states are merged: that of the backward direction has read the whole sequence.

    Weights: those of the layer twice, `forward_weight`, `backward_weight`, … With `return_state` the states of the
    forward direction follow the result, then those of the backward one; `initial_state` takes them in the same order.

    Keras / PyTorch: `layers.Bidirectional` / `bidirectional=True` of `nn.RNN`, `nn.LSTM` and `nn.GRU`, whose `output`
    has the last state of the backward direction at step 0. Keras's `backward_layer` is missing.

    Args:
        layer: a SimpleRNN, LSTM or GRU that says the arguments of both directions, without a name of its own; it is not
            itself part of the model. What it says about weights goes for both directions, `trainable=False` too, and
            its activity regularizer sees the result of each before they are merged.
        merge_mode: "concat" (along the features), "sum", "ave" (the mean), "mul" (the product), or None: two results.
        name: unique in a model.
        trainable: False freezes all weights.
        options: regularizers, constraints and a learning-rate multiplier, here or in the layer; see `WeightOptions`.

    Example:
        >>> x = gn.Input((3, 1))
        >>> rnn = gn.layers.SimpleRNN(1, "relu", return_sequences=True,
        ...     kernel_initializer="ones", recurrent_initializer="ones")
        >>> net = gn.compile(gn.Model(x, gn.layers.Bidirectional(rnn)(x)))
        >>> net.predict([[[1], [2], [3]]]).tolist()
        [[[1.0, 6.0], [3.0, 5.0], [6.0, 3.0]]]
    """

    def __init__(self, layer: RecurrentLayer, merge_mode: str | None = "concat", *, name: str | None = None,
                 trainable: bool = True, **options: Unpack[WeightOptions]) -> None:
        super().__init__(name=name, trainable=trainable, **options)
        if not isinstance(layer, RecurrentLayer):
            raise ArgumentError(self.kind, "layer", layer, "it must be a SimpleRNN, LSTM or GRU")
        self.layer = layer
        self.merge_mode: str | None = check_choice(self.kind, "merge_mode", merge_mode, MODES)
        self._with_the_layer_s()

    def _with_the_layer_s(self) -> dict[str, Any]:
        """What wrapper and layer say of the weights, which are the wrapper's; until it is called both may be set.

        Raises:
            ArgumentError: the layer says what no direction can do, or something else than the wrapper.
        """
        layer = self.layer
        if layer.stateful or layer.go_backwards:
            raise ArgumentError(self.kind, "layer", layer, "it must be neither stateful nor go_backwards: the backward "
                                                           "direction begins at the end, which it has yet to see")
        if layer.weights:
            raise ArgumentError(self.kind, "layer", layer, "it has been called already; give a new one")
        if layer.name is not None:
            raise ArgumentError(self.kind, "layer", layer, "it must have no name, which would stand nowhere: say "
                                                           f"Bidirectional(…, name={layer.name!r})")
        return {"trainable": self.trainable and layer.trainable, "rules": self.rules.joined(self.kind, layer.rules)}

    def call(self, x: Any, initial_state: Tensors | None = None,
             lengths: SymbolicTensor | None = None) -> tuple[SymbolicTensor, ...]:
        """Like calling the layer, always with a tuple as the result."""
        if not self._frozen:
            vars(self).update(self._with_the_layer_s())
        return super().call(x, initial_state, lengths)

    @property
    def state_names(self) -> tuple[str, ...]:
        """The states of the forward direction, then those of the backward one."""
        return tuple(f"{way}_{name}" for way in ("forward", "backward") for name in self.layer.state_names)

    def emit(self, b: Emitter, x: int, *rest: int) -> tuple[int, ...]:
        """Adds an op for each direction and merges their results."""
        states, lengths = self._split(b, rest)
        half = len(states) // 2
        first, forward = self.layer.walk(b, self, "forward_", x, states[:half], lengths, False)
        second, backward = self.layer.walk(b, self, "backward_", x, states[half:], lengths, True)
        for value in (first, second):
            b.regularize_activity(self.layer, value)
        results = self._merge(b, first, second)
        return (*results, *forward, *backward) if self.layer.return_state else results

    def _merge(self, b: Emitter, first: int, second: int) -> tuple[int, ...]:
        if self.merge_mode is None:
            return first, second
        if self.merge_mode == "concat":
            return (b.add(ops.Concat(b.types[first].rank - 1), first, second),)
        if self.merge_mode == "mul":
            return (b.add(ops.Multiply(), first, second),)
        total = b.add(ops.Add(), first, second)
        return (b.add(ops.Scale(0.5), total) if self.merge_mode == "ave" else total,)
