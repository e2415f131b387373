"""The pass pipelines, and the pass manager that runs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from graphnet.compiler.ir import Graph
from graphnet.compiler.passes.base import Pass
from graphnet.compiler.passes.drop_dead import DropDead
from graphnet.compiler.passes.fuse_epilogues import FuseEpilogues
from graphnet.compiler.passes.merge_common import MergeCommon
from graphnet.compiler.passes.order_nodes import OrderNodes

SIMPLIFY: tuple[Pass, ...] = (OrderNodes(), DropDead(), MergeCommon())
OPTIMIZE: tuple[Pass, ...] = (*SIMPLIFY, FuseEpilogues())
PLAIN: tuple[Pass, ...] = (OrderNodes(), DropDead())


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

    def run(self, graph: Graph) -> Graph:
        """The graph after all passes."""
        for step in self.passes:
            stage = Stage(step, graph, step.run(graph))
            self.stages.append(stage)
            if self.check and stage.changed:
                self.check(stage)
            graph = stage.after
        return graph
