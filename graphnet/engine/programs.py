"""The Programs of one network: made when they are first needed, one for each purpose and batch size, then kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from graphnet.compiler.errors import MemoryLimitError
from graphnet.compiler.ir import BACKWARD, Graph
from graphnet.compiler.passes.attach_update import moment_name
from graphnet.compiler.passes.base import Pass
from graphnet.compiler.passes.fold_batch_norm import FoldBatchNorm
from graphnet.compiler.passes.fuse_epilogues import FuseEpilogues
from graphnet.compiler.passes.pipeline import PassManager, Purpose, Stage
from graphnet.compiler.passes.schedule_nodes import ScheduleNodes
from graphnet.compiler.passes.stabilize_cross_entropy import StabilizeCrossEntropy
from graphnet.compiler.planning.lowering import lower
from graphnet.compiler.planning.placement import parameter_slots, state_slots
from graphnet.compiler.planning.program import ALIGNMENT, PARAMETERS, STATES, Program, Slot
from graphnet.compiler.planning.rematerialization import FitMemory, fit_memory
from graphnet.runtime.kernels import NumpyTarget
from graphnet.runtime.session import Buffers, Executable

if TYPE_CHECKING:
    from graphnet.runtime.watching import Watcher

Array = NDArray[Any]
Key = tuple[object, ...]
FULL, PLAIN = "full", "plain"
"""The pipelines with all passes, and with those only that the meaning of a purpose needs."""
_LEFT_OUT: dict[str, tuple[type[Pass], ...]] = {
    FULL: (), "unscheduled": (ScheduleNodes,), "unfolded": (FoldBatchNorm,),
    "unfused": (FoldBatchNorm, FuseEpilogues), "bare": (FoldBatchNorm, FuseEpilogues, ScheduleNodes)}
"""Pipelines, and the passes that they leave out."""
_SAVING = ((FULL, False), ("unscheduled", False), (FULL, True), ("unfolded", True), ("unfused", True), ("bare", True))
"""Pipelines, each with whether kernels get less scratch memory: from the fastest Program to the smallest."""
_GIVEN_UP = 16  # values that may be computed again so that an optimised Program is no larger than a plain one


@dataclass(frozen=True, slots=True)
class _Lowered:
    """A Program, the graph that was lowered to it, what the passes did before, and how it was lowered."""

    stages: list[Stage]
    graph: Graph
    program: Program
    target: NumpyTarget


@dataclass
class Programs:
    """Compiles graphs through the passes and binds the results to one set of buffers.

    Attributes:
        optimize: whether graphs go through the optimising passes, and the compiler may choose layouts and
            work in place.
        memory_limit: bytes of arena that no Program may exceed; None for no limit.
        check: called after each pass that changed a graph.
        watchers: what makes those that look on while a Program runs.
        made: called with each new Program, its purpose and what the passes did.
    """

    optimize: bool = True
    memory_limit: int | None = None
    check: Callable[[Stage], None] | None = None
    watchers: Sequence[Callable[[], Watcher]] = ()
    made: Callable[[str, Sequence[Stage], Program], None] | None = None
    buffers: Buffers = field(default_factory=Buffers)
    _managers: dict[Key, PassManager] = field(default_factory=dict)
    _programs: dict[Key, Program] = field(default_factory=dict)
    _stages: dict[Key, list[Stage]] = field(default_factory=dict)
    _executables: dict[Key, Executable] = field(default_factory=dict)

    def stages(self, key: Key, make: Callable[[], Purpose]) -> list[Stage]:
        """What each pass made of the graph for a purpose."""
        return self._run_passes(key, make, FULL if self.optimize else PLAIN).stages

    def _run_passes(self, key: Key, make: Callable[[], Purpose], pipeline: str) -> PassManager:
        """The passes of a pipeline, once they have run on the graph for a purpose."""
        full = (*key, pipeline)
        if full not in self._managers:
            purpose = make()
            manager = PassManager(purpose.pipeline(pipeline is not PLAIN, _LEFT_OUT.get(pipeline, ())), self.check)
            manager.run(purpose.graph)
            self._managers[full] = manager
        return self._managers[full]

    def program(self, key: Key, make: Callable[[], Purpose], dims: Mapping[str, int]) -> Program:
        """The Program for a purpose at these dims.

        Raises:
            MemoryLimitError: it needs more memory than the limit.
        """
        full = (*key, *sorted(dims.items()))
        if full not in self._programs:
            made = self._lower(key, make, dims)
            stages, program = made.stages, made.program
            if made.graph is not stages[-1].after:
                stages = [*stages, Stage(FitMemory(), stages[-1].after, made.graph)]
                if self.check:
                    self.check(stages[-1])
            if self.made:
                self.made(str(key[0]), stages, program)
            self._programs[full], self._stages[full] = program, stages
        return self._programs[full]

    def stages_at(self, key: Key, make: Callable[[], Purpose], dims: Mapping[str, int]) -> list[Stage]:
        """What each pass made of the graph that the Program at these dims was lowered from.

        Raises:
            MemoryLimitError: as `program`.
        """
        self.program(key, make, dims)
        return self._stages[(*key, *sorted(dims.items()))]

    def _lower(self, key: Key, make: Callable[[], Purpose], dims: Mapping[str, int]) -> _Lowered:
        """Lowers within the limit."""
        made, limit = self._lower_thriftily(key, make, dims), self.memory_limit
        program = made.program
        if limit is None or program.peak <= limit:
            return made
        tried = [self._fitted(made, dims, limit)]
        # With less scratch memory a training step would add up its gradients in another order.
        forward = not any(node.phase == BACKWARD for node in made.graph.nodes)
        for pipeline, frugal in _SAVING if self.optimize and forward else ():
            if tried[-1].program.peak <= limit:
                break
            tried.append(self._fitted(self._lowered(key, make, dims, pipeline, frugal), dims, limit))
        best = min(tried, key=lambda fitted: max(fitted.program.peak, limit))
        if best.program.peak <= limit:
            return best
        least = best.program.peak
        raise MemoryLimitError(f"{program.name} at {dict(dims)} needs {program.peak:,} bytes of arena, and {least:,} "
                               f"when values are computed again instead of kept, but memory_limit is {limit:,}; use "
                               f"smaller batches, or a limit of at least {least:,}")

    def _fitted(self, made: _Lowered, dims: Mapping[str, int], limit: int) -> _Lowered:
        graph, program = fit_memory(made.graph, dims, made.target, limit, made.program, self.optimize)
        return replace(made, graph=graph, program=program)

    def _lower_thriftily(self, key: Key, make: Callable[[], Purpose], dims: Mapping[str, int]) -> _Lowered:
        """The fastest Program that takes no more memory than the one without optimisation does.

        Where the optimised one takes more, its kernels get less scratch memory, then passes are left out, then values
        are computed again. If nothing of that is enough, it is the smallest one, or the plain one, unless that would
        compute a cross-entropy in the less stable form.
        """
        plain = self._lowered(key, make, dims, PLAIN)
        if not self.optimize:
            return plain
        tried = []
        for pipeline, frugal in _SAVING:
            tried.append(self._lowered(key, make, dims, pipeline, frugal))
            if tried[-1].program.peak <= plain.program.peak:
                return tried[-1]
        for made in (tried[0], tried[-1]):
            graph, program = fit_memory(made.graph, dims, made.target, plain.program.peak, made.program,
                                        steps=_GIVEN_UP)
            tried.append(replace(made, graph=graph, program=program))
            if program.peak <= plain.program.peak:
                return tried[-1]
        if not any(stage.changed and isinstance(stage.applied, StabilizeCrossEntropy) for stage in tried[0].stages):
            tried.append(plain)
        return min(tried, key=lambda made: made.program.peak)

    def _lowered(self, key: Key, make: Callable[[], Purpose], dims: Mapping[str, int], pipeline: str,
                 frugal: bool = False) -> _Lowered:
        """The graph after a pipeline, lowered."""
        manager, target = self._run_passes(key, make, pipeline), NumpyTarget(frugal)
        program = lower(manager.result, dims, target, pipeline is not PLAIN)
        return _Lowered(manager.stages, manager.result, program, target)

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

    def executable(self, key: Key, make: Callable[[], Purpose], dims: Mapping[str, int]) -> Executable:
        """The Program for a purpose at these dims, bound and ready to run."""
        full = (*key, *sorted(dims.items()))
        found = self._executables.get(full)
        if found is None or found.stale:
            found = self._bind(self.program(key, make, dims))
            self._executables[full] = found
        return found

    def _bind(self, program: Program) -> Executable:
        if not self.watchers:
            return Executable(program, self.buffers)
        from graphnet.runtime.watching import WatchedExecutable

        return WatchedExecutable(program, self.buffers, self.watchers)
