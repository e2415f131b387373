"""What layers are called on and what they return: a tensor that is declared but has no numbers yet."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from graphnet.common.answers import Answering, answering
from graphnet.common.checks import check_choice, check_name, check_whole
from graphnet.common.plain import as_items
from graphnet.common.source import user_source
from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.ir import Origin
from graphnet.compiler.types import BATCH, DTYPES, Dim, Shape, TensorType, format_shape
from graphnet.declare.emitter import Emits

SEQUENCE = "T"
_SERIALS = itertools.count()
_SYMBOLS = itertools.count()


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Call:
    """One call of a layer. `serial` grows from call to call, so that sorting by it is a topological order."""

    layer: Emits
    inputs: tuple[SymbolicTensor, ...]
    source: str
    serial: int

    @property
    def origin(self) -> Origin:
        """The layer and the line of the call; the name is empty unless the user gave one."""
        return Origin(self.layer.name or "", self.layer.kind, self.source)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Declared:
    """A declaration by `Input`: its name, the per-sample dims (None where free) and where it stands."""

    name: str | None
    dims: tuple[int | None, ...]
    source: str

    @property
    def origin(self) -> Origin:
        """The name, which is empty unless the user gave one, and the line."""
        return Origin(self.name or "", "Input", self.source)


class SymbolicTensor(Answering):
    """A tensor with a type and a maker, and no numbers. Compared by identity; nothing about it recurses.

    Keras / PyTorch: `KerasTensor` / –; layers take it, operators such as + are layers (`Add`) here.

    Attributes:
        type: dtype and shape; the batch dim is "N".
        maker: the layer call or the `Input` declaration that it comes from.
        index: which of the maker's outputs it is.

    Example:
        >>> x = gn.Input((None, 8), name="words")
        >>> gn.layers.LSTM(3)(x)
        <SymbolicTensor float32 (N, 3) from LSTM at ...>
    """

    _habits = "Methods and attributes of a tensor"
    __slots__ = ("index", "maker", "type")

    def __init__(self, type: TensorType, maker: Call | Declared, index: int = 0) -> None:
        self.type, self.maker, self.index = type, maker, index

    @property
    def shape(self) -> Shape:
        """The dims; the first one is the batch, "N"."""
        return self.type.shape

    @property
    def dtype(self) -> str:
        """The dtype as a NumPy name."""
        return self.type.dtype

    @property
    def origin(self) -> Origin:
        """Who made it, and where."""
        return self.maker.origin

    def __repr__(self) -> str:
        return f"<SymbolicTensor {self.dtype} {format_shape(self.shape)} from {self.origin}>"


Tensors = SymbolicTensor | Sequence[SymbolicTensor]
"""What layers are called on: one by one, or in a list or tuple."""


@answering
def Input(shape: Sequence[int | None], name: str | None = None,  # noqa: N802
          dtype: str = "float32") -> SymbolicTensor:
    """Declares a tensor that the caller feeds.

    Keras / PyTorch: `Input` / –; a dim of None is a symbol (T, T1, …) that errors and Programs name.

    Args:
        shape: the dims of one sample; the batch dim stands before them by itself. None is a dim that may vary
            from batch to batch, such as the length of a sequence; each None is a dim of its own, T, T1, …
        name: under which the array is fed; `input`, `input_1`, … by default.
        dtype: one of float32, float64, int64, int32, uint8, bool.

    Raises:
        ArgumentError: an argument is not allowed.

    Example:
        >>> gn.Input((None, 8), name="words", dtype="int64")
        <SymbolicTensor int64 (N, T..., 8) from words (Input) at ...>
    """
    given = as_items(shape)
    if given is None:
        raise ArgumentError("Input", "shape", shape, "it must be a tuple of the dims of one sample: "
                                                     "(1, 28, 28) for images, (4,) for rows")
    dims = tuple(None if dim is None else check_whole("Input", "shape", dim) for dim in given)
    check_choice("Input", "dtype", dtype, DTYPES)
    declared = Declared(None if name is None else check_name("Input", name), dims, user_source())
    return SymbolicTensor(TensorType(dtype, (BATCH, *fill_symbols(dims, _SYMBOLS))), declared)


def fill_symbols(dims: tuple[int | None, ...], counter: itertools.count[int]) -> tuple[Dim, ...]:
    """The dims with each None replaced by the counter's next symbol: T, T1, T2, …"""
    return tuple(f"{SEQUENCE}{next(counter) or ''}" if dim is None else dim for dim in dims)


def next_serial() -> int:
    """A number greater than that of every call so far."""
    return next(_SERIALS)
