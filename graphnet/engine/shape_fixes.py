"""What to change about an array whose shape is not the one that an input was declared with."""

from __future__ import annotations

from graphnet.compiler.types import Dim, TensorType


def shape_fix(shape: tuple[int, ...], wanted: TensorType) -> str:
    """What to do, for the text of a refusal."""
    last = len(shape) - 1
    if last == wanted.rank - 1 >= 2 and _fits((shape[0], shape[-1], *shape[1:-1]), wanted.shape):
        axes = ", ".join(map(str, (0, last, *range(1, last))))
        return f"channels come right behind the batch: give x.transpose({axes})"
    if len(shape) == wanted.rank:
        return "feed arrays of the declared shape, batch first"
    if len(shape) == 1 and wanted.shape[1:] == (1,):
        return "add the axis of the single feature: give np.asarray(x)[:, None]"
    if len(shape) == wanted.rank - 1:
        return "add the batch axis, x[None] for a single sample, or the channel axis, x[:, None] for grey images"
    return "reshape the array"


def _fits(shape: tuple[int, ...], wanted: tuple[Dim, ...]) -> bool:
    return all(size == dim or isinstance(dim, str) for size, dim in zip(shape, wanted, strict=True))
