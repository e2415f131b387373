"""What a run of a Program's code is about, as the code is told it."""

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

    COUNT = 0
    """Samples of all steps."""
    SIZE = 1
    """Samples of a step; the last one may have fewer."""
    BEGINS = 2
    """Whether what depends on weights alone is to be made at the first step."""
    RATES = 3
    """The address of the learning rates of the steps."""
    STEP = 4
    """The number of the first step."""
    KEPT = 5
    """The address of where what each step gives is kept; 0 for nowhere."""
    STOPS = 6
    """Whether a step whose loss is not finite is the last; once there was one, minus how many were done."""
    DONE = 7
    """How many steps were done."""
    _FIRST = 8

    def input(self, name: str) -> int:
        """Where the entries of an input begin."""
        return self._FIRST + 3 * self.inputs.index(name)

    def places(self, program: Program) -> dict[str, int]:
        """Where in the bytes that are kept of a step each output is."""
        return dict(zip(self.kept, accumulate(self._sizes(program), initial=0), strict=False))

    def stride(self, program: Program) -> int:
        """How many bytes are kept of a step."""
        return sum(self._sizes(program))

    def _sizes(self, program: Program) -> list[int]:
        """The bytes of each output that is kept, in whole words."""
        return [-(-program.outputs[name].operand.nbytes // 8) * 8 for name in self.kept]

    def output(self, name: str) -> int:
        """Where the entry of an output is."""
        return self._FIRST + 3 * len(self.inputs) + self.outputs.index(name)

    @property
    def length(self) -> int:
        """How many entries there are."""
        return self._FIRST + 3 * len(self.inputs) + len(self.outputs)
