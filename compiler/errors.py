"""Every exception class of the project. All derive from GraphNetError."""

from __future__ import annotations

from typing import Any

from graphnet.compiler.words import LINE, label, one_line, shorten, visible_lines

_KEY_CHARS = 100  # of a key that an error quotes
_VALUE_CHARS = 500  # of a value
_LINE_CHARS = 120  # of a line that an error shows


class GraphNetError(Exception):
    """Base of every error that graphnet raises on purpose. What could not be seen is escaped in its text.

    Keras / PyTorch: – / –; they raise Python's own ValueError, RuntimeError and IndexError.

    Example:
        >>> try:
        ...     gn.layers.Dense(0)
        ... except gn.GraphNetError as error:
        ...     print(type(error).__name__, error, sep=": ")
        ArgumentError: Dense: units is 0, but it must be a whole number ≥ 1
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(visible_lines(str(text)))


STUMBLES = (GraphNetError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What an op may raise on attributes or types that no layer would give it."""


class ArgumentError(GraphNetError, ValueError):
    """An argument has a value that is not allowed.

    Keras / PyTorch: `ValueError` / `ValueError`, which this is too.

    Example:
        >>> gn.optimizers.SGD(learning_rate=-1)
        Traceback (most recent call last):
            ...
        graphnet.compiler.errors.ArgumentError: SGD: learning_rate is -1, but it
        must be a finite number > 0
    """

    def __init__(self, owner: str, name: str, value: object, allowed: str) -> None:
        self.owner, self.name, self.value, self.allowed = owner, name, value, allowed
        super().__init__(f"{owner}: {name} is {shorten(repr(value), _VALUE_CHARS)}, but {allowed}")


class GraphError(GraphNetError):
    """The graph is not well formed: a cycle, a disconnected input, a duplicate name, …

    Keras / PyTorch: `ValueError` / –.

    Example:
        >>> x, other = gn.Input((2,), name="x"), gn.Input((2,), name="other")
        >>> gn.Model(x, gn.layers.Add()([x, other]))
        Traceback (most recent call last):
            ...
        graphnet.compiler.errors.GraphError: Model at ...: the outputs depend on
        other (Input) at ..., which Add at ... reads, but inputs does not list
        it; add it to inputs
    """


class FrozenError(GraphError, AttributeError):
    """An attribute or an entry cannot be set: it would have no effect any more. The text says what there is instead.

    Keras / PyTorch: – / –; an `AttributeError`, which this is too, where a property has no setter; elsewhere it is
    taken, whether it has an effect or not.

    Example:
        >>> x = gn.Input((2,))
        >>> net = gn.compile(gn.Model(x, gn.layers.Dense(1)(x)))
        >>> net.weights["dense/bias"] = [1.0]
        Traceback (most recent call last):
            ...
        graphnet.compiler.errors.FrozenError: an entry of net.weights cannot be
        set, since the network would not see it: call
        net.set_weights({name: array})
    """


class GraphTextError(GraphError):
    """The text of a graph cannot be read. `line` and `column` say where; both count from 1."""

    def __init__(self, reason: str, line: int, column: int, text: str = "") -> None:
        self.reason, self.line, self.column = reason, line, column
        super().__init__("\n".join([f"line {line}, column {column}: {reason}", *_excerpt(text, column - 1)]))


class DataError(GraphNetError):
    """A data file or an array that a caller fed cannot be used.

    Keras / PyTorch: `ValueError` / –; NaN in what is fed passes there.

    Example:
        >>> x = gn.Input((2,), name="x")
        >>> net = gn.compile(gn.Model(x, gn.layers.Dense(1)(x)))
        >>> net.predict([[1, 2], [3, np.nan]])
        Traceback (most recent call last):
            ...
        graphnet.compiler.errors.DataError: input 'x' holds nan at [1, 1], but
        what is fed must be finite; 1 of 4 are not. If it is meant, ...
    """


class GnetFormatError(GraphNetError):
    """A `.gnet` file is refused: it is malformed, damaged or needs a newer graphnet.

    `path` leads to the field (keys and indices), `offset` is the byte it stands at, `source` the file's name. The text
    is one line of at most 1,000 characters, whatever is in the file.

    Keras / PyTorch: `ValueError` / `pickle.UnpicklingError`.

    Example:
        >>> gn.load(b"a text, perhaps")
        Traceback (most recent call last):
            ...
        graphnet.compiler.errors.GnetFormatError: bytes: preamble.magic at byte
        0: the file starts with 61 20 74 65 78 74 2c 20, a .gnet file with 89
        47 4e 54 0d 0a 1a 0a: this is no .gnet file, or it was
        changed as text in transfer
    """

    def __init__(self, reason: str, path: tuple[str | int, ...] = (), offset: int | None = None,
                 source: str = "") -> None:
        self.reason, self.path, self.offset, self.source = one_line(reason), path, offset, source
        at = "" if offset is None else f"at byte {offset}"
        place = " ".join(part for part in (label(self.field), at) if part)
        head = "".join(f"{part}: " for part in (label(source), place) if part)
        super().__init__(head + shorten(self.reason, LINE - len(head)))

    @property
    def field(self) -> str:
        """The path as text: `graph.nodes[3].op`."""
        steps = (f"[{step}]" if isinstance(step, int) else f".{label(step, _KEY_CHARS)}" for step in self.path)
        return "".join(steps).removeprefix(".")


def _excerpt(text: str, at: int) -> list[str]:
    """The line around `at` and a caret under it; what cannot be printed is replaced, character by character."""
    start = max(at - _LINE_CHARS // 2, 0)
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[start:start + _LINE_CHARS])
    head, tail = "…" * (start > 0), "…" * (len(text) > start + _LINE_CHARS)
    return [f"  {head}{shown}{tail}", "  " + " " * (len(head) + at - start) + "^"] if text else []


class MemoryLimitError(GraphNetError):
    """A Program needs more memory than the limit allows.

    Keras / PyTorch: – / –; there the system ends the process, or `torch.OutOfMemoryError` the step on a GPU.

    Example:
        >>> x = gn.Input((1000,))
        >>> model = gn.Model(x, gn.layers.Dense(1000)(x))
        >>> net = gn.compile(model, memory_limit=200_000)
        >>> net.predict(np.ones((10, 1000))).shape
        (10, 1000)
        >>> net.predict(np.ones((100, 1000)))
        Traceback (most recent call last):
            ...
        graphnet.compiler.errors.MemoryLimitError: model at {'N': ...} needs ...
        bytes of arena, ... but memory_limit is 200,000; use smaller batches,
        or a limit of at least ...
    """


class WorkLimitError(GraphNetError):
    """Running a network takes more work than the limit for the file that it is from allows.

    Keras / PyTorch: – / –.

    Example:
        >>> x = gn.Input((2,))
        >>> gn.compile(gn.Model(x, gn.layers.Dense(1)(x))).save("small.gnet")
        >>> gn.load("small.gnet", work_limit=1000).predict([[1, 2]])
        Traceback (most recent call last):
            ...
        graphnet.compiler.errors.WorkLimitError: model takes ... operations of
        work for one sample, but the limit for its file is 1,000; if you trust
        the file, give gn.load work_limit=...
    """


class VerificationError(GraphNetError):
    """A pass or a kernel changed the meaning of a graph.

    Keras / PyTorch: – / –.

    Example:
        >>> from dataclasses import dataclass
        >>> @gn.register_op
        ... @dataclass(frozen=True)
        ... class Cube(gn.Op):
        ...     name = "docs.wrong_cube"
        ...     differentiable = False
        ...     def infer(self, x): return (x,)
        ...     def forward(self, x): return (x**3,)
        >>> @gn.custom.register_kernel(Cube)
        ... def bind(call):
        ...     (x,), (y,) = call.inputs, call.outputs
        ...     return lambda: np.multiply(3, x, out=y)
        >>> x = gn.Input((2,))
        >>> model = gn.Model(x, gn.layers.Apply(Cube())(x))
        >>> gn.compile(model, verify=True).predict([[0, 2]])
        Traceback (most recent call last):
            ...
        graphnet.compiler.errors.VerificationError: the kernel of instruction 0,
        docs.wrong_cube of apply (Apply) at ..., differs from the reference: 6.0
        instead of 8.0 at (0, 1) in %1 f32[1,2]
    """


class NonFiniteError(GraphNetError, ArithmeticError):
    """An instruction made a NaN or an infinity (see `check_finite` of `compile`).

    Keras / PyTorch: – / `RuntimeError`, in the backward pass under `torch.autograd.detect_anomaly`.

    Example:
        >>> x = gn.Input((2,))
        >>> square = gn.layers.Multiply(name="square")
        >>> net = gn.compile(gn.Model(x, square([x, x])), check_finite=True)
        >>> net.predict([[1, 1e30]])
        Traceback (most recent call last):
            ...
        graphnet.compiler.errors.NonFiniteError: instruction 0, multiply of
        square (Multiply) at ... (forward), made 1 infinite of 2 elements in %1
        f32[1,2], the first at (0, 1)
          x0 %0 f32[1,2]: from 1 to 1e+30
          x1 %0 f32[1,2]: from 1 to 1e+30
    """


class DivergenceError(GraphNetError, ArithmeticError):
    """The loss of a training step is not finite. The weights are those at the end of that step, which is counted.

    `loss`, `step` and `epoch` say what and where; `history` has the epochs that the call of `fit` had finished.

    Keras / PyTorch: – / –; the callback `TerminateOnNaN` stops Keras's training without an error, unless
    `raise_error` is set.

    Example:
        >>> x = gn.Input((1,))
        >>> net = gn.compile(gn.Model(x, gn.layers.Dense(1)(x)), "mse", "sgd")
        >>> net.set_weights({"dense/bias": [np.nan]})
        >>> net.train_on_batch([[1]], [[1]])
        Traceback (most recent call last):
            ...
        graphnet.compiler.errors.DivergenceError: the loss of step 1 is nan: the
        training has diverged. Take a smaller learning rate, or ...
    """

    def __init__(self, loss: float, step: int, epoch: int | None = None, history: Any = None) -> None:
        self.loss, self.step, self.epoch, self.history = loss, step, epoch, history
        within = "" if epoch is None else f" (epoch {epoch})"
        super().__init__(
            f"the loss of step {step}{within} is {loss}: the training has diverged. Take a smaller learning rate, or "
            "clip gradients with global_clip_norm=; gn.compile(…, check_finite=True) names the first layer whose "
            "numbers are not finite. The weights are those at the end of that step, unless a callback put others "
            "there; stop_on_nonfinite=False goes on")


class ShapeError(GraphNetError):
    """Shapes or dtypes do not fit.

    Ops raise it with the arithmetic that does not work out (`reason`) and what to change (`fix`);
    whoever knows the layer and the source lines adds them with `located`.

    Keras / PyTorch: `ValueError`, where the layer is called, as here / `RuntimeError`, when numbers come through.

    Example:
        >>> image = gn.Input((1, 28, 28), name="image")
        >>> gn.layers.Dense(10)(image)
        Traceback (most recent call last):
            ...
        graphnet.compiler.errors.ShapeError: Dense at ... cannot take its input
          got: float32 (N, 1, 28, 28) from image (Input) at ...
          why: Dense takes rows (N, features), got (N, 1, 28, 28): 4 dims
          instead of 2
          fix: put gn.layers.Flatten() before it
    """

    def __init__(self, reason: str, fix: str = "", context: str = "") -> None:
        self.reason, self.fix, self.context = reason, fix, context
        lines = [context, f"  why: {reason}"] if context else [reason]
        super().__init__("\n".join(lines + ([f"  fix: {fix}"] if fix else [])))

    def located(self, context: str) -> ShapeError:
        """Returns the same error with a head that names the layers and source lines."""
        return type(self)(self.reason, self.fix, context)
