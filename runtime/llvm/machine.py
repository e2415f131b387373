"""What code generation knows of a processor. It decides how work is cut, never in which order sums are taken.

Every vector that kernels speak of has 16 lanes. A processor with shorter ones holds it in two or four registers, so the
lanes of a sum are the same everywhere, and so are its bits.
"""

from __future__ import annotations

from dataclasses import dataclass

LANES = 16
"""Floats in a vector."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A processor.

    Attributes:
        lanes: float32 numbers in one of its registers.
        registers: how many vector registers it has.
    """

    lanes: int = 16
    registers: int = 32

    @property
    def vectors(self) -> int:
        """How many vectors of 16 lanes its registers hold."""
        return self.registers * self.lanes // LANES
