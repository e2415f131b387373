"""Every exception class of the project. All derive from GraphNetError."""

from __future__ import annotations

from typing import Any

from graphnet.compiler.words import LINE, label, one_line, shorten, visible_lines

_KEY_CHARS = 100  # of a key that an error quotes
_VALUE_CHARS = 500  # of a value
_LINE_CHARS = 120  # of a line that an error shows


class GraphNetError(Exception):
    """Base of every error that graphnet raises on purpose. What could not be seen is escaped in its text."""

    def __init__(self, text: str = "") -> None:
        super().__init__(visible_lines(str(text)))


STUMBLES = (GraphNetError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What an op may raise on attributes or types that no layer would give it."""


class ArgumentError(GraphNetError, ValueError):
    """An argument has a value that is not allowed."""

    def __init__(self, owner: str, name: str, value: object, allowed: str) -> None:
        self.owner, self.name, self.value, self.allowed = owner, name, value, allowed
        super().__init__(f"{owner}: {name} is {shorten(repr(value), _VALUE_CHARS)}, but {allowed}")


class GraphError(GraphNetError):
    """The graph is not well formed: a cycle, a disconnected input, a duplicate name, …"""


class FrozenError(GraphError, AttributeError):
    """An attribute or an entry cannot be set: it would have no effect any more. The text says what there is instead."""


class GraphTextError(GraphError):
    """The text of a graph cannot be read. `line` and `column` say where; both count from 1."""

    def __init__(self, reason: str, line: int, column: int, text: str = "") -> None:
        self.reason, self.line, self.column = reason, line, column
        super().__init__("\n".join([f"line {line}, column {column}: {reason}", *_excerpt(text, column - 1)]))


class DataError(GraphNetError):
    """A data file or an array that a caller fed cannot be used."""


class GnetFormatError(GraphNetError):
    """A `.gnet` file is refused: it is malformed, damaged or needs a newer graphnet.

    `path` leads to the field (keys and indices), `offset` is the byte it stands at, `source` the file's name. The text
    is one line of at most 1,000 characters, whatever is in the file.
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
    """A Program needs more memory than the limit allows."""


class WorkLimitError(GraphNetError):
    """Running a network takes more work than the limit for the file that it is from allows."""


class VerificationError(GraphNetError):
    """A pass or a kernel changed the meaning of a graph."""


class NonFiniteError(GraphNetError, ArithmeticError):
    """An instruction made a NaN or an infinity (see `check_finite` of `compile`)."""


class DivergenceError(GraphNetError, ArithmeticError):
    """The loss of a training step is not finite. The weights are those at the end of that step, which is counted.

    `loss`, `step` and `epoch` say what and where; `history` has the epochs that the call of `fit` had finished.
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
    """

    def __init__(self, reason: str, fix: str = "", context: str = "") -> None:
        self.reason, self.fix, self.context = reason, fix, context
        lines = [context, f"  why: {reason}"] if context else [reason]
        super().__init__("\n".join(lines + ([f"  fix: {fix}"] if fix else [])))

    def located(self, context: str) -> ShapeError:
        """Returns the same error with a head that names the layers and source lines."""
        return type(self)(self.reason, self.fix, context)
