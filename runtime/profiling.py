"""Times a Program instruction by instruction, and says which layers the time went to.

Nothing here touches the normal path: a profile calls the same bound functions that `Executable.run` calls, with a clock
in between, which costs about 0.1 µs an instruction.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from statistics import median
from typing import Any

import numpy as np

from graphnet.compiler.atomic import replace_file
from graphnet.compiler.ir import BACKWARD, FORWARD, UPDATE, Origin
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.planning.program import Instruction, short_name, table
from graphnet.compiler.types import FLOATS
from graphnet.runtime.session import Executable

_WARM_UP = 2
_PEAK_SIZE, _PEAK_RUNS = 768, 6


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
    within the one walk cannot be observed.

    Attributes:
        name: of the model.
        mode: the purpose.
        dims: the numbers that symbols stand for.
        steps: how many runs were timed, after two to warm up.
        step_seconds: the median of a whole run.
        peak: FLOP/s that this machine was measured to reach in a product of two 768 × 768 matrices of the network's
            dtype, with as many threads as the network's own products use.
        layers: in the order of the Program.
        instructions: in order.
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
    starts: tuple[tuple[int, ...], ...] = field(repr=False)

    @property
    def flops(self) -> int:
        """FLOPs of a run."""
        return sum(i.flops for i in self.instructions)

    @property
    def flops_per_second(self) -> float:
        """What the whole run reaches."""
        return self.flops / self.step_seconds

    @property
    def share_of_peak(self) -> float:
        """That as a share of `peak`."""
        return self.flops_per_second / self.peak

    def to_json(self) -> dict[str, Any]:
        """All figures as plain data, the raw times apart (those are in the trace)."""
        figures = {key: value for key, value in asdict(self).items() if key != "starts"}
        return figures | {"dims": dict(self.dims), "flops": self.flops, "flops_per_second": self.flops_per_second,
                          "share_of_peak": self.share_of_peak}

    def __str__(self) -> str:
        dims = ", ".join(f"{symbol}={size}" for symbol, size in self.dims.items())
        head = ("layer", "kind", "source", "forward ms", "backward ms", "update ms", "share", "GFLOP/s", "of peak")
        total = sum(row.seconds for row in self.layers)
        rows: list[tuple[str, ...]] = [
            (row.layer, row.kind, row.source, _ms(row.forward), _ms(row.backward), _ms(row.update),
             f"{row.seconds / total:.1%}", *self._rate(row.flops, row.seconds)) for row in self.layers]
        rows.append(("total", "", "", *(_ms(sum(getattr(row, phase) for row in self.layers))
                                        for phase in (FORWARD, BACKWARD, UPDATE)), "100.0%",
                     *self._rate(self.flops, total)))
        return "\n".join([
            f"profile {self.name}, {self.mode} ({dims}): median of {self.steps} steps", *table(head, rows, {*head[3:]}),
            f"a step takes {_ms(self.step_seconds)} ms: {self.flops_per_second / 1e9:.1f} GFLOP/s, "
            f"{self.share_of_peak:.0%} of the {self.peak / 1e9:.0f} GFLOP/s that a matrix product reaches here"])

    def instruction_table(self) -> str:
        """Every instruction with its time."""
        head = ("#", "phase", "layer", "op", "ms", "share", "MFLOP", "GFLOP/s", "of peak", "bytes")
        total = sum(i.seconds for i in self.instructions)
        rows = [(str(i.index), i.phase, i.layer, i.op, _ms(i.seconds), f"{i.seconds / total:.1%}",
                 f"{i.flops / 1e6:.2f}", *self._rate(i.flops, i.seconds), f"{i.nbytes:,}") for i in self.instructions]
        return "\n".join(table(head, rows, {"#", *head[4:]}))

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


def profile_executable(run: Executable, mode: str, feed: Callable[[], None], steps: int) -> Profile:
    """Times a Program.

    Args:
        run: the bound Program.
        mode: its purpose, for the report.
        feed: writes the inputs; called before each run, because inputs lie in the arena and are written over.
        steps: how many runs to time, ≥ 1.
    """
    code = [step for _, step in run.steps]
    for _ in range(_WARM_UP):
        _time_run(code, feed)
    starts = tuple(_time_run(code, feed) for _ in range(steps))
    seconds = [median(times[i + 1] - times[i] for times in starts) / 1e9 for i in range(len(code))]
    program = run.program
    dtype = next((p.operand.dtype for p in program.parameters.values() if p.operand.dtype in FLOATS), FLOATS[0])
    rows = tuple(_instruction(index, i, s) for index, (i, s) in enumerate(
        zip(program.instructions, seconds, strict=True)))
    return Profile(program.name, mode, dict(program.dims), steps,
                   median(times[-1] - times[0] for times in starts) / 1e9, measure_peak(dtype),
                   _by_layer(program.instructions, seconds), rows, starts)


@cache
def measure_peak(dtype: str) -> float:
    """FLOP/s of a product of two 768 × 768 matrices, the best of six: about 0.1 s, once a process and dtype."""
    a, b = (np.random.default_rng(seed).random((_PEAK_SIZE, _PEAK_SIZE)).astype(dtype) for seed in (0, 1))
    out, best = np.empty_like(a), math.inf
    for _ in range(_PEAK_RUNS):
        start = time.perf_counter()
        np.matmul(a, b, out)
        best = min(best, time.perf_counter() - start)
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


def _time_run(code: list[Callable[[], None]], feed: Callable[[], None]) -> tuple[int, ...]:
    """When each step started and the last one ended, in ns."""
    feed()
    clock = time.perf_counter_ns
    times = [clock()]
    for step in code:
        step()
        times.append(clock())
    return tuple(times)


def _instruction(index: int, i: Instruction, seconds: float) -> InstructionTime:
    nbytes = sum(slot.operand.nbytes for slot in (*i.inputs, *i.outputs))
    return InstructionTime(index, short_name(i.op), i.phase, i.origin.layer, i.origin.source, seconds, i.flops, nbytes)


def _event(name: str, category: str, start: int, duration: int, args: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "cat": category, "ph": "X", "ts": start / 1e3, "dur": duration / 1e3, "pid": 1, "tid": 1,
            "args": args}


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3f}"
