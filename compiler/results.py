"""Checks what the methods of an op return, so that a slip in user code is told where it is and never broadcast away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.ir import Graph, Node, Origin
from graphnet.compiler.op import Op, Types
from graphnet.compiler.types import Array, TensorType, format_shape

_ARRAYS = np.ndarray, np.generic


def is_foreign(op: Op) -> bool:
    """Whether a caller has written the op."""
    return not type(op).__module__.startswith("graphnet.")


class Form(Protocol):
    """A TensorType, or an array."""

    @property
    def dtype(self) -> Any:
        """Its dtype."""

    @property
    def shape(self) -> Any:
        """Its shape."""


def infer_results(op: Op, types: Types) -> Types:
    """What `infer` says.

    Raises:
        ShapeError: the op refuses the types, or says something that are no types.
    """
    made: object = op.infer(*types)
    if isinstance(made, tuple) and made and all(isinstance(t, TensorType) for t in made):
        return made
    raise ShapeError(f"infer of {op.name} returned {_name(made)}, but it must return a tuple of TensorType, one for "
                     "each result", "with a single result: return (y,)")


def check_empty(graph: Graph) -> None:
    """Refuses a bound graph with sizes of 0 that an op cannot compute: a size of 0 passed as a symbol.

    Raises:
        ShapeError: the text names the layer.
    """
    for node in graph.nodes:
        try:
            node.op.infer(*(graph.types[value] for value in node.inputs))
        except ShapeError as error:
            raise error.located(f"{node.op.name} of {node.origin} has nothing to work on") from None


def check_results(op: Op, results: object, forms: Sequence[Form], origin: Origin) -> tuple[Array, ...]:
    """What `forward` returned, if it is as many arrays as there are results, of their shapes and dtypes.

    Args:
        op: for the text, as `origin`.
        results: what its `forward` returned.
        forms: what `infer` says, or the arrays that the results are to be copied to.
        origin: the layer.

    Raises:
        ShapeError: it is something else; nothing is ever broadcast or converted.
    """
    if isinstance(results, tuple) and len(results) == len(forms):
        for form, got in zip(forms, results, strict=True):
            if not isinstance(got, _ARRAYS) or got.shape != form.shape or got.dtype != form.dtype:
                break
        else:
            return results
    wanted = ", ".join(f"{form.dtype} {format_shape(form.shape)}" for form in forms)
    given = ", ".join(map(_name, results)) if isinstance(results, tuple) else _name(results)
    raise ShapeError(f"forward returned {'' if isinstance(results, tuple) else 'no tuple but '}{given}; "
                     f"infer says ({wanted})", "return a tuple with an array for each type that infer returns, of "
                     "that shape and dtype; with a single one: return (y,)", f"op {op.name} of {origin} went wrong")


def check_gradients(node: Node, pulled: object, types: Mapping[int, TensorType]) -> tuple[int | None, ...]:
    """What `pullback` returned, if it is for each input of the node None or the id of a value of the input's type.

    Raises:
        ShapeError: it is something else.
    """
    given = pulled if isinstance(pulled, tuple) else ()
    if len(given) == len(node.inputs) and all(
            grad is None or (isinstance(grad, int) and types.get(grad) == types[value])
            for grad, value in zip(given, node.inputs, strict=True)):
        return given
    wanted = ", ".join(str(types[value]) for value in node.inputs)
    shown = ", ".join(str(types[g]) if isinstance(g, int) and g in types else _name(g) for g in given)
    raise ShapeError(f"pullback returned {f'({shown})' if given else _name(pulled)} for inputs ({wanted})",
                     "return a tuple with, for each input, None or what b.add gave for a value of the input's shape "
                     "and dtype", f"op {node.op.name} of {node.origin} went wrong")


def check_values(owner: str, values: Sequence[object], types: Mapping[int, TensorType]) -> None:
    """Refuses what are no ids of values of the graph that is being built.

    Raises:
        ShapeError: one is something else; the text names the `owner` that returned it.
    """
    for value in values:
        if not isinstance(value, int) or value not in types:
            raise ShapeError(f"{owner} returned {_name(value)}, which is no value of the graph",
                             "return what b.add gave")


def _name(value: object) -> str:
    if isinstance(value, _ARRAYS):
        return f"{value.dtype} {format_shape(value.shape)}"
    return "None" if value is None else type(value).__name__
