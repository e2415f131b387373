"""The threads that run native code: one pool a process, which sleeps while there is nothing to do.

A run is one call that all threads make at once. The calling thread is one of them; the others belong to the pool, watch
for a call for some microseconds, and then sleep. While the pool is at work for one network, others run on the calling
thread alone, which makes the same bits.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
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
    """Threads that wait for calls. Whoever holds the lock may call."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._wakers: list[threading.Semaphore] = []
        self._sleeping: list[bool] = []
        self._calls = aligned_bytes(64).view(np.int64)
        self._job: tuple[int, Callable[[int], None], int] = (0, lambda thread: None, 0)
        self._code = Loaded(kept("await", host(), lambda: watching(host().triple)))
        self._await = self._code.function("await", ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64,
                                          result=ctypes.c_int64)

    def call(self, job: Callable[[int], None], threads: int) -> None:
        """job(0), …, job(threads - 1), each on a thread of its own; they meet before they return."""
        for number in range(len(self._wakers), threads - 1):
            self._start(number)
        number = self._job[0] + 1
        self._job = number, job, threads
        try:
            self._calls[0] = number
            for waker, sleeping in zip(self._wakers[:threads - 1], self._sleeping, strict=False):
                if sleeping:
                    waker.release()
        finally:  # the others wait for this thread, whatever interrupts it
            job(0)

    def _start(self, number: int) -> None:
        self._wakers.append(threading.Semaphore(0))
        self._sleeping.append(False)
        threading.Thread(target=self._work, args=(number, self._job[0]), daemon=True,
                         name=f"graphnet-{number + 1}").start()

    def _work(self, number: int, done: int) -> None:
        calls, address = self._calls, self._calls.ctypes.data
        while True:
            if self._await(address, done, WATCHED) == done:
                self._sleeping[number] = True
                if calls[0] == done:  # no call came in between
                    self._wakers[number].acquire()
                self._sleeping[number] = False
            now, job, threads = self._job
            if now != done:
                done = now
                if number + 1 < threads:
                    job(number + 1)


@cache
def _pool() -> _Pool:
    return _Pool()


@cache
def _barrier(threads: int) -> Any:
    """Where so many threads of the pool meet."""
    return new_barrier()


def new_barrier() -> Any:
    """A counter that only grows, the address of what yields, how often that was called, and what the first thread tells
    the others, 64 bytes apart."""
    memory = aligned_bytes(256).view(np.int64)
    memory[8] = yielding()
    return memory


def _forget() -> None:
    """A forked child has none of its parent's threads."""
    _pool.cache_clear()
    _barrier.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


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
        def call(what: int, n: int, base: int, total: int) -> None:
            threads = self._now()
            if threads == 1 or not _pool().lock.acquire(blocking=False):
                enter(what, bases, record, 0, 1, memory, alone, n, base, total)
                return
            try:
                barrier = _barrier(threads)
                address, before, start = barrier.ctypes.data, int(barrier[16]), time.perf_counter_ns()
                rest = threads, memory, address, n, base, total
                _pool().call(lambda thread: enter(what, bases, record, thread, *rest), threads)
                self._note(int(barrier[16]) - before, time.perf_counter_ns() - start)
            finally:
                _pool().lock.release()
        return call

    def _now(self) -> int:
        if self._resting:
            self._resting -= 1
            return max(1, self.threads - 1)
        return self.threads

    def _note(self, yields: int, nanoseconds: int) -> None:
        """A thread that shares its core comes late again and again, and the others yield."""
        self._busy = self._busy + 1 if yields * YIELD_NS > nanoseconds * WAITED else 0
        if self._busy == PATIENCE:
            self._busy, self._resting = 0, REST
