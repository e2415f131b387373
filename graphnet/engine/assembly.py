"""What a declared graph is made into: a training step, an evaluation, a prediction, gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphnet.common.frozen import ReadOnly
from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import GraphError
from graphnet.compiler.ir import LAYER_ROLES, Graph, Origin, Output
from graphnet.compiler.ops import Add, Scale
from graphnet.compiler.passes.derive_backward import DeriveBackward
from graphnet.compiler.passes.pipeline import Assembly
from graphnet.compiler.passes.specialize_inference import SpecializeInference
from graphnet.compiler.rewrite import hold_states
from graphnet.compiler.types import TensorType
from graphnet.engine.settings import refusal
from graphnet.losses import Loss
from graphnet.losses.base import MEAN, NONE
from graphnet.metrics import Metric
from graphnet.optimizers import Optimizer

LOSS = "loss"
PENALTY = "penalty"
LABEL, WEIGHT, METRIC, TERM = "label:", "weight:", "metric:", "loss:"


@dataclass(frozen=True)
class Objective:
    """What is trained for: a loss, its weight and metrics for each output, by the output's name."""

    losses: Mapping[str, Loss]
    weights: Mapping[str, float]
    metrics: Mapping[str, Sequence[Metric]]

    def __post_init__(self) -> None:
        """What was given is kept in mappings and sequences that nobody can change."""
        for name, parts in (("losses", self.losses), ("weights", self.weights),
                            ("metrics", {key: tuple(items) for key, items in self.metrics.items()})):
            object.__setattr__(self, name, ReadOnly(parts, refusal("objective")))

    @property
    def parts(self) -> tuple[Loss | Metric, ...]:
        """Every loss and metric."""
        return *self.losses.values(), *(metric for metrics in self.metrics.values() for metric in metrics)

    @property
    def is_reduced(self) -> bool:
        """Whether every loss is a single number, so that there is a total that can be trained."""
        return all(loss.reduction != NONE for loss in self.losses.values())

    @property
    def is_itemized(self) -> bool:
        """Whether the parts of the total are of interest: there are several outputs, or one is not a mean."""
        return len(self.losses) > 1 or any(loss.reduction != MEAN for loss in self.losses.values())

    def check_trainable(self) -> None:
        """Refuses losses that are not reduced to a single number.

        Raises:
            GraphError: the text names the output.
        """
        for name, loss in self.losses.items():
            if loss.reduction == NONE:
                raise GraphError(f"the loss {type(loss).__name__} of the output {name!r} has reduction='none', but "
                                 "gradients need a single number; choose 'mean' or 'sum', or compile without an "
                                 "optimizer to look at the losses of single samples with evaluate")


def predicting(graph: Graph) -> Assembly:
    """The declared graph as it is outside training; its outputs are the predictions."""
    return Assembly(graph, prepare=(SpecializeInference(),))


def evaluating(graph: Graph, objective: Objective, fed: Mapping[str, TensorType]) -> Assembly:
    """Loss and statistics of the metrics outside training; labels are inputs named `label:<output>`, sample weights
    `weight:<output>`."""
    return Assembly(_with_objective(graph, objective, fed), prepare=(SpecializeInference(),))


def training(graph: Graph, objective: Objective, fed: Mapping[str, TensorType], optimizer: Optimizer) -> Assembly:
    """A training step: forward with loss and metrics, backward, and the update of all weights.

    Raises:
        GraphError: a loss is not reduced to a single number.
    """
    objective.check_trainable()
    count = sum(p.trainable for p in graph.parameters)
    return Assembly(_with_objective(graph, objective, fed),
                    derive=(DeriveBackward(LOSS), optimizer.attachment(count)))


def differentiating(graph: Graph, objective: Objective, fed: Mapping[str, TensorType],
                    inputs: Sequence[str] = ()) -> Assembly:
    """The loss as in training and its gradients for all trainable weights and the named inputs; no state changes.

    Raises:
        GraphError: a loss is not reduced to a single number.
    """
    objective.check_trainable()
    held = hold_states(graph, LAYER_ROLES)
    return Assembly(_with_objective(held, objective, fed), derive=(DeriveBackward(LOSS, tuple(inputs)),))


def _with_objective(graph: Graph, objective: Objective, fed: Mapping[str, TensorType]) -> Graph:
    """The graph with losses and statistics as its outputs; labels and sample weights are inputs."""
    b = Builder(graph.name, graph)
    labels = {name: b.input(LABEL + name, fed[name]) for name in objective.losses}
    terms: dict[str, int] = {}
    for name, loss in objective.losses.items():
        with b.at(Origin(LOSS, type(loss).__name__)):
            weight = b.input(WEIGHT + name, fed[WEIGHT + name]) if WEIGHT + name in fed else None
            terms[name] = loss.emit(b, graph.output(name), labels[name], weight)
    outputs = _loss_outputs(b, graph, objective, terms)
    for name, metrics in objective.metrics.items():
        with b.at(Origin("metrics")):
            meaning = objective.losses[name].meaning
            outputs += [Output(f"{METRIC}{name}:{metric.name}",
                               metric.reading(meaning).emit(b, graph.output(name), labels[name])) for metric in metrics]
    b.penalties = []  # they are in the loss now
    return b.build(outputs)


def _loss_outputs(b: Builder, graph: Graph, objective: Objective, terms: Mapping[str, int]) -> list[Output]:
    """The total, Σ weight · term + penalties, if all terms are single numbers; and its parts if they are asked for."""
    outputs, parts = [], []
    for name, term in terms.items() if objective.is_reduced else ():
        factor = float(objective.weights[name])
        with b.at(Origin(LOSS, type(objective.losses[name]).__name__)):
            parts.append(term if factor == 1 else b.add(Scale(factor), term))
    penalty = _add_up(b, [(graph.origins[p.value], p.value) for p in graph.penalties])
    if objective.is_reduced:
        total = _add_up(b, [(Origin(LOSS), part) for part in parts])
        if total is None:
            raise ValueError("an objective needs at least one loss")
        outputs.append(Output(LOSS, total if penalty is None else b.add(Add(), total, penalty)))
    if not objective.is_itemized:
        return outputs
    outputs += [Output(TERM + name, term) for name, term in terms.items()]
    return outputs if penalty is None else [*outputs, Output(PENALTY, penalty)]


def _add_up(b: Builder, values: Sequence[tuple[Origin, int]]) -> int | None:
    """The sum of scalars, None of none."""
    total: int | None = None
    for origin, value in values:
        with b.at(origin):
            total = value if total is None else b.add(Add(), total, value)
    return total
