"""What memory a Program takes and for what, known before it runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from graphnet.compiler import html
from graphnet.compiler.passes.attach_update import moment_name
from graphnet.compiler.planning.liveness import arena_bytes, arena_slots
from graphnet.compiler.planning.program import (
    ARENA,
    GRADIENTS,
    NUMPY,
    PACKED,
    PARAMETERS,
    SCRATCH,
    STATES,
    Program,
    Slot,
    short_name,
)
from graphnet.compiler.types import BATCH
from graphnet.compiler.words import label, screenful, visible

PREPARED, THREADS, RESULTS = "prepared", "threads", "results"


@dataclass(frozen=True, slots=True)
class Peak:
    """The instruction during which most bytes of the arena are live."""

    instruction: int
    op: str
    layer: str
    source: str


@dataclass(frozen=True, slots=True)
class MemoryReport:
    """Bytes that a Program takes; `str()` is a table.

    The arena is shared by everything that lives for a part of a run only. Its three parts are those at the peak:
    `activations` (inputs, results of layers and their gradients), `scratch` of kernels, and `unused` (alignment, and
    gaps that nothing fitted into). So activations + scratch + unused = arena, and all but the three add up to `total`.
    Not counted are NumPy's temporaries, which do not grow with the batch: up to 0.7 MB where a kernel evaluates a
    formula of several steps piece by piece (GELU, say); nor copies of samples that a caller gives in another dtype.
    Without optimisation kernels are the reference, which allocates as it pleases.

    Attributes:
        name: of the Program.
        dims: the numbers that its symbols stand for.
        parameters: all weights.
        gradients: of all trained weights, in a training Program; in others they are results and lie in the arena.
        optimizer: the optimizer's moments.
        states: running statistics, random counters, recurrent states.
        arena: the most that activations and scratch take at one time.
        prepared: what is made of weights alone and kept for the next run: folded weights, and weights as the native
            backend's kernels want them.
        threads: what the threads of the native backend work in, all together.
        results: arrays of rows that the native backend gives the results of samples out in.
        peak: when most of the arena is in use; None if there are no instructions.
        thread_count: how many threads there are.
        block: samples in a block, where batches are worked off in blocks; else 0. The arena is that of one block.
        values: the bytes of all arena values and scratch that the Program makes, had each its own memory.
    """

    name: str
    dims: Mapping[str, int]
    parameters: int
    gradients: int
    optimizer: int
    states: int
    activations: int
    scratch: int
    unused: int
    arena: int
    prepared: int
    threads: int
    results: int
    total: int
    values: int
    peak: Peak | None
    thread_count: int = 1
    block: int = 0

    def to_json(self) -> dict[str, Any]:
        """All figures as plain data."""
        return asdict(self) | {"dims": dict(self.dims)}

    def __str__(self) -> str:
        rows = self._rows()
        width = max(len(size) for _, size in rows)
        return "\n".join([self._title, *(f"  {what:<13} {size:>{width}} bytes" for what, size in rows), *self._notes()])

    def __repr__(self) -> str:
        return screenful(str(self), f"MemoryReport {label(self.name)}: {self.total:,} bytes")

    def _repr_html_(self) -> str:
        *rows, total = self._rows()
        return html.frame(self._title, html.table(("for", "bytes"), rows, ("bytes",), total), html.lines(self._notes()))

    @property
    def _title(self) -> str:
        dims = ", ".join(f"{symbol}={size}" for symbol, size in self.dims.items())
        return f"memory {label(self.name)} ({visible(dims)}{f'; blocks of {self.block}' if self.block else ''})"

    def _rows(self) -> list[tuple[str, str]]:
        rows = (("parameters", self.parameters), ("gradients", self.gradients), ("optimizer", self.optimizer),
                ("states", self.states), ("arena", self.arena), ("  activations", self.activations),
                ("  scratch", self.scratch), ("  unused", self.unused), (PREPARED, self.prepared),
                (THREADS, self.threads), (RESULTS, self.results), ("total", self.total))
        return [(what, f"{size:,}") for what, size in rows if size or what not in (PREPARED, THREADS, RESULTS)]

    def _notes(self) -> Iterator[str]:
        if self.peak:
            place = f" at {label(self.peak.source)}" if self.peak.source else ""
            yield (f"the arena is fullest at instruction {self.peak.instruction}, {self.peak.op} of "
                   f"{label(self.peak.layer)}{place}")
        if self.threads and self.thread_count > 1:
            yield (f"each of {self.thread_count} threads works in {self.threads // self.thread_count:,} bytes of its "
                   "own; memory_limit counts those of one")
        share = self.values / self.arena if self.arena else 1
        yield f"with memory of its own for each value it would be {self.values:,} bytes ({share:.1f} times)"


def measure_memory(program: Program, dims: Mapping[str, int] | None = None, threads: int = 1) -> MemoryReport:
    """The memory that a Program takes at these dims, which are its own unless it works off blocks."""
    sizes, dims = program.buffers, program.dims if dims is None else dims
    live = arena_bytes(program)
    index = max(range(len(live)), key=lambda i: sum(live[i]), default=None)
    activations, scratch = (0, 0) if index is None else live[index]
    arena, scratch_of_all = sizes.get(ARENA, 0), sizes.get(SCRATCH, 0) * threads
    results = _rows(program, dims.get(BATCH, 1)) if program.backend != NUMPY else 0
    optimizer = sum(size for name, size in sizes.items() if name.startswith(moment_name("")))
    return MemoryReport(
        program.name, dict(dims), sizes.get(PARAMETERS, 0), sizes.get(GRADIENTS, 0), optimizer,
        sum(size for name, size in sizes.items() if name.split("/")[0] == STATES), activations,
        scratch, arena - activations - scratch, arena,
        sizes.get(PACKED, 0) + (sizes[program.prepared] if program.prepared else 0), scratch_of_all, results,
        sum(size for name, size in sizes.items() if name != SCRATCH) + scratch_of_all + results,
        sum(slot.operand.nbytes for slot in arena_values(program)), None if index is None else _peak(program, index),
        threads, program.dims[BATCH] if program.blocked else 0)


def _rows(program: Program, samples: int) -> int:
    """Bytes of the results that have a row for each sample, for so many samples."""
    forms = [slot.operand for name, slot in program.outputs.items() if name in program.batched]
    return sum(samples * math.prod(form.shape[1:]) * np.dtype(form.dtype).itemsize for form in forms)


def arena_values(program: Program) -> list[Slot]:
    """Every value in the arena, each once, and the scratch of each instruction; no views."""
    values = {slot.value: slot for slot, _ in arena_slots(program) if slot.value >= 0}
    read_only = {s.value for i in program.instructions for s in i.inputs} - {
        s.value for i in program.instructions for s in i.outputs} - {s.value for s in program.inputs.values()}
    scratch = [slot for i in program.instructions for slot in i.workspace]
    return [slot for value, slot in values.items() if value not in read_only] + scratch


def _peak(program: Program, index: int) -> Peak:
    i = program.instructions[index]
    return Peak(index, short_name(i.op), i.origin.layer, i.origin.source)
