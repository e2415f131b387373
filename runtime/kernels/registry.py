"""Which kernel runs which op.

A kernel is bound once to its arrays and then called many times, so everything that can be worked out beforehand (views,
block sizes, scalars) is. An op's kernel is the one registered for its class, else one for what the op says of itself
(see `traits`), else its reference forward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast

import numpy as np

from graphnet.compiler.ir import Origin
from graphnet.compiler.op import Op, formula_of
from graphnet.compiler.ops.updates import Update
from graphnet.compiler.planning.program import NUMPY, Operand, Program
from graphnet.compiler.results import check_results
from graphnet.compiler.types import Array, TensorType

Run = Callable[[], None]
"""What a kernel returns: fills the outputs that it was bound to."""
_NOWHERE = Origin()


@dataclass(frozen=True, slots=True)
class Call:
    """An op with the arrays of its operands, which stay the same for all runs; and whose layer it is.

    Keras / PyTorch: – / –.

    Example:
        >>> x, y = np.array([1.0, 2.0]), np.zeros(2)
        >>> call = gn.custom.Call(gn.custom.ops.Scale(2.0), (x,), (y,))
        >>> call.forward(x[:1], like=y[:1])  # of a piece
        array([2.])
    """

    op: Any
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    workspace: tuple[Array, ...] = ()
    origin: Origin = _NOWHERE

    def forward(self, *inputs: Array, like: Array) -> Array:
        """The one result of `Op.forward` on a piece of the inputs, if it is as the piece of the output."""
        return check_results(self.op, self.op.forward(*inputs), (like,), self.origin)[0]


Bind = Callable[[Call], Run]
Workspace = Callable[[Any, tuple[Operand, ...], tuple[Operand, ...]], tuple[TensorType, ...]]
_KERNELS: dict[type[Op], tuple[Bind, Workspace]] = {}
_BY_TRAIT: dict[str, tuple[Bind, Workspace]] = {}
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


def kernel_by_trait(trait: str, workspace: Workspace = no_workspace) -> Callable[[_Bound], _Bound]:
    """Registers a function that binds all ops with a trait, but for those with a kernel of their own."""
    def register(bind: _Bound) -> _Bound:
        _BY_TRAIT[trait] = bind, workspace
        return bind
    return register


def traits(op: Op) -> Iterator[str]:
    """What an op says of itself that a kernel can go by, the most telling first."""
    if isinstance(op, Update) and op.formula_of(decayed=False) is not None:
        yield "update"
    if op.elementwise and formula_of(op) is not None:
        yield "expression"
    yield from (trait for trait in ("elementwise", "samplewise", "statistic") if getattr(op, trait))


def _kernel_of(op: Op) -> tuple[Bind, Workspace]:
    if type(op) in _KERNELS:
        return _KERNELS[type(op)]
    return next((_BY_TRAIT[trait] for trait in traits(op)), (bind_reference, no_workspace))


def bind_kernel(call: Call) -> Run:
    """The function that runs an op on its arrays."""
    bind, _ = _kernel_of(call.op)
    return bind(call)


def bind_reference(call: Call) -> Run:
    """Runs `Op.forward` and copies its results out; allocates."""
    op, inputs, outputs, origin = call.op, call.inputs, call.outputs, call.origin

    def run() -> None:
        for out, result in zip(outputs, check_results(op, op.forward(*inputs), outputs, origin), strict=True):
            np.copyto(out, result)
    return run


@dataclass(frozen=True, slots=True)
class NumpyTarget:
    """The NumPy backend, as lowering sees it.

    Attributes:
        frugal: whether kernels get as little scratch memory as they can do with.
    """

    frugal: bool = False
    blocked: ClassVar[bool] = False

    def room(self, samples: int) -> int:
        """As many as there are."""
        return samples

    @property
    def backend(self) -> str:
        """Its name."""
        return NUMPY

    def completed(self, program: Program) -> Program:
        """As it is: all instructions are its own."""
        return program

    def workspace(self, op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
        """The scratch arrays of the op's kernel."""
        _, workspace = _kernel_of(op)
        wanted = _FRUGAL.get(type(op), workspace) if self.frugal else workspace
        return wanted(op, inputs, outputs)


def like(array: Array, flat: Array) -> Array:
    """A view of a scratch array with the shape and the memory order of `array`."""
    order = np.argsort([-stride for stride in array.strides], kind="stable")
    shape = [array.shape[axis] for axis in order]
    return flat.reshape(-1)[:array.size].reshape(shape).transpose(np.argsort(order))


def sequence(steps: Sequence[Callable[[], object]]) -> Run:
    """One function that calls these in order."""
    if len(steps) == 1:
        return cast(Run, steps[0])

    def run() -> None:
        for step in steps:
            step()
    return run


def void(result: object) -> None:
    """Drops the result of a call made for its effect, so that a lambda returns nothing."""
