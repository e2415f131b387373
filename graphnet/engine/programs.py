"""The Programs of one network: made when they are first needed, one for each purpose and batch size.

Those that were used last are kept. All of them run in one arena, and none that has run in a smaller one is kept, since
it would keep that in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from graphnet.common.recent import Recent
from graphnet.compiler.ir import Graph
from graphnet.compiler.passes.attach_update import moment_name
from graphnet.compiler.passes.pipeline import Purpose, Stage
from graphnet.compiler.planning.placement import parameter_slots, state_slots
from graphnet.compiler.planning.policy import Made, Policy
from graphnet.compiler.planning.program import ALIGNMENT, ARENA, NUMPY, PARAMETERS, STATES, Program, Slot
from graphnet.compiler.types import Array, Dims
from graphnet.engine.interrupts import whole
from graphnet.runtime.blas import BlasThreads
from graphnet.runtime.kernels import NumpyTarget
from graphnet.runtime.session import Buffers, Executable

if TYPE_CHECKING:
    from graphnet.runtime.watching import Watcher, Watching

Sizes = tuple[tuple[str, int], ...]
Key = tuple[Purpose, Sizes]
_MADE, _BOUND = 256, 32  # Programs, and those that are bound to memory, which take ten times as much of it


def numpy_policy(optimize: bool = True, memory_limit: int | None = None,
                 check: Callable[[Stage], None] | None = None) -> Policy:
    """How Programs are made for the NumPy backend; see `Policy`."""
    return Policy(NumpyTarget, optimize, memory_limit, check)


@dataclass
class Programs:
    """Makes Programs as a policy says, and binds them to one set of buffers.

    Attributes:
        policy: makes the Programs.
        watchers: what makes those that look on while a Program runs.
        on_made: called with each new Program, the name of its purpose and what the passes did.
        admit: called before one is to run for the first time; raises if it must not.
        buffers: the memory that all Programs share.
        blas_threads: how many threads BLAS has while one is made or runs.
        backend: the name of the backend.
        threads: on how many threads it computes, each with scratch memory of its own; None for as many as BLAS likes.
        bind: makes what runs a Program at dims that are asked for.
    """

    policy: Policy = field(default_factory=numpy_policy)
    watchers: Sequence[Callable[[], Watcher]] = ()
    on_made: Callable[[str, Sequence[Stage], Program], None] | None = None
    admit: Callable[[], None] = lambda: None
    buffers: Buffers = field(default_factory=Buffers)
    blas_threads: BlasThreads = field(default_factory=lambda: BlasThreads(1))
    backend: str = NUMPY
    threads: int | None = 1
    bind: Callable[[Program, Buffers, Dims], Executable] = lambda program, buffers, dims: Executable(program, buffers)
    _watching: WeakKeyDictionary[Executable, Watching] = field(default_factory=WeakKeyDictionary)
    _made: Recent[Key, Made] = field(default_factory=lambda: Recent(_MADE))
    _executables: Recent[Key, Executable] = field(default_factory=lambda: Recent(_BOUND))

    def program(self, purpose: Purpose, dims: Dims) -> Program:
        """The Program for a purpose at these dims.

        Raises:
            MemoryLimitError: it needs more memory than the limit.
        """
        return self._make(purpose, dims).program

    def made(self, purpose: Purpose, dims: Dims) -> Made:
        """The Program with what it was made of, and what for.

        Raises:
            MemoryLimitError: as `program`.
        """
        return self._make(purpose, dims)

    def stages(self, purpose: Purpose) -> list[Stage]:
        """What each pass made of the graph for a purpose."""
        return self.policy.stages(purpose)

    def stages_at(self, purpose: Purpose, dims: Dims) -> list[Stage]:
        """What each pass made of the graph that the Program at these dims was lowered from.

        Raises:
            MemoryLimitError: as `program`.
        """
        return self._make(purpose, dims).all_stages

    def executable(self, purpose: Purpose, dims: Dims, usual: int = 0) -> Executable:
        """The Program for a purpose at these dims, bound and ready to run; `usual` is the size of the batches that this
        one is the rest of."""
        key = purpose, (*sorted(dims.items()), ("", usual))
        found = self._executables.get(key)
        if found is None or found.stale:
            self.admit()
            program = self._make(purpose, dims, usual).program
            grows = program.buffers.get(ARENA, 0) > self.buffers.sizes.get(ARENA, 0)
            self._executables.keep(lambda executable: not (grows or executable.stale))
            with whole:  # of what it compiles
                found = self.bind(program, self.buffers, dims)
            if self.watchers:
                from graphnet.runtime.watching import Watching

                self._watching[found] = Watching(found, self.watchers)
            self._executables.put(key, found)
        return found

    def run(self, executable: Executable) -> None:
        """Runs one whose inputs have been fed."""
        run = partial(self._watching[executable].run, executable) if self.watchers else executable.run
        if executable.uses_blas:
            self.blas_threads.call(run)
        else:
            run()

    def is_watched(self, executable: Executable) -> bool:
        """Whether somebody wants to look on at the next run."""
        return bool(self.watchers) and self._watching[executable].wanted

    def _make(self, purpose: Purpose, dims: Dims, usual: int = 0) -> Made:
        with whole, self.blas_threads:  # constants are computed
            dims = self.policy.dims_of_program(purpose, dims, usual)
        key = purpose, tuple(sorted(dims.items()))
        made = self._made.get(key)
        if made is None:
            with whole, self.blas_threads:
                made = self.policy.make(purpose, dims)
            if self.on_made:
                self.on_made(purpose.name, made.all_stages, made.program)
            self._made.put(key, made)
        return made

    def weights(self, graph: Graph) -> dict[str, Array]:
        """The weights of a declared graph, as views of the buffer that all Programs use."""
        return self._views(PARAMETERS, parameter_slots(graph), 1)

    def states(self, graph: Graph) -> dict[str, Array]:
        """The states of a declared graph, likewise."""
        return self._views(STATES, state_slots(graph), ALIGNMENT)

    def moments(self, graph: Graph, moments: Sequence[str]) -> dict[str, dict[str, Array]]:
        """For each of these moments of the optimizer its part for each trained weight, likewise."""
        slots = parameter_slots(graph)
        trained = [p.name for p in graph.parameters if p.trainable]
        return {moment: self._views(moment_name(moment), {
            name: replace(slots[name], buffer=moment_name(moment)) for name in trained}, 1) for moment in moments}

    def _views(self, buffer: str, slots: Mapping[str, Slot], alignment: int) -> dict[str, Array]:
        end = max((slot.end for slot in slots.values()), default=0)
        self.buffers.prepare({buffer: -(-end // alignment) * alignment})
        return {name: self.buffers.view(slot) for name, slot in slots.items()}
