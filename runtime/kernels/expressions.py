"""Runs element-wise ops by their expressions: calls of NumPy on pieces that stay in the cache, into planned memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from graphnet.compiler.op import Op, formula_of
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import Array, TensorType
from graphnet.runtime.kernels.expression_plan import CONSTANT, INPUT, MASK, NUMBER, OUTPUT, Instruction, Plan, plan
from graphnet.runtime.kernels.pieces import by_pieces
from graphnet.runtime.kernels.registry import Call, Run, kernel_by_trait, like, sequence
from graphnet.runtime.kernels.walk import cut_operands, spread

SCRATCH = 1 << 16  # elements of a piece in all registers together
CLIP_FROM = 4096  # elements; below, the call itself costs more than the loop
_LIMITS = {"maximum": np.inf, "minimum": -np.inf}  # the other limit of a clip that does the same

Action = Callable[[], object]


def _plan(op: Op, in_place: bool, dtype: str) -> Plan:
    formula = formula_of(op, dtype)
    if formula is None:
        raise TypeError(f"{op.name} has no expression")
    return plan(formula, (tuple(op.inplace),), in_place)


def _piece(wanted: Plan) -> int:
    return SCRATCH // max(wanted.numbers, 1)


def _workspace(op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    """A piece for each register, if they are to be planned."""
    if not op.planned:
        return ()
    wanted = _plan(op, inputs[0].dtype == outputs[0].dtype, inputs[0].dtype)
    return registers(wanted, inputs[0].dtype, min(outputs[0].type.size, _piece(wanted)))


def registers(wanted: Plan, dtype: str, size: int) -> tuple[TensorType, ...]:
    """The types of the registers of a plan, those of numbers first."""
    return (TensorType(dtype, (size,)),) * wanted.numbers + (TensorType("bool", (size,)),) * wanted.masks


@kernel_by_trait("expression", workspace=_workspace)
def by_expression(call: Call) -> Run:
    """The expression of the op for each piece; for all at once if it is a single call of NumPy."""
    (out,), op = call.outputs, call.op
    addresses = [x.ctypes.data == out.ctypes.data for x in call.inputs]
    if any(same and position not in op.inplace for position, same in enumerate(addresses)):
        return by_pieces(call)  # one value is two operands, of which the op may write over one
    wanted = _plan(op, call.inputs[0].dtype == out.dtype, call.inputs[0].dtype.name)
    if len(call.workspace) < wanted.numbers + wanted.masks:
        return by_pieces(call)
    views = [*(spread(op, x, out.ndim) for x in call.inputs), out]
    pieces = [views] if len(wanted.code) == 1 and not call.workspace else cut_operands(views, _piece(wanted))
    return sequence(bind_plan(wanted, [(piece[:-1], piece[-1:]) for piece in pieces], call.workspace))


def bind_plan(wanted: Plan, pieces: Sequence[tuple[Sequence[Array], Sequence[Array]]],
              scratch: Sequence[Array]) -> list[Action]:
    """The calls that run a plan on pieces, each of inputs and outputs.

    Constants and registers have the dtype of the first input. What only works on registers is the same for all pieces
    of one size.
    """
    actions: list[Action] = []
    shapes: dict[object, tuple[list[Array], dict[int, list[Action]]]] = {}
    constants = _constants(wanted, pieces[0][0][0].dtype) if pieces else []
    for inputs, outputs in pieces:
        form = outputs[0].shape, outputs[0].strides
        if form not in shapes:
            shapes[form] = [like(outputs[0], flat) for flat in scratch], {}
        registers, inner = shapes[form]
        places = {INPUT: inputs, CONSTANT: constants, OUTPUT: outputs,
                  NUMBER: registers[:wanted.numbers], MASK: registers[wanted.numbers:]}
        for index, instruction in enumerate(wanted.code):
            if index in inner:
                actions += inner[index]
                continue
            used = *instruction.operands, instruction.target
            *operands, target = (places[place.kind][place.number] for place in used)
            calls = list(_calls(instruction, operands, target))
            actions += calls
            if not any(place.kind in (INPUT, OUTPUT) for place in used):
                inner[index] = calls
    return actions


def _constants(wanted: Plan, dtype: np.dtype[Any]) -> list[Array]:
    return [np.array(np.finfo(dtype).tiny if number is None else number, dtype) for number in wanted.constants]


def _calls(instruction: Instruction, operands: list[Array], out: Array) -> Iterator[Action]:
    name = instruction.function
    if name in ("copy", "number"):
        yield partial(np.copyto, out, operands[0])
    elif name == "where":
        mask, a, b = operands
        yield from _choose(mask, a, b, out)
    elif name == "clip":
        yield partial(np.clip, *operands, out=out)
    elif name in _LIMITS and instruction.operands[1].kind == CONSTANT and out.size >= CLIP_FROM:
        # np.maximum of a number is no SIMD loop: 65,536 floats in 52 µs instead of 27
        x, limit = operands
        other = out.dtype.type(_LIMITS[name])
        yield partial(np.clip, x, *((limit, other) if other > 0 else (other, limit)), out=out)
    else:
        yield _ufunc(getattr(np, name), operands, out)


def _ufunc(function: Any, operands: list[Array], out: Array) -> Action:
    if out.dtype.kind != "b" and any(x.dtype != out.dtype for x in operands):
        return partial(function, *operands, out=out, dtype=out.dtype)
    if function in (np.maximum, np.minimum):  # which take no third operand by position
        return partial(function, *operands, out=out)
    return partial(function, *operands, out)


def _choose(mask: Array, a: Array, b: Array, out: Array) -> Iterator[Action]:
    """Picks a or b bit by bit, b ^ ((a ^ b) · mask): half the time of np.where, and a sixth of a masked copy."""
    integer = np.dtype(f"i{out.itemsize}")
    if a.dtype != out.dtype or b.dtype != out.dtype:
        yield lambda: np.copyto(out, np.where(mask, a, b))
        return
    a, b, out = (x.view(integer) for x in (a, b, out))
    a_is_zero, b_is_zero = (x.ndim == 0 and not x for x in (a, b))
    if not a_is_zero and not b_is_zero:
        yield partial(np.bitwise_xor, a, b, out)
        a = out
    yield partial(np.multiply, b if a_is_zero else a, mask, out)
    if not b_is_zero:
        yield partial(np.bitwise_xor, out, b, out)
