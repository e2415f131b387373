"""Times a Program instruction by instruction, and says which layers the time went to.

Nothing here touches the normal path: a profile calls the same bound functions that `Executable.run` calls, with a clock
in between, which costs about 0.1 µs an instruction. Where a run is one call, its parts are called one by one, with what
a call costs taken off, and the time of the whole is that of the one call.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median

import numpy as np

from graphnet.compiler.ir import BACKWARD, FORWARD, UPDATE, Origin
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.planning.program import NUMPY, Instruction, Program, short_name
from graphnet.compiler.types import BATCH, FLOATS
from graphnet.compiler.words import label
from graphnet.runtime.disturbance import cpu_share, disturbances
from graphnet.runtime.profile_report import InstructionTime, LayerTime, OtherTime, Profile
from graphnet.runtime.session import Executable, Part

_WARM_UP = 2
_PEAK_SIZE, _PEAK_RUNS, _PEAK_PATIENCE = 768, 48, 6
_IDLE = 5  # calls that do nothing, a step


@dataclass(frozen=True, slots=True)
class Run:
    """A timed run: when each part of it started and the last one ended, and how long the process computed, in ns."""

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
    parts, program, native = list(run.walk()), run.program, run.program.backend != NUMPY
    code, whole, idle = [part.run for part in parts], [run.run], [run.idle]
    for _ in range(_WARM_UP):
        _time_run(code, feed)
    runs, wholes, idles = [], [], []
    for _ in range(steps):
        runs.append(_time_run(code, feed))
        if native:  # where the whole is one call, that takes less than its parts do
            wholes.append(_time_run(whole, feed))
            idles += [_time_run(idle, feed) for _ in range(_IDLE)]
    dtype = next((p.operand.dtype for p in program.parameters.values() if p.operand.dtype in FLOATS), FLOATS[0])
    peak = run.processor_peak() or measure_peak(dtype, threads)
    return make_profile(program, mode, runs, peak, Walk(parts, run.samples, run.threads, wholes,
                                                        min([idled.wall for idled in idles], default=0)))


@dataclass(frozen=True, slots=True)
class Walk:
    """What the parts of timed runs are.

    Attributes:
        parts: as they ran.
        samples: in the batch.
        threads: as in `Profile`.
        wholes: runs of the same without a clock in between; empty if that makes no difference.
        idle: ns that each part takes besides its work.
    """

    parts: Sequence[Part]
    samples: int
    threads: int | None
    wholes: Sequence[Run]
    idle: int


def make_profile(program: Program, mode: str, runs: Sequence[Run], peak: float, walk: Walk | None = None) -> Profile:
    """What runs of a Program say, on a machine that reaches `peak` FLOP/s; without a walk, of instructions alone."""
    count, native = len(program.instructions), program.backend != NUMPY
    keys = [_key(part) for part in walk.parts] if walk else [*range(count)]
    kept = {part.name for part in walk.parts if part.kept} if walk else set()
    raw = [median(run.starts[i + 1] - run.starts[i] for run in runs) for i in range(len(keys))]
    spent: dict[int | str, float] = dict.fromkeys([*range(count), *keys], 0.0)
    for key, part in zip(keys, raw, strict=True):
        spent[key] += max(part - (walk.idle if walk else 0), 0)
    walls, cpus = [run.wall for run in runs], [run.cpu for run in runs]
    wholes = (walk.wholes if walk else ()) or runs
    whole = median(run.wall for run in wholes)
    parts = sum(time for key, time in spent.items() if key not in kept)
    scale = whole / parts / 1e9 if parts else 0.0
    seconds = [spent[index] * scale for index in range(count)]
    rows = tuple(_instruction(index, program, s, walk) for index, s in enumerate(seconds))
    others = tuple(OtherTime(key, time * scale, key in kept) for key, time in spent.items() if isinstance(key, str))
    layers = _by_layer(program.instructions, seconds, [row.flops for row in rows])
    timed = [*((row.flops, row.seconds) for row in layers), *((row.flops, row.seconds) for row in rows)]
    best = 0.0 if native else max((flops / time for flops, time in timed if time), default=0.0)
    found = tuple(disturbances(walls, cpus, sum(raw), best / peak)) if keys else ()
    dims = {**program.dims, BATCH: walk.samples} if walk and BATCH in program.dims else program.dims
    return Profile(program.name, mode, dict(dims), len(runs), whole / 1e9, max(peak, best), layers, rows,
                   min(run.wall for run in wholes) / 1e9, cpu_share(walls, cpus), found,
                   tuple(run.starts for run in runs), tuple(keys), others, program.backend,
                   walk.threads if walk else None, program.dims[BATCH] if program.blocked else 0)


def _key(part: Part) -> int | str:
    return part.name or part.instruction


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


def _by_layer(instructions: tuple[Instruction, ...], seconds: list[float],
              flops_of: list[int]) -> tuple[LayerTime, ...]:
    """The layers, with their share of what the instructions took and of the FLOPs of the whole batch."""
    times: dict[str, dict[str, float]] = {}
    flops: dict[str, float] = {}
    origins: dict[str, Origin] = {}
    for instruction, spent, whole in zip(instructions, seconds, flops_of, strict=True):
        times_as_many = whole / instruction.flops if instruction.flops else 0
        for origin, (share, cost) in split_by_layer(instruction).items():
            name = origin.layer or "-"
            if not origins.setdefault(name, origin).source and origin.source:
                origins[name] = origin
            by_phase = times.setdefault(name, {FORWARD: 0.0, BACKWARD: 0.0, UPDATE: 0.0})
            by_phase[instruction.phase] += share * spent
            flops[name] = flops.get(name, 0) + cost * times_as_many
    return tuple(LayerTime(name, origins[name].kind, origins[name].source, by[FORWARD], by[BACKWARD], by[UPDATE],
                           round(flops[name])) for name, by in times.items())


def _time_run(code: list[Callable[[], None]], feed: Callable[[], None]) -> Run:
    feed()
    clock, cpu = time.perf_counter_ns, time.process_time_ns()
    times = [clock()]
    for step in code:
        step()
        times.append(clock())
    return Run(tuple(times), time.process_time_ns() - cpu)


def _instruction(index: int, program: Program, seconds: float, walk: Walk | None) -> InstructionTime:
    """What there is to say of an instruction: of one that runs for each block, of all of them."""
    i, (first, last) = program.instructions[index], program.each or (0, 0)
    block, samples, blocks = 1, 1, 1
    if walk and program.blocked and first <= index < last:
        block, samples = program.dims[BATCH], walk.samples
        blocks = -(-samples // block)
    nbytes = sum(slot.operand.nbytes * samples // block if slot.value in program.sampled
                 else slot.operand.nbytes * blocks for slot in (*i.inputs, *i.outputs))
    return InstructionTime(index, short_name(i.op), i.phase, label(i.origin.layer), label(i.origin.source), seconds,
                           i.flops * samples // block, nbytes, program.between.get(index, ""))
