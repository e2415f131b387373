"""Times a Program instruction by instruction, and says which layers the time went to.

Nothing here touches the normal path: a profile calls the same bound functions that `Executable.run` calls, with a clock
in between, which costs about 0.1 µs an instruction.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from statistics import median
from typing import Any

import numpy as np

from graphnet.compiler import html
from graphnet.compiler.atomic import replace_file
from graphnet.compiler.ir import BACKWARD, FORWARD, UPDATE, Origin
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.planning.program import Instruction, Program, short_name, table
from graphnet.compiler.types import FLOATS
from graphnet.compiler.words import label, screenful, visible
from graphnet.runtime.disturbance import cpu_share, disturbances
from graphnet.runtime.session import Executable

_LAYERS = ("layer", "kind", "source", "forward ms", "backward ms", "update ms", "share", "GFLOP/s", "of peak")
_INSTRUCTIONS = ("#", "phase", "layer", "op", "ms", "share", "MFLOP", "GFLOP/s", "of peak", "bytes")
_INSTRUCTION_NUMBERS = {"#", *_INSTRUCTIONS[4:]}
_WARM_UP = 2
_PEAK_SIZE, _PEAK_RUNS, _PEAK_PATIENCE = 768, 48, 6


@dataclass(frozen=True, slots=True)
class InstructionTime:
    """One instruction: median seconds over the steps, FLOPs, and bytes that it reads and writes."""

    index: int
    op: str
    phase: str
    layer: str
    source: str
    seconds: float
    flops: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class LayerTime:
    """One layer of the user: seconds by phase, and FLOPs of all phases."""

    layer: str
    kind: str
    source: str
    forward: float
    backward: float
    update: float
    flops: int

    @property
    def seconds(self) -> float:
        """Of all phases."""
        return self.forward + self.backward + self.update


@dataclass(frozen=True, slots=True)
class Profile:
    """Where the time of a Program goes; `str()` is a table of layers, `instruction_table` has every instruction.

    The time of a fused instruction is shared out to the layers of its ops by their FLOPs: how long each of them takes
    within the one walk cannot be observed. Times of instructions are medians over the steps, scaled so that they add up
    to the median of a whole step. If the machine was busy with other things, the report says so and why it thinks so.

    Attributes:
        name: of the model.
        mode: the purpose.
        dims: the numbers that symbols stand for.
        steps: how many runs were timed, after two to warm up.
        step_seconds: the median of a whole run.
        peak: FLOP/s that this machine was measured to reach in a product of two 768 × 768 matrices of the network's
            dtype, with as many threads as the network's own products use; or in an instruction, if that was faster.
        layers: in the order of the Program.
        instructions: in order.
        fastest_seconds: the shortest of the runs.
        cpu_share: the share of the time in which the process computed; above 1 with several threads.
        disturbances: what speaks for a busy machine, in words; empty if it was quiet.
        starts: for each step, when each instruction started and the last one ended, in ns.
    """

    name: str
    mode: str
    dims: Mapping[str, int]
    steps: int
    step_seconds: float
    peak: float
    layers: tuple[LayerTime, ...]
    instructions: tuple[InstructionTime, ...]
    fastest_seconds: float
    cpu_share: float
    disturbances: tuple[str, ...]
    starts: tuple[tuple[int, ...], ...] = field(repr=False)

    @property
    def flops(self) -> int:
        """FLOPs of a run."""
        return sum(i.flops for i in self.instructions)

    @property
    def flops_per_second(self) -> float:
        """What the whole run reaches."""
        return self.flops / self.step_seconds if self.step_seconds else 0.0  # there may be nothing to compute

    @property
    def share_of_peak(self) -> float:
        """That as a share of `peak`."""
        return self.flops_per_second / self.peak

    @property
    def busy(self) -> bool:
        """Whether the machine was busy with other things."""
        return bool(self.disturbances)

    @property
    def warning(self) -> str:
        """A line that says that the machine was busy, and how that shows; empty if it was not."""
        found = (*self.disturbances, f"the fastest step took {_ms(self.fastest_seconds)} ms")
        return f"the machine was busy, so figures are rough: {'; '.join(found)}" if self.busy else ""

    def to_json(self) -> dict[str, Any]:
        """All figures as plain data, the raw times apart (those are in the trace)."""
        figures = {key: value for key, value in asdict(self).items() if key != "starts"}
        return figures | {"dims": dict(self.dims), "busy": self.busy, "flops": self.flops,
                          "flops_per_second": self.flops_per_second, "share_of_peak": self.share_of_peak}

    def __str__(self) -> str:
        return "\n".join([self._title, *table(_LAYERS, self._layer_rows(), {*_LAYERS[3:]}), *self._notes()])

    def __repr__(self) -> str:
        return screenful(str(self), f"{self._title}, {_ms(self.step_seconds)} ms a step")

    def _repr_html_(self) -> str:
        *layers, total = self._layer_rows()
        every = html.table(_INSTRUCTIONS, self._instruction_rows(), _INSTRUCTION_NUMBERS)
        return html.frame(self._title, html.table(_LAYERS, layers, _LAYERS[3:], total), html.lines(self._notes()),
                          html.folded(f"each of the {len(self.instructions)} instructions", every))

    @property
    def _title(self) -> str:
        dims = ", ".join(f"{symbol}={size}" for symbol, size in self.dims.items())
        return f"profile {label(self.name)}, {self.mode} ({visible(dims)}): median of {self.steps} steps"

    def _notes(self) -> list[str]:
        return [f"a step takes {_ms(self.step_seconds)} ms: {self.flops_per_second / 1e9:.1f} GFLOP/s, "
                f"{self.share_of_peak:.0%} of the {self.peak / 1e9:.0f} GFLOP/s that a matrix product reaches here",
                *[self.warning] * self.busy]

    def _layer_rows(self) -> list[tuple[str, ...]]:
        """A row for each layer, and the total."""
        total = sum(row.seconds for row in self.layers)
        rows: list[tuple[str, ...]] = [
            (label(row.layer), label(row.kind), label(row.source), _ms(row.forward), _ms(row.backward), _ms(row.update),
             f"{row.seconds / total:.1%}", *self._rate(row.flops, row.seconds)) for row in self.layers]
        rows.append(("total", "", "", *(_ms(sum(getattr(row, phase) for row in self.layers))
                                        for phase in (FORWARD, BACKWARD, UPDATE)), "100.0%",
                     *self._rate(self.flops, total)))
        return rows

    def instruction_table(self) -> str:
        """Every instruction with its time."""
        rows = table(_INSTRUCTIONS, self._instruction_rows(), _INSTRUCTION_NUMBERS)
        return "\n".join([*rows, *[self.warning] * self.busy])

    def _instruction_rows(self) -> list[tuple[str, ...]]:
        total = sum(i.seconds for i in self.instructions)
        return [(str(i.index), i.phase, i.layer, i.op, _ms(i.seconds), f"{i.seconds / total:.1%}",
                 f"{i.flops / 1e6:.2f}", *self._rate(i.flops, i.seconds), f"{i.nbytes:,}") for i in self.instructions]

    def save_trace(self, path: str | os.PathLike[str]) -> None:
        """Writes every timed run as a trace that Perfetto (ui.perfetto.dev) and chrome://tracing open."""
        replace_file(path, [json.dumps(self.trace()).encode()], owner="save_trace")

    def trace(self) -> dict[str, Any]:
        """The trace as data, in the Trace Event Format (Google 2016): complete events, times in µs."""
        origin = self.starts[0][0]
        names = {"process_name": f"graphnet {self.name}", "thread_name": f"{self.mode} Program"}
        events: list[dict[str, Any]] = [
            {"name": kind, "ph": "M", "pid": 1, "tid": 1, "args": {"name": name}} for kind, name in names.items()]
        for step, times in enumerate(self.starts):
            events.append(_event(f"step {step}", "step", times[0] - origin, times[-1] - times[0], {}))
            events += [_event(f"{i.layer}: {i.op}", i.phase, start - origin, end - start,
                              {"instruction": i.index, "layer": i.layer, "source": i.source, "flops": i.flops,
                               "bytes": i.nbytes})
                       for i, start, end in zip(self.instructions, times, times[1:], strict=False)]
        return {"traceEvents": events, "displayTimeUnit": "ms",
                "otherData": {"model": self.name, "mode": self.mode, **{k: str(v) for k, v in self.dims.items()}}}

    def _rate(self, flops: int, seconds: float) -> tuple[str, str]:
        rate = flops / seconds if seconds else 0.0
        return f"{rate / 1e9:.2f}", f"{rate / self.peak:.0%}"


@dataclass(frozen=True, slots=True)
class Run:
    """A timed run: when each instruction started and the last one ended, and how long the process computed, in ns."""

    starts: tuple[int, ...]
    cpu: int

    @property
    def wall(self) -> int:
        """How long it took."""
        return self.starts[-1] - self.starts[0]


def profile_executable(run: Executable, mode: str, feed: Callable[[], None], steps: int,
                       threads: int | None = None) -> Profile:
    """Times a Program.

    Args:
        run: the bound Program.
        mode: its purpose, for the report.
        feed: writes the inputs; called before each run, because inputs lie in the arena and are written over.
        steps: how many runs to time, ≥ 1.
        threads: how many BLAS uses meanwhile; None for as many as it likes.
    """
    code, program = [part.run for part in run.walk()], run.program
    for _ in range(_WARM_UP):
        _time_run(code, feed)
    runs = [_time_run(code, feed) for _ in range(steps)]
    dtype = next((p.operand.dtype for p in program.parameters.values() if p.operand.dtype in FLOATS), FLOATS[0])
    return make_profile(program, mode, runs, measure_peak(dtype, threads))


def make_profile(program: Program, mode: str, runs: Sequence[Run], peak: float) -> Profile:
    """What runs of a Program say, on a machine that reaches `peak` FLOP/s."""
    parts = [median(run.starts[i + 1] - run.starts[i] for run in runs) for i in range(len(program.instructions))]
    walls, cpus = [run.wall for run in runs], [run.cpu for run in runs]
    whole = median(walls)
    scale = whole / sum(parts) / 1e9 if any(parts) else 0.0
    seconds = [part * scale for part in parts]
    rows = tuple(_instruction(index, i, s) for index, (i, s) in enumerate(
        zip(program.instructions, seconds, strict=True)))
    layers = _by_layer(program.instructions, seconds)
    rates = [row.flops / row.seconds for row in rows if row.seconds]
    best = max([row.flops / row.seconds for row in layers if row.seconds] + rates, default=0.0)
    found = tuple(disturbances(walls, cpus, sum(parts), best / peak)) if parts else ()
    return Profile(program.name, mode, dict(program.dims), len(runs), whole / 1e9, max(peak, best), layers, rows,
                   min(walls) / 1e9, cpu_share(walls, cpus), found, tuple(run.starts for run in runs))


@cache
def measure_peak(dtype: str, threads: int | None = None) -> float:
    """FLOP/s of a product of two 768 × 768 matrices with as many threads as BLAS uses now: about 0.1 s, measured once.

    The best of runs until six in a row were no better, so that a busy machine gets more of them.
    """
    a, b = (np.random.default_rng(seed).random((_PEAK_SIZE, _PEAK_SIZE)).astype(dtype) for seed in (0, 1))
    out, best, since = np.empty_like(a), math.inf, 0
    for _ in range(_PEAK_RUNS):
        start = time.perf_counter()
        np.matmul(a, b, out)
        taken = time.perf_counter() - start
        best, since = (taken, 0) if taken < 0.98 * best else (min(best, taken), since + 1)
        if since == _PEAK_PATIENCE:
            break
    return 2 * _PEAK_SIZE ** 3 / best


def split_by_layer(instruction: Instruction) -> dict[Origin, tuple[float, int]]:
    """The layers that an instruction works for: the share of its time that each gets, and its FLOPs."""
    op = instruction.op
    if not isinstance(op, Fused):
        return {instruction.origin: (1.0, instruction.flops)}
    flops: dict[Origin, int] = {}
    for node in op.body.nodes:
        types = op.body.types
        cost = node.op.flops(tuple(types[v] for v in node.inputs), tuple(types[v] for v in node.outputs))
        flops[node.origin] = flops.get(node.origin, 0) + cost
    total = sum(flops.values())
    return {origin: (cost / total if total else 1 / len(flops), cost) for origin, cost in flops.items()}


def _by_layer(instructions: tuple[Instruction, ...], seconds: list[float]) -> tuple[LayerTime, ...]:
    times: dict[str, dict[str, float]] = {}
    flops: dict[str, int] = {}
    origins: dict[str, Origin] = {}
    for instruction, spent in zip(instructions, seconds, strict=True):
        for origin, (share, cost) in split_by_layer(instruction).items():
            name = origin.layer or "-"
            if not origins.setdefault(name, origin).source and origin.source:
                origins[name] = origin
            by_phase = times.setdefault(name, {FORWARD: 0.0, BACKWARD: 0.0, UPDATE: 0.0})
            by_phase[instruction.phase] += share * spent
            flops[name] = flops.get(name, 0) + cost
    return tuple(LayerTime(name, origins[name].kind, origins[name].source, by[FORWARD], by[BACKWARD], by[UPDATE],
                           flops[name]) for name, by in times.items())


def _time_run(code: list[Callable[[], None]], feed: Callable[[], None]) -> Run:
    feed()
    clock, cpu = time.perf_counter_ns, time.process_time_ns()
    times = [clock()]
    for step in code:
        step()
        times.append(clock())
    return Run(tuple(times), time.process_time_ns() - cpu)


def _instruction(index: int, i: Instruction, seconds: float) -> InstructionTime:
    nbytes = sum(slot.operand.nbytes for slot in (*i.inputs, *i.outputs))
    return InstructionTime(index, short_name(i.op), i.phase, label(i.origin.layer), label(i.origin.source), seconds,
                           i.flops, nbytes)


def _event(name: str, category: str, start: int, duration: int, args: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "cat": category, "ph": "X", "ts": start / 1e3, "dur": duration / 1e3, "pid": 1, "tid": 1,
            "args": args}


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3f}"
