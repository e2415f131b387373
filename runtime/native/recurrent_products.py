"""The products of recurrent steps: sums over the rows of a panel with weights that were packed beforehand.

Of 16 samples, a weight is broadcast at a time; of one, a row of its panel is. So the same loop serves both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphnet.runtime.native.call import Call, Emit, Size
from graphnet.runtime.native.contract import K, contract
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.machine import LANES, Machine
from graphnet.runtime.native.recurrent_plan import Plan
from graphnet.runtime.native.values import Value


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
class Segment:
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

    def packed(self, plan: Plan) -> int:
        """Floats of its packed weights."""
        return plan.blocks * self.depth * plan.lines * self.gates * plan.span


def rows_of(segments: Sequence[Segment]) -> int:
    """Rows of a panel that all of these take in."""
    return max(segment.start + segment.depth for segment in segments)


Layout = Callable[[Call, Machine], tuple[Plan, Sequence[Segment]]]
"""How a layer is cut, and all its products."""


def packing(layout: Layout) -> tuple[Emit, Size]:
    """What an emitter takes as `prepare` and `prepared`."""
    def prepare(f: Function, call: Call) -> None:
        if call.prepared is not None:
            _pack(f, *layout(call, f.machine), call.x, call.prepared)

    def prepared(call: Call, machine: Machine) -> int:
        plan, segments = layout(call, machine)
        return sum(segment.packed(plan) for segment in segments)
    return prepare, prepared


def _pack(f: Function, plan: Plan, segments: Sequence[Segment], x: Sequence[Value], target: Value) -> None:
    """Weights as (block, row, line, gate), each of one unit or of 16; behind the last unit stands some other's."""
    lo, hi = f.share(plan.blocks)
    for segment in segments:
        size = plan.lines * segment.gates * plan.span
        with f.loop(lo, hi) as block:
            units = [(block * plan.lines + line) * plan.span for line in range(plan.lines)]
            place = f.at(target, block * (segment.depth * size))
            for part in segment.parts:
                _pack_part(f, plan, part, units, x, place)
                place = f.at(place, part.depth * size)
        target = f.at(target, segment.packed(plan))


def _pack_part(f: Function, plan: Plan, part: Part, units: Sequence[Value], x: Sequence[Value], target: Value) -> None:
    places = [f.least(unit, plan.units - 1) * part.unit for unit in units]
    with f.loop(0, part.depth) as k:
        row = f.at(target, k * (len(units) * len(part.gates) * plan.span))
        for line, (unit, place) in enumerate(zip(units, places, strict=True)):
            for gate, (number, first) in enumerate(part.gates):
                source, to = f.at(x[number], place + (k * part.row + first)), line * len(part.gates) + gate
                if plan.span == 1:
                    f.put(f.scalar(source), row, to)
                    continue
                lanes = f.constant(plan.units) - unit
                weights = f.load(source, 0, lanes) if part.unit == 1 else f.gather(source, part.unit, lanes)
                f.store(weights, row, to * LANES)


def products(f: Function, plan: Plan, segments: Sequence[Segment], packed: Value, block: Value, panel: Value,
             sums: Value) -> None:
    """Writes the sums of a block as vectors: of the first product by line and gate, then those of the others."""
    for segment in segments:
        rows = plan.lines * segment.gates
        a = f.at(packed, block * (segment.depth * rows * plan.span))
        b = f.at(panel, segment.start * plan.pitch)
        if plan.span == 1:
            _of_samples(f, plan, a, b, rows, segment.depth, sums)
        else:
            _of_units(f, a, b, rows, segment.depth, sums)
        packed, sums = f.at(packed, segment.packed(plan)), f.at(sums, rows * LANES)


def _of_samples(f: Function, plan: Plan, packed: Value, panel: Value, rows: int, depth: int, sums: Value) -> None:
    tile = max(size for size in range(1, plan.tile + 1) if rows % size == 0)
    with f.loop(0, rows, tile) as first:
        made = contract(f, f.at(packed, first), range(tile), panel, [(0, None)], [K(depth, rows, LANES)])
        for row, (value,) in enumerate(made):
            f.store(value, sums, (first + row) * LANES)


def _of_units(f: Function, packed: Value, panel: Value, rows: int, depth: int, sums: Value) -> None:
    columns = [(row * LANES, None) for row in range(rows)]
    (made,) = contract(f, panel, [0], packed, columns, [K(depth, 1, rows * LANES)])
    for row, value in enumerate(made):
        f.store(value, sums, row * LANES)
