"""Runs a fused body: the root writes into the result, and each node of the epilogue works on it in place.

A body of element-wise nodes on arrays of one shape and layout is walked piece by piece, so that a piece stays in the
cache from the first node to the last.
"""

from __future__ import annotations

import numpy as np

from graphnet.compiler.layout import operand
from graphnet.compiler.memory import align
from graphnet.compiler.ops import Fused
from graphnet.compiler.program import Operand
from graphnet.compiler.types import TensorType
from graphnet.runtime.kernels.flat import PIECE, cut_alike
from graphnet.runtime.kernels.registry import Array, Call, NumpyTarget, Run, bind_kernel, kernel, sequence


def _workspace(op: Fused, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    """As many bytes as the neediest node wants: the nodes run one after the other."""
    if _walkable(op, inputs, outputs[0]):
        piece = operand(TensorType(outputs[0].dtype, (min(outputs[0].type.size, PIECE),)), False)
        inputs, outputs = (piece,) * len(inputs), (piece,)
    sizes = [sum(align(t.nbytes) for t in types) for types in _wanted(op, inputs, outputs)]
    return (TensorType("uint8", (max(sizes),)),)


def _wanted(op: Fused, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> list[tuple[TensorType, ...]]:
    """The scratch arrays of each node of the body."""
    forms = {i.value: form for i, form in zip(op.body.inputs, inputs, strict=True)}
    wanted = []
    for node in op.body.nodes:
        forms[node.outputs[0]] = outputs[0]
        wanted.append(NumpyTarget().workspace(node.op, tuple(forms[v] for v in node.inputs), outputs))
    return wanted


def _walkable(op: Fused, inputs: tuple[Operand, ...], out: Operand) -> bool:
    """Whether pieces of the operands can be worked on by themselves."""
    alike = all(form.shape == out.shape and form.strides == out.strides for form in inputs)
    return alike and op.root.elementwise and out.type.size > 0


@kernel(Fused, workspace=_workspace)
def fused(call: Call) -> Run:
    """The whole body, or the body for each piece."""
    if not _walkable(call.op, tuple(map(_form, call.inputs)), _form(call.outputs[0])):
        return _bind_body(call)
    pieces = cut_alike([*call.inputs, *call.outputs], PIECE) or []
    return sequence([_bind_body(Call(call.op, tuple(taken), (out,), call.workspace)) for *taken, out in pieces])


def _bind_body(call: Call) -> Run:
    """Binds each node of the body to the one result array."""
    op: Fused = call.op
    arrays = {i.value: array for i, array in zip(op.body.inputs, call.inputs, strict=True)}
    wanted = _wanted(op, tuple(map(_form, call.inputs)), tuple(map(_form, call.outputs)))
    steps = []
    for node, types in zip(op.body.nodes, wanted, strict=True):
        inputs = tuple(arrays[v] for v in node.inputs)
        steps.append(bind_kernel(Call(node.op, inputs, call.outputs, _carve(call.workspace[0], types))))
        arrays[node.outputs[0]] = call.outputs[0]
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
