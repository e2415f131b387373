"""The Pass base class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from graphnet.compiler.ir import Graph


@dataclass(frozen=True)
class Pass:
    """A rewrite of a graph that keeps its meaning. Subclasses are frozen dataclasses; fields are settings."""

    name: ClassVar[str]

    def run(self, graph: Graph) -> Graph:
        """The rewritten graph; the very same object if there was nothing to change."""
        raise NotImplementedError(self.name)
