"""Runs a fused body: the root writes into the result, and each node of the epilogue works on it in place."""

from __future__ import annotations

from graphnet.compiler.ops import Fused
from graphnet.compiler.program import Operand
from graphnet.compiler.types import TensorType
from graphnet.runtime.kernels.registry import Call, NumpyTarget, Run, bind_kernel, kernel


def _workspace(op: Fused, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    return tuple(t for types in _workspaces(op, inputs, outputs) for t in types)


def _workspaces(op: Fused, inputs: tuple[Operand, ...],
                outputs: tuple[Operand, ...]) -> list[tuple[TensorType, ...]]:
    forms = {i.value: form for i, form in zip(op.body.inputs, inputs, strict=True)}
    wanted = []
    for node in op.body.nodes:
        forms[node.outputs[0]] = outputs[0]
        wanted.append(NumpyTarget().workspace(node.op, tuple(forms[v] for v in node.inputs), outputs))
    return wanted


@kernel(Fused, workspace=_workspace)
def fused(call: Call) -> Run:
    """Binds each node of the body to the one result array."""
    op: Fused = call.op
    arrays = {i.value: array for i, array in zip(op.body.inputs, call.inputs, strict=True)}
    forms = tuple(Operand(a.dtype.name, a.shape, a.strides) for a in call.inputs)
    result = Operand(call.outputs[0].dtype.name, call.outputs[0].shape, call.outputs[0].strides)
    scratch, steps = list(call.workspace), []
    for node, wanted in zip(op.body.nodes, _workspaces(op, forms, (result,)), strict=True):
        mine, scratch = scratch[:len(wanted)], scratch[len(wanted):]
        steps.append(bind_kernel(Call(node.op, tuple(arrays[v] for v in node.inputs), call.outputs, tuple(mine))))
        arrays[node.outputs[0]] = call.outputs[0]

    def run() -> None:
        for step in steps:
            step()
    return run
