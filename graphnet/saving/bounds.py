"""How much work and memory the network of a file may ask for, so that a file cannot keep a machine busy for ever.

How many samples there are is up to who feeds them; what one sample takes, and what the samples in a file take, is up to
who made the file, and is bounded by its size before anything runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphnet.compiler.errors import GnetFormatError, MemoryLimitError, WorkLimitError
from graphnet.compiler.ir import Graph
from graphnet.compiler.planning.program import Program
from graphnet.compiler.types import BATCH
from graphnet.engine.engine import INFERENCE_BATCH, Engine
from graphnet.engine.runner import PREDICT
from graphnet.runtime.work import measure_work

if TYPE_CHECKING:
    from graphnet.runtime.gnet import Contents

LEAST_MEMORY, MEMORY_PER_BYTE = 256 << 20, 4096
"""Bytes that a network of a small file may take, and that one of a larger file may for each byte of it."""
LEAST_WORK, WORK_PER_BYTE = 50_000_000_000, 500_000
"""Operations likewise: a few seconds, whatever they are spent on (see `graphnet.runtime.work`)."""


@dataclass(frozen=True)
class Bounds:
    """Bytes and operations."""

    memory: int
    work: int


def bounds_of(contents: Contents, memory: int | None = None, work: int | None = None) -> Bounds:
    """What the network of a file may take: what the caller says, or else what suits the file's size."""
    size = len(contents.header) + sum(tensor.array.nbytes for tensor in contents.tensors.values())
    return Bounds(max(LEAST_MEMORY, MEMORY_PER_BYTE * size) if memory is None else memory,
                  max(LEAST_WORK, WORK_PER_BYTE * size) if work is None else work)


def check_sample(graph: Graph, bounds: Bounds, arena: bool) -> None:
    """Refuses to run a graph that takes more than the bounds for one sample, with every free dim 1.

    Args:
        graph: of a file.
        bounds: of its file.
        arena: whether its arrays count; if not, whoever plans them keeps to a limit.

    Raises:
        MemoryLimitError: it takes more memory.
        WorkLimitError: it takes more work.
    """
    from graphnet.runtime.gnet import forward_peak

    work = measure_work(graph, dict.fromkeys(graph.symbols, 1))
    memory = work.kept + (forward_peak(graph) if arena else 0)
    if memory > bounds.memory:
        raise MemoryLimitError(_refusal(graph.name, "bytes of memory", memory, bounds.memory, "memory"))
    if work.operations > bounds.work:
        raise WorkLimitError(_refusal(graph.name, "operations of work", work.operations, bounds.work, "work"))


def _refusal(name: str, what: str, needed: int, limit: int, kind: str) -> str:
    return (f"{name} takes {needed:,} {what} for one sample, but the limit for its file is {limit:,}; if you trust the "
            f"file, give gn.load {kind}_limit={needed}, or the command --{kind}-limit {needed}")


def check_replay(network: Engine, rows: int, dims: dict[str, int], bounds: Bounds) -> None:
    """Refuses to compute the samples of a file again where that takes more than the bounds.

    Args:
        network: of the file.
        rows: how many samples there are.
        dims: numbers for other symbols.
        bounds: of the file.

    Raises:
        GnetFormatError: it takes more.
    """
    work = measure_work(network.graph, dims | {BATCH: rows})
    _hold("operations of work", work.operations, bounds.work, "--work-limit", rows)
    _hold("bytes of memory", work.kept, bounds.memory, "--memory-limit", rows)
    program: Program = network.program(PREDICT, min(rows, INFERENCE_BATCH), **dims)
    _hold("bytes of memory", work.kept + sum(program.buffers.values()), bounds.memory, "--memory-limit", rows)


def _hold(what: str, needed: int, limit: int, option: str, rows: int) -> None:
    if needed > limit:
        samples = "its sample" if rows == 1 else f"its {rows:,} samples"
        raise GnetFormatError(f"computing {samples} again takes {needed:,} {what}, but the limit is {limit:,}; if you "
                              f"trust the file, use {option} {needed}", ("meta", "samples"))
