"""Names the first instruction that makes a NaN or an infinity."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphnet.compiler.errors import NonFiniteError
from graphnet.compiler.op import as_type
from graphnet.compiler.planning.program import Slot, short_name
from graphnet.compiler.types import Array
from graphnet.runtime.session import Executable
from graphnet.runtime.watching import Watched, Watcher

Place = tuple[str, int]


class FiniteCheck(Watcher):
    """Raises after the first instruction with a result that is not finite.

    The ranges of operands are taken when they are made, because an instruction may write over what it reads.
    """

    def __init__(self) -> None:
        self._ranges: dict[Place, str] = {}
        self._sampled: Mapping[int, int] = {}

    def start(self, run: Executable) -> None:
        """Looks at what is fed and at the weights and states.

        Raises:
            NonFiniteError: one of them is not finite.
        """
        program, fed = run.program, run.fed()
        self._sampled = program.sampled
        for kind, slots in (("input", program.inputs), ("weight", program.parameters), ("state", program.states)):
            for name, slot in slots.items():
                array = fed[name] if kind == "input" else run.buffers.view(slot)
                self._ranges[_place(slot)] = describe_range(array)
                if not _is_finite(array):
                    raise NonFiniteError(f"{program.name}: the {kind} {name!r} holds {count_non_finite(array)} before "
                                         f"the run; {_FIXES[kind]}")

    def after(self, watched: Watched) -> None:
        """Looks at the results.

        Raises:
            NonFiniteError: one of them is not finite; the text names the layer and the ranges of the operands.
        """
        i = watched.instruction
        bad = [(slot, array) for slot, array in zip(i.outputs, watched.outputs, strict=True) if not _is_finite(array)]
        if bad:
            slot, array = bad[0]
            place = np.argwhere(~np.isfinite(array))[0]
            if slot.value in self._sampled:
                place[self._sampled[slot.value]] += watched.base
            first = ", ".join(map(str, place))
            lines = [f"instruction {watched.index}, {short_name(i.op)} of {i.origin} ({i.phase}), made "
                     f"{count_non_finite(array)} in %{slot.value} {as_type(array)}, the first at ({first})"]
            lines += [f"  x{n} %{s.value} {as_type(x)}: {self._ranges.get(_place(s), 'not looked at')}"
                      for n, (s, x) in enumerate(zip(i.inputs, watched.inputs, strict=True))]
            raise NonFiniteError("\n".join(lines))
        for slot, array in zip(i.outputs, watched.outputs, strict=True):
            self._ranges[_place(slot)] = describe_range(array)


_FIXES = {"input": "check the data that is fed", "weight": "the training diverged; use a smaller learning rate",
          "state": "the training diverged; use a smaller learning rate"}


def count_non_finite(array: Array) -> str:
    """How many elements are NaN and how many infinite: `2 NaN and 1 infinity of 12 elements`."""
    nans, infinities = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    parts = [f"{count} {what}" for count, what in ((nans, "NaN"), (infinities, "infinite")) if count]
    return f"{' and '.join(parts)} of {array.size:,} elements"


def describe_range(array: Array) -> str:
    """The least and the greatest element, in words."""
    return "empty" if array.size == 0 else f"from {array.min():.6g} to {array.max():.6g}"


def _is_finite(array: Array) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _place(slot: Slot) -> Place:
    return slot.buffer, slot.offset
