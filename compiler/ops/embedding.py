"""Looking up rows of a table by number, and the gradient of the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import DataError, ShapeError
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Ranges, Types, f, f64
from graphnet.compiler.roles import EMBEDDING
from graphnet.compiler.types import Array, TensorType, format_shape, known

__all__ = ["Embedding", "EmbeddingGrad"]


@dataclass(frozen=True)
class Embedding(Op):
    """y[…, :] = W[i[…], :]: a row of the table W for each number i (Bengio et al. 2003, section 2).

    Shapes: i (…) of integers in [0, V), W (V, D); y (…, D).
    """

    name = "embedding"
    separable: ClassVar[bool] = True
    roles = MappingProxyType({1: EMBEDDING})

    def infer(self, indices: TensorType, table: TensorType) -> Types:
        check_indices(self.name, indices)
        if table.rank != 2 or not table.is_float:
            raise ShapeError(f"{self.name} needs a table (rows, features) of floats, got {table.dtype} "
                             f"{format_shape(table.shape)}")
        if known(table.shape[0], "the rows of an embedding") == 0:
            raise ShapeError(f"{self.name} needs a table of at least one row, got {format_shape(table.shape)}")
        return (table.with_shape((*indices.shape, table.shape[1])),)

    def forward(self, indices: Array, table: Array) -> tuple[Array, ...]:
        check_range(self.name, indices, len(table))
        return (table[indices],)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        rows = known(b.types[inputs[1]].shape[0], "the rows of an embedding")
        return None, None if grad is None else b.add(EmbeddingGrad(rows), inputs[0], grad)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0

    def index_ranges(self, *types: TensorType) -> Ranges:
        return {0: (0, known(types[1].shape[0], "the rows of an embedding") - 1)}

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f("int64", 3, 5), f64(4, 2)), high=4),
                Example(cls(), (f("int32", 6), f64(3, 2)), high=3))


@dataclass(frozen=True)
class EmbeddingGrad(Op):
    """dL/dW[v, :] = Σ g[p, :] over the places p with i[p] = v; 0 for rows that nobody looked up.

    Shapes: i (…) of integers in [0, rows), g (…, D); result (rows, D).
    """

    rows: int

    name = "embedding_grad"
    sums_gradients: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    differentiable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.check(self.rows >= 1, "rows", "it must be at least 1")

    def infer(self, indices: TensorType, g: TensorType) -> Types:
        check_indices(self.name, indices)
        if g.rank != indices.rank + 1 or g.shape[:-1] != indices.shape:
            raise ShapeError(f"{self.name} needs a gradient ({', '.join(map(str, indices.shape))}, features), got "
                             f"{format_shape(g.shape)}")
        return (g.with_shape((self.rows, g.shape[-1])),)

    def forward(self, indices: Array, g: Array) -> tuple[Array, ...]:
        check_range(self.name, indices, self.rows)
        table = np.zeros((self.rows, g.shape[-1]), g.dtype)
        np.add.at(table, indices, g)
        return (table,)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return inputs[1].size

    def index_ranges(self, *types: TensorType) -> Ranges:
        return {0: (0, self.rows - 1)}

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(4), (f("int64", 3, 5), f64(3, 5, 2)), high=4),
                Example(cls(7), (f("int32", 6), f64(6, 2)), high=5))


def check_indices(owner: str, indices: TensorType) -> None:
    """Refuses what cannot be numbers of rows.

    Raises:
        ShapeError: they are not integers.
    """
    if indices.is_float or indices.dtype == "bool":
        raise ShapeError(f"{owner} looks up rows by their numbers, got {indices.dtype} {format_shape(indices.shape)}",
                         'declare the Input with dtype="int64"')


def check_range(owner: str, indices: Array, rows: int) -> None:
    """Refuses numbers of rows that are not there: no kernel reads or writes beside the table.

    Raises:
        DataError: one is below 0 or too large.
    """
    if not indices.size:
        return
    low, high = int(indices.min()), int(indices.max())
    if low < 0 or high >= rows:
        raise DataError(f"{owner} has {rows} rows, numbered from 0 to {rows - 1}, but is asked for row "
                        f"{low if low < 0 else high}")
