"""What timed runs of a Program say: which layers and instructions the time went to, as tables, JSON and a trace."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from graphnet.compiler import html
from graphnet.compiler.atomic import replace_file
from graphnet.compiler.ir import BACKWARD, FORWARD, UPDATE
from graphnet.compiler.planning.program import NUMPY, table
from graphnet.compiler.words import label, screenful, visible

_LAYERS = ("layer", "kind", "source", "forward ms", "backward ms", "update ms", "share", "GFLOP/s", "of peak")
_OTHER = "other ms"
_INSTRUCTIONS = ("#", "phase", "layer", "op", "ms", "share", "MFLOP", "GFLOP/s", "of peak", "bytes")
_INSTRUCTION_NUMBERS = {"#", *_INSTRUCTIONS[4:]}


@dataclass(frozen=True, slots=True)
class InstructionTime:
    """One instruction: median seconds over the steps, FLOPs, and bytes that it reads and writes, for the whole batch.

    Where NumPy runs an instruction of a Program for another backend, `between` says why.
    """

    index: int
    op: str
    phase: str
    layer: str
    source: str
    seconds: float
    flops: int
    nbytes: int
    between: str = ""


@dataclass(frozen=True, slots=True)
class OtherTime:
    """What a run does besides instructions, such as bringing samples in; median seconds over the steps.

    What is `kept` is done again only if the weights have changed, so it is no part of a step.
    """

    name: str
    seconds: float
    kept: bool


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
            Of a network on the native backend, FLOP/s of multiply-adds alone, on as many threads as it has; there more
            than all of them may be reached, as FLOPs are those of direct sums, of which Winograd's convolutions need
            fewer.
        layers: in the order of the Program.
        instructions: in order.
        fastest_seconds: the shortest of the runs.
        cpu_share: the share of the time in which the process computed; above 1 with several threads.
        disturbances: what speaks for a busy machine, in words; empty if it was quiet.
        starts: for each step, when each part of it started and the last one ended, in ns.
        parts: what each of these parts is: the number of an instruction, or the name of what a run does besides. On the
            native backend a part is about one block of samples, so an instruction may have several.
        others: what a run does besides instructions.
        backend: what runs it.
        threads: how many threads do; None for as many as BLAS likes.
        block: samples in a block, where the batch is worked off in blocks; else 0.
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
    parts: tuple[int | str, ...] = field(repr=False)
    others: tuple[OtherTime, ...] = ()
    backend: str = NUMPY
    threads: int | None = None
    block: int = 0

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
        figures = {key: value for key, value in asdict(self).items() if key not in ("starts", "parts")}
        return figures | {"dims": dict(self.dims), "busy": self.busy, "flops": self.flops,
                          "flops_per_second": self.flops_per_second, "share_of_peak": self.share_of_peak}

    def __str__(self) -> str:
        head = self._layer_head()
        return "\n".join([self._title, *table(head, self._layer_rows(), {*head[3:]}), *self._notes()])

    def __repr__(self) -> str:
        return screenful(str(self), f"{self._title}, {_ms(self.step_seconds)} ms a step")

    def _repr_html_(self) -> str:
        *layers, total = self._layer_rows()
        every = html.table(_INSTRUCTIONS, self._instruction_rows(), _INSTRUCTION_NUMBERS)
        head = self._layer_head()
        return html.frame(self._title, html.table(head, layers, head[3:], total), html.lines(self._notes()),
                          html.folded(f"each of the {len(self.instructions)} instructions", every))

    @property
    def _title(self) -> str:
        dims = ", ".join(f"{symbol}={size}" for symbol, size in self.dims.items())
        how = [] if self.backend == NUMPY else [f"{self.backend}, {_count(self.threads or 1, 'thread')}"]
        how += [f"blocks of {self.block}"] if self.block else []
        where = visible("; ".join([dims, *how]))
        return f"profile {label(self.name)}, {self.mode} ({where}): median of {self.steps} steps"

    def _notes(self) -> list[str]:
        what = "a matrix product reaches" if self.backend == NUMPY else "multiply-adds alone reach"
        kept = [f"{other.name} in {_ms(other.seconds)} ms, and again only when the weights have changed"
                for other in self.others if other.kept]
        between = [f"NumPy runs instruction {i.index}, {i.op} of {i.layer or '-'} ({_ms(i.seconds)} ms): {i.between}"
                   for i in self.instructions if i.between]
        return [f"a step takes {_ms(self.step_seconds)} ms: {self.flops_per_second / 1e9:.1f} GFLOP/s, "
                f"{self.share_of_peak:.0%} of the {self.peak / 1e9:.0f} GFLOP/s that {what} here",
                *kept, *between, *[self.warning] * self.busy]

    def _layer_head(self) -> tuple[str, ...]:
        return (*_LAYERS[:6], *[_OTHER] * bool(self.others), *_LAYERS[6:])

    @property
    def _each_step(self) -> list[OtherTime]:
        return [other for other in self.others if not other.kept]

    def _layer_rows(self) -> list[tuple[str, ...]]:
        """A row for each layer, and the total."""
        beside = sum(other.seconds for other in self._each_step)
        total = sum(row.seconds for row in self.layers) + beside
        none = [""] * bool(self.others)
        rows: list[tuple[str, ...]] = [
            (label(row.layer), label(row.kind), label(row.source), _ms(row.forward), _ms(row.backward), _ms(row.update),
             *none, _share(row.seconds, total), *self._rate(row.flops, row.seconds)) for row in self.layers]
        rows += [(other.name, "", "", "", "", "", _ms(other.seconds), _share(other.seconds, total), "", "")
                 for other in self._each_step]
        rows.append(("total", "", "", *(_ms(sum(getattr(row, phase) for row in self.layers))
                                        for phase in (FORWARD, BACKWARD, UPDATE)), *[_ms(beside)] * bool(self.others),
                     "100.0%", *self._rate(self.flops, total)))
        return rows

    def instruction_table(self) -> str:
        """Every instruction with its time."""
        rows = table(_INSTRUCTIONS, self._instruction_rows(), _INSTRUCTION_NUMBERS)
        return "\n".join([*rows, *[self.warning] * self.busy])

    def _instruction_rows(self) -> list[tuple[str, ...]]:
        total = sum(i.seconds for i in self.instructions) + sum(other.seconds for other in self._each_step)
        rows: list[tuple[str, ...]] = [(str(i.index), i.phase, i.layer, i.op, _ms(i.seconds), _share(i.seconds, total),
                 f"{i.flops / 1e6:.2f}", *self._rate(i.flops, i.seconds), f"{i.nbytes:,}") for i in self.instructions]
        return rows + [("", "", "", other.name, _ms(other.seconds), _share(other.seconds, total), "", "", "", "")
                       for other in self._each_step]

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
            events += [self._event(part, start - origin, end - start)
                       for part, start, end in zip(self.parts, times, times[1:], strict=False)]
        return {"traceEvents": events, "displayTimeUnit": "ms",
                "otherData": {"model": self.name, "mode": self.mode, **{k: str(v) for k, v in self.dims.items()}}}

    def _event(self, part: int | str, start: int, duration: int) -> dict[str, Any]:
        if isinstance(part, str):
            return _event(part, "other", start, duration, {})
        i = self.instructions[part]
        return _event(f"{i.layer}: {i.op}", i.phase, start, duration,
                      {"instruction": i.index, "layer": i.layer, "source": i.source, "flops": i.flops,
                       "bytes": i.nbytes})

    def _rate(self, flops: int, seconds: float) -> tuple[str, str]:
        rate = flops / seconds if seconds else 0.0
        return f"{rate / 1e9:.2f}", f"{rate / self.peak:.0%}"


def _event(name: str, category: str, start: int, duration: int, args: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "cat": category, "ph": "X", "ts": start / 1e3, "dur": duration / 1e3, "pid": 1, "tid": 1,
            "args": args}


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "0.0%"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3f}"
