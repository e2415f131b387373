"""The threads that run native code: one pool a process, which sleeps while there is nothing to do.

A run is one call that all threads make at once. The calling thread is one of them; the others belong to the pool, watch
for a call for some microseconds, and then sleep. While the pool is at work for one network, others run on the calling
thread alone, which makes the same bits.
"""

from __future__ import annotations

import ctypes
import operator
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from graphnet.runtime.llvm.barrier import CALL_SIZE, FIRST_LINE, LINE, MET, TAKEN, YIELD, calling
from graphnet.runtime.llvm.jit import Loaded, host, yielding
from graphnet.runtime.native.cache import kept
from graphnet.runtime.session import aligned_bytes

WATCHED = 10_000
"""Pauses for which a thread looks out for the next call before it sleeps: 0.25 ms, as there are between steps that are
called for one by one. Waking takes 20 to 50 µs."""
USEFUL = 1.1
"""Cores' worth of work that several threads must get done: one gets done 1."""
PATIENCE_NS, REST_NS = 10_000_000, 500_000_000
"""How much work may be missing until there is one thread less, and for how long: most steps then take what they take
with that, and soon after a core is free again all threads run."""
NAME = "graphnet"
"""What the names of the threads begin with."""
_call: Any = operator.call
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
    """Threads that wait for calls."""

    def __init__(self) -> None:
        self._free: list[None] = [None]
        """Empty while somebody calls."""
        self._starting = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._waking: list[SimpleQueue[bool]] = []
        """For each thread what it sleeps by; it is told whether to go on."""
        self._asleep: dict[int, Callable[[], object]] = {}
        """What wakes each thread that sleeps or is about to, by its number."""
        self._barriers: dict[int, Any] = {}
        self._memory = aligned_bytes(CALL_SIZE * 8).view(np.int64)
        self._memory[YIELD], self._address = yielding(), self._memory.ctypes.data
        self._code = Loaded(kept("pool", host(), lambda: calling(host().triple)))
        pointer, number = ctypes.c_void_p, ctypes.c_int64
        self._announce = self._code.function("announce", pointer, pointer, number, pointer, pointer, number, pointer,
                                             pointer, number, number, number)
        self._lead = partial(self._code.function("lead", pointer), self._address)
        self._serve = self._code.function("serve", pointer, number, number, number, result=number)

    def barrier(self, threads: int) -> Any:
        """Where so many threads meet."""
        if threads not in self._barriers:
            self._barriers.setdefault(threads, new_barrier(threads))
        return self._barriers[threads]

    def call(self, threads: int, *given: object) -> bool:
        """Makes a call, as `announce` is given it, on this thread and others; it is over when they all have left it.

        From taking the pool to giving it back all is one call of functions written in C: an interrupt comes before or
        after it, and cannot leave threads waiting for one another. The interpreter lock orders falling asleep and being
        woken: who falls asleep after those who sleep were looked for sees that there is a call.

        Returns:
            Whether it did; not if the pool is at work for somebody else, or there can be no such threads.
        """
        if len(self._threads) < threads - 1 and not self._start(threads - 1):
            return False
        sleepers = map(_call, [partial(self._asleep.pop, thread, int) for thread in range(1, threads)])
        steps: list[Callable[[], object]] = [self._free.pop, partial(self._announce, self._address, *given),
                                             partial(any, map(_call, sleepers)), self._lead,
                                             partial(self._free.append, None)]
        try:
            any(map(_call, steps))
        except IndexError:  # of `pop`
            return False
        return True

    def _start(self, count: int) -> bool:
        """Starts threads until there are so many; whether there are."""
        with self._starting:
            while len(self._threads) < count:
                number, waking = len(self._threads) + 1, SimpleQueue[bool]()
                thread = threading.Thread(target=self._work, args=(number, waking), daemon=True,
                                          name=f"{NAME}-{number}")
                try:
                    thread.start()
                except RuntimeError:  # the system grants no more
                    return False
                self._waking.append(waking)
                self._threads.append(thread)
        return True

    def end(self) -> None:
        """Ends the threads, if they are not at work; the next call starts others."""
        try:
            self._free.pop()
        except IndexError:
            return
        with self._starting:
            for waking in self._waking:
                waking.put(False)
            for thread in self._threads:
                thread.join()
            self._waking.clear()
            self._threads.clear()
            self._asleep.clear()
        self._free.append(None)

    def _work(self, number: int, waking: SimpleQueue[bool]) -> None:
        seen, goes_on = 0, True
        while goes_on:
            seen = self._serve(self._address, number, seen, WATCHED)
            self._asleep[number] = partial(waking.put, True)
            call = int(self._memory[0])
            if call % 2 == 0 or call == seen:  # else one has been opened since
                goes_on = waking.get()


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


def new_barrier(threads: int = 1) -> Any:
    """Memory of a barrier for so many threads."""
    memory = aligned_bytes(8 * (FIRST_LINE + LINE * threads)).view(np.int64)
    memory[YIELD] = yielding()
    return memory


class Workers:
    """Runs code on so many threads, or fewer while other work keeps a core busy.

    Args:
        threads: how many; by default as many as there are cores for this process.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = available_cores() if threads is None else threads
        self._lost, self._rested = 0.0, 0

    def bind(self, enter: Any, bases: int, record: int, memory: int, alone: int, useful: int) -> Part:
        """The function that runs parts of a Program's code on these addresses.

        Args:
            enter: the code's function.
            bases, record, memory: what it is called with.
            alone: the address of a barrier for when one thread runs it.
            useful: for how many threads there is work.
        """
        def by_one(what: int, n: int, base: int, total: int) -> None:
            enter(what, bases, record, 0, 1, memory, alone, n, base, total)

        def by_all(what: int, n: int, base: int, total: int) -> None:
            threads = min(self._now(), useful)
            if threads == 1 or not self._together(threads, (address, what, bases, record, threads, memory),
                                                  (n, base, total)):
                by_one(what, n, base, total)

        if min(self.threads, useful) == 1:
            return by_one
        _pool()  # not in the first call, during which a process may fork
        address = ctypes.cast(enter, ctypes.c_void_p).value
        return by_all

    def _together(self, threads: int, given: tuple[object, ...], block: tuple[int, int, int]) -> bool:
        """Runs code on so many threads, if the pool is free."""
        pool = _pool()
        barrier = pool.barrier(threads)
        start, used = time.perf_counter_ns(), time.process_time_ns()
        done = pool.call(threads, *given, barrier.ctypes.data, *block)
        if done:
            waited = int(barrier[FIRST_LINE + 1]) + int(barrier[MET]) // threads
            self._note(time.perf_counter_ns() - start, time.process_time_ns() - used,
                       waited / max(int(barrier[TAKEN]), 1))
        return done

    def _now(self) -> int:
        if sys.is_finalizing():  # other threads do not come any more
            return 1
        return self.threads - (time.perf_counter_ns() < self._rested)

    def _note(self, wall: int, used: int, waited: float) -> None:
        """Adds up what a call got done too little, which used so much processor time, part of it waiting: a thread that
        shares its core is late again and again."""
        self._lost = max(0.0, self._lost + wall * (USEFUL + waited) - used)
        if self._lost > PATIENCE_NS:
            self._lost, self._rested = 0.0, time.perf_counter_ns() + REST_NS
