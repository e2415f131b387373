"""Runs a fused body: the root writes into the result, and each node of the epilogue works on it in place.

A body of element-wise nodes is walked piece by piece, so that a piece stays in the cache from the first node to the
last, and to the sums over it. After a convolution or a product the epilogue goes over the whole result: block by block
it took longer (a 3 x 3 convolution of 32 channels with bias and ReLU, 64 images of 28 x 28: 7.4 ms instead of 6.3), as
the rows of a block are short runs and each block is two more calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from graphnet.compiler.ir import Node
from graphnet.compiler.ops import Fused, ReduceMean
from graphnet.compiler.ops.reduction import Reduction
from graphnet.compiler.planning.layout import operand
from graphnet.compiler.planning.memory import align
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import Array, TensorType
from graphnet.runtime.kernels.flat import PIECE
from graphnet.runtime.kernels.registry import Call, NumpyTarget, Run, bind_kernel, kernel, like, sequence
from graphnet.runtime.kernels.walk import Cut, along, bind_sum, cut_shape, cuts, piece, reduced_cut, share_size

SUMMED_PIECE = 1 << 16  # elements; a sum costs a call more for each piece, and its rows should be whole

Forms = Sequence[Operand]
Role = tuple[int | None, ...]
"""For each axis of an operand the axis of the chain's result that it goes with; None for one that is taken whole."""


@dataclass(frozen=True, slots=True)
class _Walk:
    """How a body goes over its operands: the pieces of what the chain makes, and which part of each input they need."""

    form: Operand
    size: int
    roles: list[Role]

    @property
    def cuts(self) -> Iterator[Cut]:
        """Those of the pieces."""
        return cuts(self.form, self.size)

    @property
    def largest(self) -> Cut:
        """A piece that no other is larger than."""
        return next(self.cuts)


def _workspace(op: Fused, inputs: Forms, outputs: Forms, frugal: bool = False) -> tuple[TensorType, ...]:
    """Bytes for the neediest node (they run one after the other) and behind what pooling takes, and for what the chain
    makes if nobody else needs it; a piece's share in a sum."""
    form, walk = _result_form(op, inputs, outputs), _plan(op, inputs, outputs)
    dtype, shape, share = form.dtype, form.shape, 0
    if walk:
        shape = cut_shape(form, walk.largest)
        share = max((share_size(total, form, walk.largest) for total in op.sums), default=0)
        inputs = [operand(TensorType(i.dtype, cut_shape(i, along(role, walk.largest))), False)
                  for i, role in zip(inputs, walk.roles, strict=True)]
    result = operand(TensorType(dtype, shape), False) if walk else form
    between = _between(op, result)
    size = _neediest(_wanted(op, inputs, result, frugal)) + (align(between.nbytes) if between else 0)
    return (TensorType("uint8", (size,)), TensorType(dtype, (0,) if op.gives_chain else shape),
            TensorType(dtype, (share,)))


def _wanted(op: Fused, inputs: Forms, result: Operand, frugal: bool) -> list[tuple[TensorType, ...]]:
    """The scratch arrays of each node of the chain."""
    forms = {i.value: form for i, form in zip(op.body.inputs, inputs, strict=True)}
    wanted = []
    for node in op.chain:
        made = forms[node.outputs[0]] = (_between(op, result) if node is op.chain[0] else None) or result
        wanted.append(NumpyTarget(frugal).workspace(node.op, tuple(forms[v] for v in node.inputs), (made,)))
    return wanted


def _between(op: Fused, result: Operand) -> Operand | None:
    """The form of what the root makes if that is of another shape than what the chain does, as pooling takes it."""
    made, last = (op.body.types[node.outputs[0]] for node in (op.chain[0], op.chain[-1]))
    return None if made == last else operand(made, result.layout != "rows")


def _neediest(wanted: list[tuple[TensorType, ...]]) -> int:
    return max(sum(align(t.nbytes) for t in types) for types in wanted)


def _result_form(op: Fused, inputs: Forms, outputs: Forms) -> Operand:
    """The form of what the chain makes; if it is no output, it is stored like the first input of its shape."""
    if op.gives_chain:
        return outputs[0]
    made = operand(op.body.types[op.chain[-1].outputs[0]], False)
    return next((form for form in inputs if (form.dtype, form.shape) == (made.dtype, made.shape)), made)


def _plan(op: Fused, inputs: Forms, outputs: Forms) -> _Walk | None:
    """How to walk the body; None if it cannot be done piece by piece."""
    form = _result_form(op, inputs, outputs)
    if not op.chain[0].op.elementwise or not form.type.size:
        return None
    roles = []
    for item, given in zip(op.body.inputs, inputs, strict=True):
        found = {_role(node, given, form) for node in op.chain if item.value in node.inputs}
        role = found.pop()
        if found or role is None:
            return None
        roles.append(role)
    return _Walk(form, SUMMED_PIECE if op.sums else PIECE, roles)


def _role(node: Node, given: Operand, form: Operand) -> Role | None:
    """How an operand of a node goes with the result: alike, as a vector along an axis, or spread over axes of 1."""
    axes = range(len(form.shape))
    if given.shape == form.shape:
        return tuple(axes) if given.strides == form.strides else None
    pairs = [*zip(given.shape, form.shape, strict=False)]
    if len(given.shape) == len(axes) and all(have in (1, dim) for have, dim in pairs):
        return tuple(axis if have == dim else None for axis, (have, dim) in zip(axes, pairs, strict=True))
    axis = getattr(node.op, "axis", None)
    if len(given.shape) != 1 or axis is None:
        return None
    return (axis % len(axes),) if given.shape[0] == form.shape[axis] else (None,)


@kernel(Fused, workspace=_workspace, frugal=partial(_workspace, frugal=True))
def fused(call: Call) -> Run:
    """The whole body, or the body for each piece."""
    op: Fused = call.op
    inputs, outputs = [*map(_form, call.inputs)], [*map(_form, call.outputs)]
    sums = list(zip(op.sums, call.outputs[1 if op.gives_chain else 0:], strict=True))
    walk = _plan(op, inputs, outputs)
    if walk is None:
        result = _whole_result(call, _result_form(op, inputs, outputs))
        after = [bind_kernel(Call(total, (result,), (out,))) for total, out in sums]
        return sequence([_bind_chain(op, call.inputs, result, call.workspace[0]), *after])
    return sequence(list(_bind_pieces(call, walk, _result_form(op, inputs, outputs), sums)))


def _whole_result(call: Call, form: Operand) -> Array:
    if call.op.gives_chain:
        return call.outputs[0]
    return np.ndarray(form.shape, form.dtype, call.workspace[1].data, 0, form.strides)


def _bind_pieces(call: Call, walk: _Walk, form: Operand, sums: list[tuple[Reduction, Array]]) -> Iterator[Run]:
    """The chain on each piece and the sums over it; sums of several pieces begin at 0, means are divided at the end."""
    shares = [call.workspace[2] if share_size(total, form, walk.largest) else None for total, _ in sums]
    yield from (partial(out.fill, 0) for share, (_, out) in zip(shares, sums, strict=True) if share is not None)
    for cut in walk.cuts:
        taken = [piece(array, along(role, cut)) for array, role in zip(call.inputs, walk.roles, strict=True)]
        result = _piece_of_result(call, taken, form, cut)
        yield _bind_chain(call.op, taken, result, call.workspace[0])
        for share, (total, out) in zip(shares, sums, strict=True):
            yield bind_sum(total, result, piece(out, reduced_cut(total, cut)), share)
    for total, out in sums:
        if isinstance(total, ReduceMean):
            yield partial(np.multiply, out, out.dtype.type(out.size / form.type.size), out)


def _piece_of_result(call: Call, taken: list[Array], form: Operand, cut: Cut) -> Array:
    """Where the chain writes a piece: its place in the result, or scratch memory in the order of the inputs' pieces."""
    if call.op.gives_chain:
        return piece(call.outputs[0], cut)
    shape = cut_shape(form, cut)
    return like(next(array for array in taken if array.shape == shape), call.workspace[1])


def _bind_chain(op: Fused, inputs: Sequence[Array], result: Array, scratch: Array) -> Run:
    """Binds each node of the chain to the one array that it makes, or the root to what pooling takes."""
    arrays = {i.value: array for i, array in zip(op.body.inputs, inputs, strict=True)}
    forms = [*map(_form, inputs)]
    if between := _between(op, _form(result)):
        arrays[op.chain[0].outputs[0]] = np.ndarray(between.shape, between.dtype, scratch.data, 0, between.strides)
        scratch = scratch[align(between.nbytes):]
    wanted = _wanted(op, forms, _form(result), frugal=False)
    if _neediest(wanted) > len(scratch):  # the Program was planned for a frugal target
        wanted = _wanted(op, forms, _form(result), frugal=True)
    steps = []
    for node, types in zip(op.chain, wanted, strict=True):
        taken = tuple(arrays[v] for v in node.inputs)
        made = arrays.setdefault(node.outputs[0], result)
        steps.append(bind_kernel(Call(node.op, taken, (made,), _carve(scratch, types), node.origin)))
    return sequence(steps)


def _carve(memory: Array, types: tuple[TensorType, ...]) -> tuple[Array, ...]:
    """Arrays of these types, one behind the other in a run of bytes."""
    arrays, start = [], 0
    for t in types:
        arrays.append(np.ndarray(t.shape, t.dtype, memory.data, start))  # type: ignore[arg-type]
        start += align(t.nbytes)
    return tuple(arrays)


def _form(array: Array) -> Operand:
    return Operand(array.dtype.name, array.shape, array.strides)
