"""What stateful layers carry from call to call: a row for each sequence of the batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from graphnet.compiler.errors import DataError, ShapeError
from graphnet.compiler.ir import RECURRENT, Graph
from graphnet.compiler.planning.placement import recurrent_slots
from graphnet.compiler.types import Array, format_shape
from graphnet.runtime.session import Buffers


class RecurrentStates:
    """The recurrent states of a network, each in a buffer of its own whose size the first batch settles.

    Args:
        graph: as declared.
        buffers: which all Programs of the network use.

    Attributes:
        batch: how many sequences the states belong to; None as long as they are what they began as.
    """

    def __init__(self, graph: Graph, buffers: Buffers) -> None:
        self._graph, self._buffers = graph, buffers
        self._initial = {s.name: s.initial for s in graph.states if s.role == RECURRENT}
        self._types = {s.name: graph.types[s.value] for s in graph.states if s.role == RECURRENT}
        self.batch: int | None = None

    def __bool__(self) -> bool:
        return bool(self._initial)

    def __contains__(self, name: str) -> bool:
        return name in self._initial

    def __iter__(self) -> Iterator[str]:
        return iter(self._initial)

    def dtype(self, name: str) -> str:
        """The dtype of a state."""
        return self._types[name].dtype

    @property
    def views(self) -> dict[str, Array]:
        """The states by name, {} as long as they are what they began as."""
        return {} if self.batch is None else self._views(self.batch)

    def prepare(self, batch: int) -> None:
        """Makes the states ready for a batch of this size.

        Raises:
            DataError: they belong to another number of sequences.
        """
        self.check(batch)
        if self and self.batch is None:
            self._allocate(batch)

    def check(self, batch: int) -> None:
        """Refuses a batch of another size.

        Raises:
            DataError: the states belong to another number of sequences.
        """
        if self and self.batch not in (None, batch):
            raise DataError(f"the states of the stateful layers belong to {self.batch} sequences, but this batch has "
                            f"{batch}: each call goes on with the sequences of the one before; feed {self.batch}, or "
                            "call net.reset_states() to begin new ones")

    def hold(self, batch: int) -> None:
        """Says that the states are about to change, for a batch of this size."""
        if self:
            self.batch = batch

    def reset(self) -> None:
        """Puts all states back to what they began as; the next batch may have any size."""
        self.batch = None

    def replace(self, values: Mapping[str, Array]) -> None:
        """Replaces the named states, all or none; those that began nowhere yet begin with the same number of rows.

        Raises:
            ShapeError: a shape or dtype does not fit.
        """
        kept = {name: view.copy() for name, view in self.views.items() if name not in values}
        rows = {len(array) if array.ndim else 0 for array in (*values.values(), *kept.values())}
        for name, array in values.items():
            t = self._types[name]
            fits = array.shape[1:] == t.shape[1:] and array.ndim == t.rank and rows == {len(array)} != {0}
            if not fits or not np.can_cast(array.dtype, t.dtype, "same_kind"):
                raise ShapeError(f"state {name!r} is {t.dtype} {format_shape(t.shape)} with as many rows as the other "
                                 f"recurrent states, got {array.dtype} {format_shape(array.shape)}",
                                 "give an array of that shape and dtype, or call net.reset_states() before")
        if values:
            (batch,) = rows
            self._allocate(batch)
            self.batch = batch
            for name, view in self.views.items():
                np.copyto(view, values.get(name, kept.get(name, view)), casting="same_kind")

    @contextmanager
    def set_aside(self) -> Iterator[None]:
        """Within the block the states begin anew; after it they are what they were before."""
        batch, kept = self.batch, {name: view.copy() for name, view in self.views.items()}
        self.reset()
        try:
            yield
        finally:
            self.reset()
            if batch is not None:
                self.replace(kept)

    def _allocate(self, batch: int) -> None:
        for name, slot in recurrent_slots(self._graph, batch).items():
            if self._buffers.sizes.get(slot.buffer) != slot.operand.nbytes:
                self._buffers.replace(slot.buffer, slot.operand.nbytes)
            self._buffers.view(slot).fill(self._initial[name])

    def _views(self, batch: int) -> dict[str, Array]:
        return {name: self._buffers.view(slot) for name, slot in recurrent_slots(self._graph, batch).items()}


def check_whole_batches(owner: str, count: int, batch_size: int) -> None:
    """Refuses samples that do not come to whole batches, which a network with stateful layers needs.

    Raises:
        DataError: the last batch would be smaller than the others.
    """
    rest = count % batch_size
    if count < batch_size or not rest:
        return
    divisors = [size for size in range(batch_size, 0, -1) if count % size == 0]
    raise DataError(f"{owner}: {count} samples in batches of {batch_size} leave a last batch of {rest}, but a network "
                    f"with stateful layers goes on with the same number of sequences in every batch; use a batch_size "
                    f"that divides {count}, such as {divisors[0]}, or leave out the last {rest} samples")
