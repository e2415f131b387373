"""The pipeline of passes for each purpose, and the pass manager that runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from graphnet.compiler.ir import Graph
from graphnet.compiler.passes.base import Pass
from graphnet.compiler.passes.drop_dead import DropDead
from graphnet.compiler.passes.fold_batch_norm import FoldBatchNorm
from graphnet.compiler.passes.fold_constants import FoldConstants
from graphnet.compiler.passes.fuse_epilogues import FuseEpilogues
from graphnet.compiler.passes.hoist_pooling import HoistPooling
from graphnet.compiler.passes.merge_common import MergeCommon
from graphnet.compiler.passes.order_nodes import OrderNodes
from graphnet.compiler.passes.schedule_nodes import ScheduleNodes
from graphnet.compiler.passes.simplify_algebra import SimplifyAlgebra

REWRITE: tuple[Pass, ...] = (SimplifyAlgebra(), FoldBatchNorm(), HoistPooling())
"""What pays only, or only is exact, before differentiation."""
SIMPLIFY: tuple[Pass, ...] = (FoldConstants(), SimplifyAlgebra(), MergeCommon(), DropDead())
FUSE: tuple[Pass, ...] = (FuseEpilogues(),)


@dataclass(frozen=True, slots=True)
class Assembly:
    """A graph put together for a purpose, and what is to become of it.

    Attributes:
        graph: with its outputs in place.
        prepare: passes that come first, e.g. specialisation for inference.
        derive: passes that add to the graph: gradients, the update.
    """

    graph: Graph
    prepare: tuple[Pass, ...] = ()
    derive: tuple[Pass, ...] = ()

    def pipeline(self, optimize: bool = True, without: tuple[type[Pass], ...] = (),
                 pools: bool = False) -> tuple[Pass, ...]:
        """All passes in order.

        Args:
            optimize: False for only those that the meaning of the purpose needs.
            without: passes that only save time, to leave out.
            pools: whether convolutions and the poolings behind them may become one; see `FuseEpilogues`.
        """
        if not optimize:
            return (OrderNodes(), *self.prepare, *self.derive, DropDead())
        fuse = (FuseEpilogues(pools=True),) if pools else FUSE
        steps = (OrderNodes(), *self.prepare, *REWRITE, *self.derive, *SIMPLIFY, *fuse, ScheduleNodes())
        return tuple(step for step in steps if not isinstance(step, without))


@dataclass(frozen=True, slots=True)
class Purpose:
    """What Programs of a network are for. Purposes with the same name and variant are the same.

    Attributes:
        name: e.g. "train".
        variant: what tells apart purposes of one name, such as the types of the labels.
        assemble: puts the graph together, when it is first needed.
    """

    name: str
    variant: tuple[object, ...] = ()
    assemble: Callable[[], Assembly] = field(kw_only=True, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Stage:
    """A pass and the graphs before and after it."""

    applied: Pass
    before: Graph
    after: Graph

    @property
    def changed(self) -> bool:
        """Whether the pass changed anything."""
        return self.after is not self.before


@dataclass
class PassManager:
    """Runs passes in order and remembers each stage.

    `check` is called after every pass that changed the graph; it raises if the graph is wrong (see `verify`).
    """

    passes: Sequence[Pass]
    check: Callable[[Stage], None] | None = None
    stages: list[Stage] = field(default_factory=list)

    @property
    def result(self) -> Graph:
        """The graph after all passes."""
        return self.stages[-1].after

    def run(self, graph: Graph) -> Graph:
        """The graph after all passes."""
        for step in self.passes:
            stage = Stage(step, graph, step.run(graph))
            self.stages.append(stage)
            if self.check and stage.changed:
                self.check(stage)
            graph = stage.after
        return graph
