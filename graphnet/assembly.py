"""What a declared graph is made into: a training step, an evaluation, a prediction, gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Graph, Origin, Output
from graphnet.compiler.ops import Add, Scale
from graphnet.compiler.passes.derive_backward import DeriveBackward
from graphnet.compiler.passes.specialize_inference import SpecializeInference
from graphnet.compiler.pipeline import Purpose
from graphnet.compiler.rewrite import hold_states
from graphnet.compiler.types import TensorType
from graphnet.losses import Loss
from graphnet.metrics import Metric
from graphnet.optimizers import Optimizer

LOSS = "loss"
LABEL, METRIC = "label:", "metric:"


@dataclass(frozen=True)
class Objective:
    """What is trained for: a loss, its weight and metrics for each output, by the output's name."""

    losses: Mapping[str, Loss]
    weights: Mapping[str, float]
    metrics: Mapping[str, Sequence[Metric]]


def predicting(graph: Graph) -> Purpose:
    """The declared graph as it is outside training; its outputs are the predictions."""
    return Purpose(graph, prepare=(SpecializeInference(),))


def evaluating(graph: Graph, objective: Objective, labels: Mapping[str, TensorType]) -> Purpose:
    """Loss and statistics of the metrics outside training; labels are inputs named `label:<output>`."""
    return Purpose(_with_objective(graph, objective, labels), prepare=(SpecializeInference(),))


def training(graph: Graph, objective: Objective, labels: Mapping[str, TensorType], optimizer: Optimizer) -> Purpose:
    """A training step: forward with loss and metrics, backward, and the update of all weights."""
    count = sum(p.trainable for p in graph.parameters)
    return Purpose(_with_objective(graph, objective, labels),
                   derive=(DeriveBackward(LOSS), optimizer.attachment(count)))


def differentiating(graph: Graph, objective: Objective, labels: Mapping[str, TensorType],
                    inputs: Sequence[str] = ()) -> Purpose:
    """The loss as in training and its gradients for all trainable weights and the named inputs; no state changes."""
    held = hold_states(graph, ("buffer", "counter", "recurrent"))
    return Purpose(_with_objective(held, objective, labels), derive=(DeriveBackward(LOSS, tuple(inputs)),))


def _with_objective(graph: Graph, objective: Objective, labels: Mapping[str, TensorType]) -> Graph:
    b = Builder(graph.name, graph)
    ids = {name: b.input(LABEL + name, labels[name]) for name in objective.losses}
    outputs = [Output(LOSS, _total_loss(b, graph, objective, ids))]
    for name, metrics in objective.metrics.items():
        with b.at(Origin("metrics")):
            outputs += [Output(f"{METRIC}{name}:{metric.name}", metric.emit(b, graph.output(name), ids[name]))
                        for metric in metrics]
    b.penalties = []  # they are in the loss now
    return b.build(outputs)


def _total_loss(b: Builder, graph: Graph, objective: Objective, labels: Mapping[str, int]) -> int:
    """Σ weight · loss over the outputs, and the penalties."""
    total: int | None = None
    for name, loss in objective.losses.items():
        with b.at(Origin(LOSS, type(loss).__name__)):
            term = loss.emit(b, graph.output(name), labels[name])
            if objective.weights[name] != 1:
                term = b.add(Scale(float(objective.weights[name])), term)
            total = term if total is None else b.add(Add(), total, term)
    if total is None:
        raise ValueError("an objective needs at least one loss")
    for penalty in graph.penalties:
        with b.at(graph.origins[penalty.value]):
            total = b.add(Add(), total, penalty.value)
    return total
