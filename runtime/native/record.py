"""The record of a run: what it is about, for machine code and for whoever calls it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from graphnet.compiler.planning.program import Program


@dataclass(frozen=True)
class Record:
    """Where what is in the record of a run, an array of int64.

    Attributes:
        inputs, outputs: the names of those that have a row for each sample; of an input there are the address of its
            array, that of an order (0 if there is none) and the number of the first sample, of an output that of its
            array.
        kept: the names of the other outputs, whose values after each step are kept where the record says.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    kept: tuple[str, ...]

    COUNT, SIZE, BEGINS, RATES, STEP, KEPT, STOPS, DONE, _FIRST = range(9)
    """Samples of all steps, and of one, of which the last may have fewer; whether what depends on weights alone is to
    be made at the first step; the address of the steps' learning rates; the number of the first step; the address of
    where what each gives is kept, or 0; whether a step whose loss is not finite is the last, and once there was one,
    minus how many there were until then; how many were done."""

    def input(self, name: str) -> int:
        """Where the entries of an input begin."""
        return self._FIRST + 3 * self.inputs.index(name)

    def places(self, program: Program) -> tuple[dict[str, int], int]:
        """Where in the bytes that are kept of a step each output is, in whole words; and how many bytes that are."""
        sizes = [-(-program.outputs[name].operand.nbytes // 8) * 8 for name in self.kept]
        return dict(zip(self.kept, accumulate(sizes, initial=0), strict=False)), sum(sizes)

    def output(self, name: str) -> int:
        """Where the entry of an output is."""
        return self._FIRST + 3 * len(self.inputs) + self.outputs.index(name)

    @property
    def length(self) -> int:
        """How many entries there are."""
        return self._FIRST + 3 * len(self.inputs) + len(self.outputs)
