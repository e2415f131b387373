"""Turns a graph with gradients into a training step: one node that updates every weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import OPTIMIZER, UPDATE, Graph, Origin, Parameter
from graphnet.compiler.ops.clipping import ClipGradients
from graphnet.compiler.ops.updates import Update
from graphnet.compiler.passes.base import Pass
from graphnet.compiler.passes.derive_backward import gradient_name
from graphnet.compiler.roles import DECAYED, roles_by_value
from graphnet.compiler.types import TensorType

RATE, STEP = "learning_rate", "step"


@dataclass(frozen=True)
class AttachUpdate(Pass):
    """Feeds every gradient, clipped if there is a `clip`, to `update` and makes its results the next weights.

    Adds the scalar inputs `learning_rate` (float64) and `step` (int64, from 1) and a flat state for each moment; the
    gradients are no longer outputs. `decay` is the share of decoupled weight decay; without `decay_vectors` only
    weights with one of the `DECAYED` roles decay, no biases, scales and slopes. Constraints come last.
    """

    update: Update
    clip: ClipGradients | None = None
    decay: float = 0.0
    decay_vectors: bool = True

    name = "attach_update"
    purpose = "Adds the optimizer's step, which makes new weights of the gradients."

    def run(self, graph: Graph) -> Graph:
        """Appends the update node."""
        trained = [p for p in graph.parameters if p.trainable]
        if not trained or any(p.next is not None for p in trained):
            return graph
        names = [gradient_name(p.name) for p in trained]
        b = Builder(graph.name, graph)
        with b.at(Origin("optimizer", type(self.update).__name__), UPDATE):
            rate = b.input(RATE, TensorType("float64", ()))
            step = b.input(STEP, TensorType("int64", ()))
            flat = TensorType(b.types[trained[0].value].dtype, (sum(b.types[p.value].size for p in trained),))
            moments = [b.state(moment_name(moment), flat, OPTIMIZER) for moment in self.update.moments]
            gradients = tuple(graph.output(n) for n in names)
            if self.clip is not None:
                gradients = b.apply(replace(self.clip, count=len(trained)), *gradients)
            op = replace(self.update, count=len(trained), rates=_rates(trained), decays=self._decays(graph, trained))
            results = b.apply(op, rate, step, *(p.value for p in trained), *gradients, *moments)
            for value, new in zip([p.value for p in trained] + moments, results, strict=True):
                b.advance(value, new)
            for p, new in zip(trained, results, strict=False):
                if p.constraint is not None:
                    b.advance(p.value, b.add(p.constraint, new))
        spent = set(names)
        return b.build([o for o in graph.outputs if o.name not in spent])

    def _decays(self, graph: Graph, trained: Sequence[Parameter]) -> tuple[float, ...]:
        """The decay of each weight, () if there is none."""
        if not self.decay:
            return ()
        roles = roles_by_value(graph)
        return tuple(self.decay if self.decay_vectors or roles[p.value] in DECAYED else 0.0 for p in trained)


def moment_name(moment: str) -> str:
    """The name of the state, and so of the buffer, that a moment of all weights lies in."""
    return f"{OPTIMIZER}/{moment}"


def _rates(trained: Sequence[Parameter]) -> tuple[float, ...]:
    """The factors of the learning rate, () if all are 1."""
    rates = tuple(p.rate for p in trained)
    return rates if any(rate != 1 for rate in rates) else ()
