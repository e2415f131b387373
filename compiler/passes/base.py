"""The Pass base class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from graphnet.compiler.ir import Graph, Node


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a pass joined `producer` with the node that reads it, and if not, why not.

    Attributes:
        producer: a node of the graph before the pass.
        consumer: a node that reads what the producer makes.
        refusal: the reason for leaving them as they were, in words; "" if they were not left.
        done: what was done to them, in words.
    """

    producer: Node
    consumer: Node
    refusal: str = ""
    done: str = "fused"


@dataclass(frozen=True)
class Pass:
    """A rewrite of a graph that keeps its meaning. Subclasses are frozen dataclasses; fields are settings.

    A value id that is there before and after the pass stands for the same numbers.
    """

    name: ClassVar[str]
    purpose: ClassVar[str] = ""  # what the pass is for, in a sentence
    exact: ClassVar[bool] = True
    """Whether the numbers stay the same bit for bit; if not, they stay the same but for rounding."""
    changes_meaning: ClassVar[bool] = False
    """Whether the graph is meant to compute something else afterwards, so that numbers cannot be compared."""

    def run(self, graph: Graph) -> Graph:
        """The rewritten graph; the very same object if there was nothing to change."""
        raise NotImplementedError(self.name)

    def decisions(self, graph: Graph) -> Sequence[Decision]:
        """What the pass does, and does not do, to the neighbours in a graph that it looks at, and why."""
        return ()
