"""What recurrent layers share: calls with initial states and lengths, weights, state that stays between calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Unpack

from graphnet.common.checks import check_flag, check_whole
from graphnet.common.source import user_source
from graphnet.compiler import ops
from graphnet.compiler.errors import ArgumentError, GraphError, ShapeError
from graphnet.compiler.ir import RECURRENT, Origin
from graphnet.compiler.ops.recurrent import Recurrent
from graphnet.compiler.types import TensorType, format_shape, known
from graphnet.declare.emitter import Emitter
from graphnet.declare.layer import Layer
from graphnet.declare.options import WeightOptions
from graphnet.declare.tensor import SymbolicTensor, Tensors
from graphnet.initializers import INITIALIZERS, Fans, Initializer


class SequenceLayer(Layer):
    """A layer that is called on a sequence and, if wanted, on initial states and on lengths."""

    def __call__(  # type: ignore[override]  # not any number of inputs
            self, x: Tensors, initial_state: Tensors | None = None, lengths: SymbolicTensor | None = None) -> Any:
        """Places the layer behind its inputs.

        Args:
            x: sequences (N, T, features); T may be unknown: `gn.Input((None, features))`.
            initial_state: a tensor (N, units) for each state, in the order of `return_state`; zeros by default.
            lengths: the number of steps of each sequence, (N,) whole numbers from 0 to T, declared as
                `gn.Input((), dtype="int64")`. From its length on a sequence keeps its states, whatever is fed there,
                and its results are 0, as in PyTorch's packed sequences.

        Returns:
            The result, or a tuple of several.

        Raises:
            ShapeError: an input does not fit.
            GraphError: an input is not a symbolic tensor, or there are too many or too few.
        """
        results = self.call(x, initial_state, lengths)
        return results if len(results) > 1 else results[0]

    def call(self, x: Tensors, initial_state: Tensors | None = None,
             lengths: SymbolicTensor | None = None) -> tuple[SymbolicTensor, ...]:
        """Like calling the layer, always with a tuple as the result."""
        if isinstance(lengths, SymbolicTensor) and lengths.type.rank != 1:  # it would pass for a state
            raise _no_lengths(self.kind, lengths.type).located(
                f"{self.kind} called at {user_source()} cannot take the lengths of {lengths.origin}")
        if initial_state is None:
            initial_state = ()
        states = tuple(initial_state) if isinstance(initial_state, Sequence) else (initial_state,)
        sequence = tuple(x) if isinstance(x, list | tuple) else (x,)
        return super().call(*sequence, *states, *(() if lengths is None else (lengths,)))

    @property
    def state_names(self) -> tuple[str, ...]:
        """The states by name, in the order in which they are given and returned."""
        raise NotImplementedError(self.kind)

    def check_types(self, *types: TensorType) -> None:
        """Only lengths may be integers.

        Raises:
            ShapeError: the sequence or a state is not of floats, or integers are no lengths.
        """
        for t in types[1:]:
            if not t.is_float and t.rank != 1:
                raise _no_lengths(self.kind, t)
        super().check_types(*(t for t in types if t is types[0] or t.rank != 1))

    def _check_count(self, owner: Origin, count: int) -> None:
        most = 2 + len(self.state_names)
        if not 1 <= count <= most:
            raise GraphError(f"{owner} takes a sequence, {len(self.state_names)} initial states and lengths, "
                             f"got {count} inputs")

    def _split(self, b: Emitter, rest: Sequence[int]) -> tuple[list[int], list[int]]:
        """Initial states (all or none) and lengths (one or none) among the inputs after the sequence.

        Raises:
            ShapeError: their number is wrong.
        """
        states = [value for value in rest if b.types[value].rank != 1]
        lengths = [value for value in rest if b.types[value].rank == 1]
        if len(lengths) > 1 or len(states) not in (0, len(self.state_names)):
            got = ", ".join(format_shape(b.types[value].shape) for value in rest)
            raise ShapeError(f"{self.kind} has {len(self.state_names)} states ({', '.join(self.state_names)}), which "
                             f"are given all or not at all, and lengths (N,); after the sequence it got {got}",
                             f"call it with initial_state=[{', '.join(self.state_names)}] and lengths=…")
        return states, lengths


def _no_lengths(kind: str, got: TensorType) -> ShapeError:
    return ShapeError(f"{kind} takes lengths (N,), one whole number for each sequence, got {got.dtype} "
                      f"{format_shape(got.shape)}", 'declare them as gn.Input((), dtype="int64"), without a dim')


class RecurrentLayer(SequenceLayer):
    """Base of SimpleRNN, LSTM and GRU; a subclass says its op, its states and the number of its gates."""

    cell_states: ClassVar[tuple[str, ...]] = ("hidden",)
    gates: ClassVar[int] = 1

    def __init__(self, units: int, *, return_sequences: bool, return_state: bool, go_backwards: bool, stateful: bool,
                 truncate: int | None, use_bias: bool, kernel_initializer: str | Initializer,
                 recurrent_initializer: str | Initializer, bias_initializer: str | Initializer, name: str | None,
                 trainable: bool, **options: Unpack[WeightOptions]) -> None:
        super().__init__(name=name, trainable=trainable, **options)
        self.units = check_whole(self.kind, "units", units)
        if isinstance(return_sequences, int) and not isinstance(return_sequences, bool):
            raise ArgumentError(self.kind, "return_sequences", return_sequences, "it must be True or False; how many "
                                "features come in is known from the input and is not said")
        self.return_sequences = check_flag(self.kind, "return_sequences", return_sequences)
        self.return_state = check_flag(self.kind, "return_state", return_state)
        self.go_backwards = check_flag(self.kind, "go_backwards", go_backwards)
        self.stateful = check_flag(self.kind, "stateful", stateful)
        self.truncate = None if truncate is None else check_whole(self.kind, "truncate", truncate)
        self.use_bias = check_flag(self.kind, "use_bias", use_bias)
        self.kernel_initializer = INITIALIZERS.resolve(self.kind, "kernel_initializer", kernel_initializer)
        self.recurrent_initializer = INITIALIZERS.resolve(self.kind, "recurrent_initializer", recurrent_initializer)
        self.bias_initializer = INITIALIZERS.resolve(self.kind, "bias_initializer", bias_initializer)
        if stateful and go_backwards:
            raise ArgumentError(self.kind, "stateful", True, "go_backwards reads a sequence from its end, and the end "
                                                             "of one call is not followed by that of the next")

    @property
    def state_names(self) -> tuple[str, ...]:
        """`hidden`, and for an LSTM `cell`."""
        return self.cell_states

    def emit(self, b: Emitter, x: int, *rest: int) -> tuple[int, ...]:
        """Adds the op, with its initial states and lengths if there are any."""
        states, lengths = self._split(b, rest)
        result, last = self.walk(b, self, "", x, states, lengths, self.go_backwards)
        return (result, *last) if self.return_state else (result,)

    def walk(self, b: Emitter, owner: Layer, prefix: str, x: int, states: Sequence[int], lengths: Sequence[int],
             reverse: bool) -> tuple[int, tuple[int, ...]]:
        """Adds one direction, whose weights and states belong to `owner` and have names with this prefix.

        Returns:
            The ids of the result and of the last states.

        Raises:
            ShapeError: an input does not fit.
        """
        t = b.types[x]
        if t.rank != 3:
            raise ShapeError(f"{owner.kind} takes sequences (N, steps, features), got {format_shape(t.shape)}: "
                             f"{t.rank} dims instead of 3",
                             "reshape each sample to (steps, features); for numbers of words put "
                             "gn.layers.Embedding before it")
        if self.stateful and states:
            raise ShapeError(f"{owner.kind} keeps its states from call to call (stateful=True), so it takes no "
                             "initial_state", "drop stateful or initial_state; net.set_states sets what it keeps")
        shape = t.with_shape((t.shape[0], self.units))
        names = [prefix + name for name in self.cell_states]
        if self.stateful:
            states = [b.read_state(owner, name, shape, RECURRENT) for name in names]
        elif not states:
            states = [b.add(ops.Full(shape.shape, 0.0, t.dtype))] * len(names)
        op = self.op(reverse, self.truncate or 0)
        outputs = b.apply(op, x, *states, *self.parameters(b, owner, prefix, t), *lengths)
        last = outputs[:len(names)]
        if self.stateful:
            for name, value in zip(names, last, strict=True):
                b.write_state(owner, name, value)
        return outputs[len(names)] if self.return_sequences else last[0], last

    def op(self, reverse: bool, truncate: int) -> Recurrent:
        """The op of one direction."""
        raise NotImplementedError(self.kind)

    def parameters(self, b: Emitter, owner: Layer, prefix: str, t: TensorType) -> list[int]:
        """The ids of the weights for sequences of this type, in the order of the op's inputs."""
        features = known(t.shape[2], f"the number of features that {owner.kind} takes")
        wide = self.units * self.gates
        fans, across = Fans.dense((features, wide)), Fans.dense((self.units, wide))
        return [owner.weight(b, f"{prefix}weight", t.with_shape((features, wide)), self.kernel_initializer, fans),
                owner.weight(b, f"{prefix}recurrent_weight", t.with_shape((self.units, wide)),
                             self.recurrent_initializer, across),
                self.bias(b, owner, f"{prefix}bias", t.with_shape((wide,)), self.bias_initializer)]

    def bias(self, b: Emitter, owner: Layer, name: str, t: TensorType, initializer: Initializer) -> int:
        """The id of a bias, or of zeros if there is none."""
        if self.use_bias:
            return owner.weight(b, name, t, initializer, Fans.dense((t.size, t.size)))
        return b.add(ops.Full(t.shape, 0.0, t.dtype))
