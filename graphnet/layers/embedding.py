"""Vectors for numbered things such as words or characters."""

from __future__ import annotations

from typing import Unpack

from graphnet.common.checks import check_whole
from graphnet.compiler import ops
from graphnet.compiler.errors import ShapeError
from graphnet.compiler.types import TensorType, format_shape
from graphnet.declare.emitter import Emitter
from graphnet.declare.layer import Layer
from graphnet.declare.options import WeightOptions
from graphnet.initializers import INITIALIZERS, Fans, Initializer

__all__ = ["Embedding"]


class Embedding(Layer):
    """y[…, :] = W[i[…], :]: a learned vector for each number i (Bengio et al. 2003).

    Shapes: i (N,), (N, T) or more dims, whole numbers in [0, input_dim), declared e.g. as
    `gn.Input((None,), dtype="int64")`; weight W (input_dim, output_dim); y has one more dim, output_dim.

    A number outside the range is refused when it is fed. Only the rows that were looked up get a gradient; that of the
    others is 0. A constraint on norms takes each vector by itself.

    Keras / PyTorch: `layers.Embedding` / `nn.Embedding`, which starts W from N(0, 1), Keras as here from U(±0.05).
    Keras's `mask_zero` is missing (recurrent layers take `lengths`), and so is PyTorch's `padding_idx`; its
    `max_norm=c`, which acts on rows as they are looked up, is `kernel_constraint=gn.constraints.MaxNorm(c)`, which acts
    on all rows after each step.

    Args:
        input_dim: how many numbers there are.
        output_dim: size of the vectors.
        embeddings_initializer: fills W.
        name: unique in a model.
        trainable: False freezes W.
        options: regularizers, constraints and a learning-rate multiplier; see `WeightOptions`.

    Example:
        >>> i = gn.Input((2,), dtype="int64")
        >>> y = gn.layers.Embedding(3, 3, embeddings_initializer="identity")(i)
        >>> gn.compile(gn.Model(i, y)).predict([[2, 0]]).tolist()
        [[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]]
    """

    takes_integers = True

    def __init__(self, input_dim: int, output_dim: int, embeddings_initializer: str | Initializer = "uniform", *,
                 name: str | None = None, trainable: bool = True, **options: Unpack[WeightOptions]) -> None:
        super().__init__(name=name, trainable=trainable, **options)
        self.input_dim = check_whole(self.kind, "input_dim", input_dim)
        self.output_dim = check_whole(self.kind, "output_dim", output_dim)
        self.embeddings_initializer = INITIALIZERS.resolve(self.kind, "embeddings_initializer", embeddings_initializer)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the look-up."""
        t = b.types[x]
        if t.is_float or t.dtype == "bool":
            raise ShapeError(f"Embedding looks up whole numbers, but its input is {t.dtype} {format_shape(t.shape)}",
                             'declare the Input with dtype="int64"')
        shape = (self.input_dim, self.output_dim)
        table = self.weight(b, "weight", TensorType("float32", shape), self.embeddings_initializer, Fans.dense(shape),
                            incoming=(1,))  # a row comes in to the vector of its number
        return b.add(ops.Embedding(), x, table)
