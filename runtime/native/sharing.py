"""How threads share out the parts of a Program's code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from graphnet.compiler.planning.program import Instruction
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.values import I1, Index, Value

SMALL_FLOPS, SMALL_BYTES = 50_000, 20_000
"""What one thread does in about a microsecond; a change of threads takes some tenths of one."""


def is_small(instruction: Instruction) -> bool:
    """Whether one thread does an instruction before others could help."""
    moved = sum(slot.operand.nbytes for slot in (*instruction.inputs, *instruction.outputs))
    return instruction.flops < SMALL_FLOPS and moved < SMALL_BYTES


@contextmanager
def shared(f: Function, shares: Index = 1) -> Iterator[Value]:
    """What is written within is done once for each share, by who claims it, when all that stands before it is done. A
    thread begins with its own share, and goes on with what nobody has claimed."""
    f.call("begin", "void", f.barrier, f.thread, f.threads, f.constant(shares))
    with f.loop(0, shares) as k:
        share = (f.thread + k) % shares
        with f.when(f.call("claim", I1, f.barrier, f.thread, f.threads, share)):
            yield share
            f.call("finish", "void", f.barrier, f.threads, f.constant(1))


@contextmanager
def together(f: Function) -> Iterator[Value]:
    """What is written within is done by all threads at once, or by the first one alone: by how many, it is given."""
    f.call("begin", "void", f.barrier, f.thread, f.threads, f.threads)
    threads = f.call("gather", f.threads.type, f.barrier, f.thread, f.threads)
    with f.when(f.compare("ne", threads, 0)):
        yield threads
        f.call("finish", "void", f.barrier, f.threads, f.threads // threads)
