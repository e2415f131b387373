"""Which kernel runs which op.

A kernel is bound once to its arrays and then called many times, so everything that can be worked out beforehand (views,
block sizes, scalars) is. An op without a kernel of its own runs its reference forward.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from graphnet.compiler.op import Op
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import TensorType

Array = NDArray[Any]
Run = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Call:
    """An op with the arrays of its operands, which stay the same for all runs."""

    op: Any
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    workspace: tuple[Array, ...] = ()


Bind = Callable[[Call], Run]
Workspace = Callable[[Any, tuple[Operand, ...], tuple[Operand, ...]], tuple[TensorType, ...]]
_KERNELS: dict[type[Op], tuple[Bind, Workspace]] = {}
_FRUGAL: dict[type[Op], Workspace] = {}
_Bound = TypeVar("_Bound", bound=Bind)


def no_workspace(op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    """For kernels that need no scratch memory."""
    return ()


def like_output(op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    """One scratch array with the elements of the output."""
    return (outputs[0].type,)


def kernel(*ops: type[Op], workspace: Workspace = no_workspace,
           frugal: Workspace | None = None) -> Callable[[_Bound], _Bound]:
    """Registers a function that binds these ops.

    Args:
        ops: what it binds.
        workspace: says what scratch arrays it wants.
        frugal: says what it can do with where memory is short; by default, nothing less.
    """
    def register(bind: _Bound) -> _Bound:
        for op in ops:
            _KERNELS[op] = bind, workspace
            if frugal is not None:
                _FRUGAL[op] = frugal
        return bind
    return register


def bind_kernel(call: Call) -> Run:
    """The function that runs an op on its arrays."""
    bind, _ = _KERNELS.get(type(call.op), (bind_reference, no_workspace))
    return bind(call)


def bind_reference(call: Call) -> Run:
    """Runs `Op.forward` and copies its results out; allocates."""
    op, inputs, outputs = call.op, call.inputs, call.outputs

    def run() -> None:
        for out, result in zip(outputs, op.forward(*inputs), strict=True):
            np.copyto(out, result)
    return run


@dataclass(frozen=True, slots=True)
class NumpyTarget:
    """The NumPy backend, as lowering sees it.

    Attributes:
        frugal: whether kernels get as little scratch memory as they can do with.
    """

    frugal: bool = False

    def workspace(self, op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
        """The scratch arrays of the op's kernel."""
        _, workspace = _KERNELS.get(type(op), (bind_reference, no_workspace))
        wanted = _FRUGAL.get(type(op), workspace) if self.frugal else workspace
        return wanted(op, inputs, outputs)


def like(array: Array, flat: Array) -> Array:
    """A view of a scratch array with the shape and the memory order of `array`."""
    order = np.argsort([-stride for stride in array.strides], kind="stable")
    shape = [array.shape[axis] for axis in order]
    return flat.reshape(-1)[:array.size].reshape(shape).transpose(np.argsort(order))


def sequence(steps: Sequence[Run]) -> Run:
    """One function that calls these in order."""
    if len(steps) == 1:
        return steps[0]

    def run() -> None:
        for step in steps:
            step()
    return run


def void(result: object) -> None:
    """Drops the result of a call made for its effect, so that a lambda returns nothing."""
