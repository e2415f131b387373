"""Which pipelines are tried to make a Program, and in what order memory is saved.

An optimised Program never takes more memory than a plain one, nor than the limit: its kernels get less scratch memory,
then passes are left out, then values are computed again instead of kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from graphnet.compiler.errors import MemoryLimitError
from graphnet.compiler.ir import BACKWARD, Graph
from graphnet.compiler.passes.base import Pass
from graphnet.compiler.passes.fold_batch_norm import FoldBatchNorm
from graphnet.compiler.passes.fuse_epilogues import FuseEpilogues
from graphnet.compiler.passes.pipeline import PassManager, Purpose, Stage
from graphnet.compiler.passes.schedule_nodes import ScheduleNodes
from graphnet.compiler.planning.lowering import lower
from graphnet.compiler.planning.program import Program, Target
from graphnet.compiler.planning.rematerialization import FitMemory, fit_memory
from graphnet.compiler.types import Dims

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
class Made:
    """A Program, the graph that was lowered to it, what the passes did before, and what it was lowered for."""

    stages: list[Stage]
    graph: Graph
    program: Program
    target: Target

    @property
    def all_stages(self) -> list[Stage]:
        """What the passes did, and after them the recomputation of values, if there is any."""
        last = self.stages[-1].after
        return self.stages if self.graph is last else [*self.stages, Stage(FitMemory(), last, self.graph)]


@dataclass
class Policy:
    """Makes Programs. Runs each pipeline on the graph of a purpose once.

    Attributes:
        target: the backend, from whether its kernels are to get as little scratch memory as they can do with.
        optimize: whether graphs go through the optimising passes, and the compiler may choose layouts and
            work in place.
        memory_limit: bytes of arena that no Program may exceed; None for no limit.
        check: called after each pass that changed a graph.
        pools: whether convolutions and the poolings behind them may become one; see `FuseEpilogues`.
    """

    target: Callable[[bool], Target]
    optimize: bool = True
    memory_limit: int | None = None
    check: Callable[[Stage], None] | None = None
    pools: bool = False
    _managers: dict[tuple[Purpose, str], PassManager] = field(default_factory=dict)

    def dims_of_program(self, purpose: Purpose, dims: Dims, usual: int = 0) -> Dims:
        """The dims of the Program that serves these: the same, unless it works off blocks of samples. Then a batch that
        is smaller than the usual one gets the Program of that."""
        return dims

    def why_whole(self, purpose: Purpose, dims: Dims) -> str:
        """Why batches are not worked off in blocks; empty if they are, or if that is not how this backend works."""
        return ""

    def stages(self, purpose: Purpose) -> list[Stage]:
        """What each pass makes of the graph for a purpose."""
        return self._run_passes(purpose, FULL if self.optimize else PLAIN).stages

    def make(self, purpose: Purpose, dims: Dims) -> Made:
        """The Program for a purpose at these dims.

        Raises:
            MemoryLimitError: it needs more memory than the limit.
        """
        made = self._make_within_limit(purpose, dims)
        if self.check and made.graph is not made.stages[-1].after:
            self.check(made.all_stages[-1])
        return made

    def _make_within_limit(self, purpose: Purpose, dims: Dims) -> Made:
        made, limit = self._make_thriftily(purpose, dims), self.memory_limit
        program = made.program
        if limit is None or program.taken <= limit:
            return made
        tried = [self._fitted(made, dims, limit)]
        # With less scratch memory a training step would add up its gradients in another order.
        forward = not any(node.phase == BACKWARD for node in made.graph.nodes)
        for pipeline, frugal in _SAVING if self.optimize and forward else ():
            if tried[-1].program.taken <= limit:
                break
            tried.append(self._fitted(self._lowered(purpose, dims, pipeline, frugal), dims, limit))
        best = min(tried, key=lambda fitted: max(fitted.program.taken, limit))
        if best.program.taken <= limit:
            return best
        least = best.program.taken
        raise MemoryLimitError(f"{program.name} at {dict(dims)} needs {program.taken:,} bytes of arena, and {least:,} "
                               f"when values are computed again instead of kept, but memory_limit is {limit:,}; use "
                               f"smaller batches, or a limit of at least {least:,}")

    def _fitted(self, made: Made, dims: Dims, limit: int) -> Made:
        graph, program = fit_memory(made.graph, dims, made.target, limit, made.program, self.optimize)
        return replace(made, graph=graph, program=program)

    def _make_thriftily(self, purpose: Purpose, dims: Dims) -> Made:
        """The fastest Program that takes no more memory than the one without optimisation does.

        Where the optimised one takes more, its kernels get less scratch memory, then passes are left out, then values
        are computed again. If nothing of that is enough, it is the smallest one, or the plain one.
        """
        plain = self._lowered(purpose, dims, PLAIN)
        if not self.optimize:
            return plain
        tried = []
        for pipeline, frugal in _SAVING:
            tried.append(self._lowered(purpose, dims, pipeline, frugal))
            if tried[-1].program.taken <= plain.program.taken:
                return tried[-1]
        for made in (tried[0], tried[-1]):
            graph, program = fit_memory(made.graph, dims, made.target, plain.program.taken, made.program,
                                        steps=_GIVEN_UP)
            tried.append(replace(made, graph=graph, program=program))
            if program.taken <= plain.program.taken:
                return tried[-1]
        return min([*tried, plain], key=lambda made: made.program.taken)

    def _lowered(self, purpose: Purpose, dims: Dims, pipeline: str, frugal: bool = False) -> Made:
        """The graph after a pipeline, lowered."""
        manager, target = self._run_passes(purpose, pipeline), self.target_for(purpose, frugal)
        program = lower(manager.result, dims, target, pipeline is not PLAIN)
        return Made(manager.stages, manager.result, program, target)

    def target_for(self, purpose: Purpose, frugal: bool) -> Target:
        """What a Program for a purpose is lowered for."""
        return self.target(frugal)

    def _run_passes(self, purpose: Purpose, pipeline: str) -> PassManager:
        """The passes of a pipeline, once they have run on the graph for a purpose."""
        key = purpose, pipeline
        if key not in self._managers:
            assembly = purpose.assemble()
            passes = assembly.pipeline(pipeline is not PLAIN, _LEFT_OUT.get(pipeline, ()), self.pools)
            manager = PassManager(passes, self.check)
            manager.run(assembly.graph)
            self._managers[key] = manager
        return self._managers[key]
