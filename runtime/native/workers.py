"""The threads that run native code: one pool a process, which sleeps while there is nothing to do.

A run is one call that all threads make at once. The calling thread is one of them; the others belong to the pool, watch
for a call for some microseconds, and then sleep. While the pool is at work for one network, others run on the calling
thread alone, which makes the same bits.
"""

from __future__ import annotations

import ctypes
import itertools
import operator
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from graphnet.runtime.llvm.barrier import watching
from graphnet.runtime.llvm.jit import Loaded, host, yielding
from graphnet.runtime.native.cache import kept
from graphnet.runtime.session import aligned_bytes

WATCHED = 4000
"""Pauses for which a thread looks out for the next call before it sleeps: waking takes some 20 µs."""
YIELD_NS, WAITED = 500, 0.3
"""What a yield takes at least, and the share of a call's time that tells of a busy core if it went by with yields."""
PATIENCE, REST = 4, 200
"""Such calls in a row until there is one thread less, and calls for which there is."""
NAME = "graphnet"
"""What the names of the threads begin with."""
Job = Callable[[], None]
_call: Callable[[Callable[[], object]], object] = operator.call
Enter = Callable[..., None]
Part = Callable[[int, int, int, int], None]
"""Runs a part of some code, by its number, for a block of n samples from the base-th of the total on."""


def available_cores() -> int:
    """The cores that this process may use, by its affinity and by the quota of its control group."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, _quota()))


def _quota() -> int:
    """Whole cores that the control group grants: `cpu.max` of version 2, or the two files of version 1."""
    for paths in (("/sys/fs/cgroup/cpu.max",),
                  ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us")):
        try:
            words = " ".join([Path(path).read_text(encoding="ascii") for path in paths]).split()
            granted, period = int(words[0]), int(words[1])
        except (OSError, ValueError, IndexError):
            continue
        if granted > 0:
            return max(1, -(-granted // period))
    return 1 << 20


class _Pool:
    """Threads that wait for jobs."""

    def __init__(self) -> None:
        self._free: list[None] = [None]
        """Empty while somebody calls."""
        self._starting = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._jobs: list[SimpleQueue[Job | None]] = []
        self._barriers: dict[int, Any] = {}
        self._numbers = itertools.count(1)
        self._calls = aligned_bytes(64).view(np.int64)
        self._code = Loaded(kept("await", host(), lambda: watching(host().triple)))
        self._await = self._code.function("await", ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64,
                                          result=ctypes.c_int64)

    def barrier(self, threads: int) -> Any:
        """Where so many threads meet."""
        if threads not in self._barriers:
            self._barriers.setdefault(threads, new_barrier())
        return self._barriers[threads]

    def call(self, jobs: Sequence[Job]) -> bool:
        """Runs each job on a thread of its own, the first one on this thread; they meet before they return.

        From taking the pool to giving it back all is one call of functions written in C: an interrupt comes before or
        after it, and cannot leave threads waiting for one another.

        Returns:
            Whether it did; not if the pool is at work for somebody else, or there can be no such threads.
        """
        if len(self._jobs) < len(jobs) - 1 and not self._start(len(jobs) - 1):
            return False
        tell = [partial(queue.put, job) for queue, job in zip(self._jobs, jobs[1:], strict=False)]
        number = partial(self._calls.__setitem__, 0, next(self._numbers))
        steps: list[Callable[[], object]] = [self._free.pop, *tell, number, jobs[0], partial(self._free.append, None)]
        try:
            any(map(_call, steps))
        except IndexError:  # of `pop`
            return False
        return True

    def _start(self, count: int) -> bool:
        """Starts threads until there are so many; whether there are."""
        with self._starting:
            while len(self._jobs) < count:
                queue: SimpleQueue[Job | None] = SimpleQueue()
                thread = threading.Thread(target=self._work, args=(queue,), daemon=True,
                                          name=f"{NAME}-{len(self._jobs) + 1}")
                try:
                    thread.start()
                except RuntimeError:  # the system grants no more
                    return False
                self._threads.append(thread)
                self._jobs.append(queue)
        return True

    def end(self) -> None:
        """Ends the threads, if they are not at work; the next call starts others."""
        try:
            self._free.pop()
        except IndexError:
            return
        with self._starting:
            for queue in self._jobs:
                queue.put(None)
            for thread in self._threads:
                thread.join()
            self._jobs.clear()
            self._threads.clear()
        self._free.append(None)

    def _work(self, queue: SimpleQueue[Job | None]) -> None:
        seen, address = 0, self._calls.ctypes.data
        while True:
            seen = self._await(address, seen, WATCHED)
            job = queue.get()
            if job is None:
                return
            job()


_pools: dict[int, _Pool] = {}
"""By process: a forked child has none of its parent's threads."""


def _pool() -> _Pool:
    number = os.getpid()
    return _pools.get(number) or _pools.setdefault(number, _Pool())


def _before_fork() -> None:
    """Python warns of forks of a process that has several threads."""
    pool = _pools.get(os.getpid())
    if pool is not None:
        pool.end()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)


def new_barrier() -> Any:
    """A counter that only grows, the address of what yields, how often that was called, and what the first thread tells
    the others, 64 bytes apart."""
    memory = aligned_bytes(256).view(np.int64)
    memory[8] = yielding()
    return memory


class Workers:
    """Runs code on so many threads, or fewer while other work keeps a core busy.

    Args:
        threads: how many; by default as many as there are cores for this process.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = available_cores() if threads is None else threads
        self._busy = self._resting = 0

    def bind(self, enter: Enter, bases: int, record: int, memory: int, alone: int) -> Part:
        """The function that runs parts of a Program's code on these addresses; `alone` is that of a barrier for when
        one thread runs it."""
        def by_one(what: int, n: int, base: int, total: int) -> None:
            enter(what, bases, record, 0, 1, memory, alone, n, base, total)

        def by_all(what: int, n: int, base: int, total: int) -> None:
            def job(thread: int, barrier: int) -> Job:
                return partial(enter, what, bases, record, thread, threads, memory, barrier, n, base, total)

            threads = self._now()
            if threads == 1 or not self._together(job, threads):
                by_one(what, n, base, total)

        if self.threads == 1:
            return by_one
        _pool()  # not in the first call, during which a process may fork
        return by_all

    def _together(self, job: Callable[[int, int], Job], threads: int) -> bool:
        """Runs the jobs of all threads, made of their numbers and the address of their barrier, if the pool is free."""
        pool = _pool()
        barrier = pool.barrier(threads)
        address, before, start = barrier.ctypes.data, int(barrier[16]), time.perf_counter_ns()
        done = pool.call([job(thread, address) for thread in range(threads)])
        if done:
            self._note(int(barrier[16]) - before, time.perf_counter_ns() - start)
        return done

    def _now(self) -> int:
        if sys.is_finalizing():  # other threads do not come any more
            return 1
        if self._resting:
            self._resting -= 1
            return max(1, self.threads - 1)
        return self.threads

    def _note(self, yields: int, nanoseconds: int) -> None:
        """A thread that shares its core comes late again and again, and the others yield."""
        self._busy = self._busy + 1 if yields * YIELD_NS > nanoseconds * WAITED else 0
        if self._busy == PATIENCE:
            self._busy, self._resting = 0, REST
