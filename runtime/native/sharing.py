"""How threads share out the parts of a Program's code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from graphnet.compiler.planning.program import Instruction, Program
from graphnet.compiler.types import BATCH
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.values import I1, Index, Value

SMALL_FLOPS, SMALL_BYTES = 50_000, 20_000
"""What one thread does in about a microsecond; a change of threads takes some tenths of one."""
THREAD_FLOPS, THREAD_BYTES = 4_000_000, 1_000_000
"""What keeps a thread busy for some 50 µs: one that sleeps takes about half as long to come."""


def is_small(instruction: Instruction) -> bool:
    """Whether one thread does an instruction before others could help."""
    return instruction.flops < SMALL_FLOPS and _moved(instruction) < SMALL_BYTES


def useful_threads(program: Program, samples: int) -> int:
    """For how many threads a run on so many samples has work."""
    first, last = program.each or (0, 0)
    blocks = -(-samples // max(program.dims[BATCH], 1)) if program.blocked else 1
    work = sum((blocks if first <= index < last else 1) * (i.flops / THREAD_FLOPS + _moved(i) / THREAD_BYTES)
               for index, i in enumerate(program.instructions))
    return max(1, int(work))


def _moved(instruction: Instruction) -> int:
    """Bytes of operands."""
    return sum(slot.operand.nbytes for slot in (*instruction.inputs, *instruction.outputs))


Share = tuple[Value, Value]
"""The number of a share, and of how many."""


@contextmanager
def shared(f: Function, shares: Index = 1) -> Iterator[Share]:
    """What is written within is done once for each share, by who claims it, when all that stands before it is done. A
    thread begins with its own share, and goes on with what nobody has claimed."""
    f.call("begin", "void", f.barrier, f.thread, f.threads, f.constant(shares))
    with f.loop(0, shares) as k:
        share = (f.thread + k) % shares
        with f.when(f.call("claim", I1, f.barrier, f.thread, f.threads, share)):
            yield share, f.constant(shares)
            f.call("finish", "void", f.barrier, f.threads, f.constant(1))


@contextmanager
def together(f: Function) -> Iterator[Share]:
    """What is written within is done by all threads at once, or by the first one alone."""
    f.call("begin", "void", f.barrier, f.thread, f.threads, f.threads)
    threads = f.call("gather", f.threads.type, f.barrier, f.thread, f.threads)
    with f.when(f.compare("ne", threads, 0)):
        yield f.thread, threads
        f.call("finish", "void", f.barrier, f.threads, f.threads // threads)


WAYS: dict[str, Callable[[Function], AbstractContextManager[Share]]] = {
    "alone": shared, "apart": lambda f: shared(f, f.threads), "together": together}
"""How threads do a part: one all of it, each its share and what nobody has begun, or all at once, meeting within."""
