"""Matrix products sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.types import Array, Dim, TensorType, format_shape

__all__ = ["BatchMatMul"]


@dataclass(frozen=True)
class BatchMatMul(Op):
    """y[n] = A[n] B[n], where A and B are a and b, transposed if `transpose_a`, `transpose_b`.

    Shapes: A (N, M, K), B (N, K, P); y (N, M, P).
    """

    transpose_a: bool = False
    transpose_b: bool = False

    name = "batch_matmul"
    separable: ClassVar[bool] = True

    def infer(self, a: TensorType, b: TensorType) -> Types:
        if a.rank != 3 or b.rank != 3 or a.shape[0] != b.shape[0] or a.dtype != b.dtype:
            raise ShapeError(f"products of matrices sample by sample need (N, M, K) and (N, K, P) of one dtype, got "
                             f"{a.dtype} {format_shape(a.shape)} and {b.dtype} {format_shape(b.shape)}")
        (m, k), (inner, p) = _sides(a, self.transpose_a), _sides(b, self.transpose_b)
        if k != inner:
            raise ShapeError(f"the summed dims of {format_shape(a.shape)} and {format_shape(b.shape)} differ: "
                             f"{k} ≠ {inner}")
        return (a.with_shape((a.shape[0], m, p)),)

    def forward(self, a: Array, b: Array) -> tuple[Array, ...]:
        return (np.matmul(*self.matrices(a, b)),)

    def matrices(self, a: Array, b: Array) -> tuple[Array, Array]:
        """Views of A and B."""
        return a.swapaxes(1, 2) if self.transpose_a else a, b.swapaxes(1, 2) if self.transpose_b else b

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        """dA = g Bᵀ and dB = Aᵀ g; of a transposed operand the transpose of that."""
        (grad,) = grads
        if grad is None:
            return None, None
        left, right = inputs
        ta, tb = self.transpose_a, self.transpose_b
        da = b.add(BatchMatMul(tb, True), right, grad) if ta else b.add(BatchMatMul(False, not tb), grad, right)
        db = b.add(BatchMatMul(True, ta), grad, left) if tb else b.add(BatchMatMul(not ta, False), left, grad)
        return da, db

    def flops(self, inputs: Types, outputs: Types) -> int:
        _, k = _sides(inputs[0], self.transpose_a)
        return 2 * outputs[0].size * int(k)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return tuple(Example(cls(ta, tb), (f64(2, 4, 3) if ta else f64(2, 3, 4), f64(2, 5, 4) if tb else f64(2, 4, 5)))
                     for ta in (False, True) for tb in (False, True))


def _sides(t: TensorType, transposed: bool) -> tuple[Dim, Dim]:
    rows, columns = t.shape[1:]
    return (columns, rows) if transposed else (rows, columns)
