"""Nearest-neighbour upsampling, and sums over blocks: sweeps of windows that lie side by side."""

from __future__ import annotations

from graphnet.compiler.ops import SumBlocks, Upsample
from graphnet.runtime.native.call import Call, emitter, floats, need
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.kernels.pooling import planes
from graphnet.runtime.native.machine import Machine
from graphnet.runtime.native.sweeping import Reach, Sweep


def _reaches(call: Call) -> tuple[Reach, Reach]:
    """Of rows and columns; with one factor there is one row."""
    factors, sides = call.op.factors, len(call.op.factors)
    need(sides <= 2, f"blocks of {sides} dims")
    x, y = call.inputs[0].shape, call.outputs[0].shape
    need(len(x) > sides, "blocks of samples")
    *above, across = (Reach(a, b, factor, factor, back=isinstance(call.op, Upsample))
                      for a, b, factor in zip(x[-sides:], y[-sides:], factors, strict=True))
    return above[0] if above else Reach(1, 1, 1, 1), across


def _line(call: Call, machine: Machine) -> int:
    return _reaches(call)[1].floats


@emitter(SumBlocks, Upsample, scratch=_line)
def sweep_blocks(f: Function, call: Call) -> None:
    """Sums over blocks; and the way back, on which each element takes the one that its block comes from."""
    floats(*call.inputs)
    x = call.inputs[0]
    count, samples = planes(x, len(call.op.factors))
    if 0 in x.shape:
        return
    sweep = Sweep(f, count, samples, *_reaches(call), -0.0, lambda a, b: a + b, f.scratch)
    sweep.write(call.x[0], call.y[0], lambda value, *_: value, lambda value, *_: value)
