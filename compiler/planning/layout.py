"""Chooses the memory layout of each value: rows (last axis innermost) or batch-last (batch axis innermost).

With the batch innermost, the rows that im2col and col2im copy are whole runs of memory, and bias, pooling and masks of
small images run at vector speed; matrix products take either layout. So a graph with an op that works on images (see
`Op.images`) keeps every batched value batch-last, and any other graph keeps rows.
"""

from __future__ import annotations

from graphnet.compiler.ir import FORWARD, Graph
from graphnet.compiler.planning.program import Operand, batch_last_strides, row_strides
from graphnet.compiler.types import BATCH, TensorType, concrete


def batch_last_values(graph: Graph) -> frozenset[int]:
    """The values of a graph (with its batch symbol still in place) that are to be stored batch-last.

    States are not: they stay from Program to Program, and people read them. Nor is anything where sums of gradients
    over samples are taken of what is none: they take in the memory behind the samples, where only gradients are 0.
    """
    summed = any(node.phase == FORWARD and node.op.sums_gradients for node in graph.nodes)
    if summed or not any(node.op.images for node in graph.nodes):
        return frozenset()
    states = {value for state in graph.states for value in (state.value, state.next)}
    return frozenset(v for v, t in graph.types.items() if t.rank >= 2 and t.shape[0] == BATCH and v not in states)


def operand(type: TensorType, batch_last: bool, room: int = 0) -> Operand:
    """The form of a value of this concrete type, with room for more samples where these are innermost."""
    shape = concrete(type.shape)
    if not shape or room in (0, shape[0]) or not (batch_last or len(shape) == 1):
        strides = batch_last_strides if batch_last else row_strides
        return Operand(type.dtype, shape, strides(shape, type.dtype))
    return Operand(type.dtype, shape, batch_last_strides((room, *shape[1:]), type.dtype), room)
