"""How recurrent kernels cut a layer, and its products: sums over the rows of a panel with weights packed beforehand.

A vector holds one unit of 16 samples, a group; of a batch of one sample it holds 16 units. A panel has a group's numbers
row by row. Some vectors along the units make a block, whose products are worked out together: of samples a weight is
broadcast at a time, of one sample a row of its panel is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import lcm

from graphnet.runtime.native.contract import K, contract
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.machine import LANES, Machine
from graphnet.runtime.native.values import Value

WORTH = 1 << 16
"""Multiply-adds of a step that are worth the time in which threads meet."""


@dataclass(frozen=True, slots=True)
class Part:
    """Weights of some rows of a panel: the weight of row k and a unit is k · row + unit · `unit` behind its gate's.

    Attributes:
        depth: number of rows.
        row, unit: floats between those of rows, and of units.
        gates: by gate the input that has its weights, and the first one's place there.
    """

    depth: int
    row: int
    unit: int
    gates: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Product:
    """A product with consecutive rows of a panel, from row `start` on."""

    start: int
    parts: tuple[Part, ...]

    @property
    def depth(self) -> int:
        """Number of rows."""
        return sum(part.depth for part in self.parts)

    @property
    def gates(self) -> int:
        """Sums of a unit."""
        return len(self.parts[0].gates)


class Plan:
    """The sizes of a layer's vectors and blocks; none has a say in the order of a sum.

    Args:
        machine: how much its registers hold.
        batch: samples.
        units: of the layer.
        stages: the products of each stage of a step.
        rows: of a panel.
        states: that are kept from step to step.

    Attributes:
        span: units in a vector.
        pitch: floats between rows of a panel.
        lines: vectors in a block.
        tile: rows of a register tile at most.
        blocks: of all units.
        shared: whether threads share out blocks, and meet at every stage; if not, they share out groups.
        common: floats of the memory of a group: two panels, and states.
        scratch: all floats. Behind those in common a thread has sums of a block, and a panel of units, of its own.
    """

    def __init__(self, machine: Machine, batch: int, units: int, stages: Sequence[Sequence[Product]], rows: int,
                 states: int) -> None:
        self.batch, self.units, self.stages, self.tile = batch, units, stages, 12 if machine.vectors > LANES else 6
        self.span, self.pitch = (LANES, 1) if batch == 1 else (1, LANES)
        products = [product for stage in stages for product in stage]
        gates, vectors = [product.gates for product in products], -(-units // self.span)
        if batch == 1:
            self.lines = -(-vectors // -(-vectors // max(1, self.tile // max(gates))))
        else:
            self.lines = min(units, lcm(*(lcm(gate, self.tile) // gate for gate in gates)))
        self.blocks = -(-vectors // self.lines)
        work = batch * units * sum(product.depth * product.gates for product in products)
        self.shared = self.blocks > 1 and work >= WORTH
        self.rows, self.common = rows, 2 * self.floats(rows) + states * self.floats(units)
        self.spare = self.common + self.lines * sum(gates) * LANES
        self.scratch = self.spare + self.floats(units)

    def floats(self, rows: int) -> int:
        """Of a panel of so many rows, with room for whole vectors behind its last."""
        return (-(-rows // LANES) + 1) * LANES * self.pitch

    def packed(self, products: Sequence[Product]) -> int:
        """Floats of their packed weights."""
        return sum(self.blocks * p.depth * self.lines * p.gates * self.span for p in products)

    def pack(self, f: Function, x: Sequence[Value], target: Value) -> None:
        """Packs weights as (block, row, line, gate), each of one unit or of 16; behind the last stands some other's."""
        for product in (product for stage in self.stages for product in stage):
            first = 0
            for part in product.parts:
                with f.loop(*f.share(self.blocks)) as block, f.loop(0, part.depth) as k, f.loop(0, self.lines) as line:
                    unit = f.least((block * self.lines + line) * self.span, self.units - 1)
                    row = ((block * product.depth + k + first) * self.lines + line) * product.gates
                    for gate, (number, place) in enumerate(part.gates):
                        source = f.at(x[number], k * part.row + unit * part.unit + place)
                        self._pack(f, part.unit, source, f.at(target, (row + gate) * self.span), unit)
                first += part.depth
            target = f.at(target, self.packed([product]))

    def _pack(self, f: Function, apart: int, source: Value, target: Value, unit: Value) -> None:
        if self.span == 1:
            f.put(f.scalar(source), target)
            return
        lanes = f.constant(self.units) - unit
        f.store(f.load(source, 0, lanes) if apart == 1 else f.gather(source, apart, lanes), target)

    def multiply(self, f: Function, products: Sequence[Product], packed: Value, block: Value, panel: Value,
                 sums: Value) -> None:
        """Writes the sums of a block as vectors: of the first product by line and gate, then those of the others."""
        for product in products:
            rows = self.lines * product.gates
            a, b = f.at(packed, block * (product.depth * rows * self.span)), f.at(panel, product.start * self.pitch)
            tile = max(size for size in range(1, self.tile + 1) if rows % size == 0) if self.span == 1 else rows
            with f.loop(0, rows, tile) as row:
                if self.span == 1:
                    made = [value for value, in contract(f, f.at(a, row), range(tile), b, [(0, None)],
                                                         [K(product.depth, rows, LANES)])]
                else:
                    columns = [(LANES * i, None) for i in range(rows)]
                    made = contract(f, b, [0], a, columns, [K(product.depth, 1, rows * LANES)])[0]
                for i, value in enumerate(made):
                    f.store(value, sums, (row + i) * LANES)
            packed, sums = f.at(packed, self.packed([product])), f.at(sums, rows * LANES)
