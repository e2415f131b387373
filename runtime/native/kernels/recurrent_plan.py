"""How recurrent kernels cut a layer, and its products: sums over the rows of a panel with weights packed beforehand.

A vector holds one unit of 16 samples, a group; of a batch of one sample it holds 16 units. A panel has the numbers of a
group row by row. Some vectors along the units make a block, whose products are worked out together: of samples a weight
is broadcast at a time, of one sample a number of its panel is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import lcm

from graphnet.runtime.llvm.contract import K, contract
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.machine import LANES, Machine
from graphnet.runtime.llvm.values import Index, Value

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
    gates: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Product:
    """A product with consecutive rows of a panel, from row `start` on."""

    start: int
    parts: Sequence[Part]

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
        batch, units: of the layer.
        stages: the products of each stage of a step.
        rows: of a panel.
        states: that are kept beside panels from step to step.

    Attributes:
        span: units in a vector.
        pitch: floats between rows of a panel.
        lines: vectors in a block.
        blocks: of all units.
        shared: whether threads share out blocks, and meet at every stage; if not, they share out groups.
        sums, spare, scratch: where in memory, behind two panels and states, sums of a block begin, a panel of units
            does, and all ends.
        prepared: floats of all packed weights.
    """

    def __init__(self, machine: Machine, batch: int, units: int, stages: Sequence[Sequence[Product]], rows: int,
                 states: int) -> None:
        self.batch, self.units, self.stages, self.rows = batch, units, stages, rows
        self.span, self.pitch = (LANES, 1) if batch == 1 else (1, LANES)
        self._tile = 12 if machine.vectors > LANES else 6
        gates, vectors = [product.gates for stage in stages for product in stage], -(-units // self.span)
        self.lines = min(vectors, lcm(*(lcm(gate, self._tile) // gate for gate in gates)))
        if batch == 1:
            self.lines = -(-vectors // -(-vectors // max(1, self._tile // max(gates))))
        self.blocks = -(-vectors // self.lines)
        work = batch * units * sum(product.depth * product.gates for stage in stages for product in stage)
        self.shared = self.blocks > 1 and work >= WORTH
        self.sums = ((2 * rows + states * units) // LANES + 2) * LANES * self.pitch
        self.spare = self.sums + self.lines * sum(gates) * LANES
        self.scratch = self.spare + (units + LANES) * self.pitch
        self.prepared = sum(self.packed(*products) for products in stages)

    def packed(self, *products: Product) -> int:
        """Floats of their packed weights."""
        return sum(self.blocks * p.depth * self.lines * p.gates * self.span for p in products)

    def pack(self, f: Function, x: Sequence[Value], target: Value) -> None:
        """Packs weights as (block, row, line, gate), each of one unit or of 16; behind the last stands some other's."""
        for product in (product for stage in self.stages for product in stage):
            first: Index = 0
            for part in product.parts:
                with f.loop(*f.share(self.blocks)) as block, f.loop(0, part.depth) as k, f.loop(0, self.lines) as line:
                    unit = f.least((block * self.lines + line) * self.span, self.units - 1)
                    row = ((block * product.depth + k + first) * self.lines + line) * product.gates
                    for gate, (number, place) in enumerate(part.gates):
                        source = f.at(x[number], k * part.row + unit * part.unit + place)
                        self._pack(f, part.unit, source, f.at(target, (row + gate) * self.span), unit)
                first += part.depth
            target = f.at(target, self.packed(product))

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
            size = self.lines * product.gates
            a, b = f.at(packed, block * (product.depth * size * self.span)), f.at(panel, product.start * self.pitch)
            tile = max(count for count in range(1, self._tile + 1) if size % count == 0)
            with f.loop(0, size, tile if self.span == 1 else size) as row:
                if self.span == 1:
                    made = contract(f, f.at(a, row), range(tile), b, [(0, None)], [K(product.depth, size, LANES)])
                else:
                    made = contract(f, b, [0], a, [(LANES * i, None) for i in range(size)],
                                    [K(product.depth, 1, size * LANES)])
                for i, value in enumerate(value for line in made for value in line):
                    f.store(value, sums, (row + i) * LANES)
            packed, sums = f.at(packed, self.packed(product)), f.at(sums, size * LANES)
