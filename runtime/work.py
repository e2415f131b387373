"""What running a graph would take, known from shapes alone, before anything is planned or runs.

The work is counted in floating-point operations at the rate of a large matrix product: what takes longer counts for
more, so that the same number takes about as long, whatever it is spent on. The factors are round; what they are for is
to tell seconds from hours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import singledispatch

from graphnet.compiler.ir import Graph
from graphnet.compiler.op import Op, Types
from graphnet.compiler.ops import Conv2d, Conv2dGradInput, Conv2dGradWeight
from graphnet.compiler.ops.pooling import Pooling
from graphnet.compiler.ops.pooling_average import AveragePooling
from graphnet.compiler.ops.recurrent import Walk
from graphnet.compiler.types import Dims
from graphnet.runtime.kernels.convolution_plan import COLUMN_BYTES

_TOUCHED = 100  # operations, for an element that is read or written
_CALLED = 200_000  # for a step that a kernel takes in Python, such as one of a recurrent layer
_STEP_BYTES = 2000  # of what a kernel keeps for such a step


@dataclass(frozen=True, slots=True)
class Work:
    """Operations, and bytes that kernels keep besides arrays."""

    operations: int
    kept: int


def measure_work(graph: Graph, dims: Dims) -> Work:
    """What one run of the nodes of a graph takes, with these numbers for its symbols."""
    operations = kept = 0
    for node in graph.nodes:
        op = node.op.bind(dims)
        inputs, outputs = (tuple(graph.types[value].bind(dims) for value in values)
                           for values in (node.inputs, node.outputs))
        touched, steps = (0, 0) if op.view else _walked(op, inputs, outputs)
        operations += op.flops(inputs, outputs) + _TOUCHED * touched + _CALLED * steps
        kept += _STEP_BYTES * steps
    return Work(operations, kept)


@singledispatch
def _walked(op: Op, inputs: Types, outputs: Types) -> tuple[int, int]:
    """The elements that a kernel reads and writes, and the steps that it takes in Python."""
    return sum(t.size for t in (*inputs, *outputs)), 1


@_walked.register
def _(op: Walk, inputs: Types, outputs: Types) -> tuple[int, int]:
    touched, _ = _walked.dispatch(Op)(op, inputs, outputs)
    return touched, int(inputs[0].shape[1])


@_walked.register(Pooling)
@_walked.register(AveragePooling)
def _(op: Pooling | AveragePooling, inputs: Types, outputs: Types) -> tuple[int, int]:
    return op.flops(inputs, outputs), math.prod(op.kernel)


@_walked.register(Conv2d)
@_walked.register(Conv2dGradInput)
@_walked.register(Conv2dGradWeight)
def _(op: Conv2d, inputs: Types, outputs: Types) -> tuple[int, int]:
    """The columns that windows are copied to: C / groups · KH · KW for each place and group."""
    filters, *_ = outputs[0].shape if isinstance(op, Conv2dGradWeight) else inputs[1].shape
    columns = op.flops(inputs, outputs) // (2 * max(int(filters) // op.groups, 1))
    return columns, op.groups + columns * inputs[0].nbytes // max(inputs[0].size, 1) // COLUMN_BYTES
