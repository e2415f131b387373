"""What a caller says about losses and metrics, as the objective of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphnet.common.checks import check_number
from graphnet.compiler.errors import ArgumentError, GraphError, ShapeError
from graphnet.compiler.ir import Graph
from graphnet.engine.assembly import Objective
from graphnet.losses import LOSSES, Loss
from graphnet.metrics import METRICS, Metric

Metrics = Sequence[str | Metric] | Mapping[str, Sequence[str | Metric]]


def make_objective(graph: Graph, loss: Loss | str | Mapping[str, Loss | str] | None, metrics: Metrics,
                   weights: Mapping[str, float] | None) -> Objective | None:
    """Losses, weights and metrics by output; None without a loss.

    Raises:
        GraphError: a name is not an output, there are metrics without a loss, or two metrics of one name.
        ShapeError: a loss cannot take an output.
    """
    names = [o.name for o in graph.outputs]
    if loss is None:
        if metrics or weights:
            raise GraphError("metrics and loss_weights need a loss; give compile a loss")
        return None
    if loss == {}:
        raise GraphError("loss is an empty dict; give a loss for an output, or None for prediction only")
    if weights is not None and not isinstance(weights, Mapping):
        raise ArgumentError("compile", "loss_weights", weights, "it must be a dict of numbers by output name")
    losses = dict(loss) if isinstance(loss, Mapping) else dict.fromkeys(names, loss)
    chosen = dict(metrics) if isinstance(metrics, Mapping) else dict.fromkeys(losses, metrics)
    factors = dict.fromkeys(losses, 1.0) | dict(weights or {})
    for what, given, allowed in (("loss", losses, names), ("metrics", chosen, losses),
                                 ("loss_weights", factors, losses)):
        unknown = [name for name in given if name not in allowed]
        if unknown:
            raise GraphError(f"{what} is given for {', '.join(map(repr, unknown))}, but it can be given for "
                             f"{', '.join(map(repr, allowed))} only")
    objective = Objective(
        {name: LOSSES.resolve("compile", "loss", item) for name, item in losses.items()},
        {name: check_number("compile", f"loss_weights[{name!r}]", value, 0) for name, value in factors.items()},
        {name: _resolve_metrics(items) for name, items in chosen.items()})
    _check_fit(graph, objective)
    return objective


def _resolve_metrics(items: object) -> list[Metric]:
    if not isinstance(items, list | tuple):
        raise ArgumentError("compile", "metrics", items, 'it must be a list such as ["accuracy"], or a dict of lists '
                                                         'by output name')
    return [METRICS.resolve("compile", "metrics", item) for item in items]


def _check_fit(graph: Graph, objective: Objective) -> None:
    """Refuses losses that cannot take their outputs, and metrics that cannot be told apart."""
    for name, loss in objective.losses.items():
        value = graph.output(name)
        try:
            loss.label_types(graph.types[value])
        except ShapeError as error:
            raise error.located(f"{loss.origin} cannot take the output {name!r} of {graph.origins[value]}") from None
    for name, metrics in objective.metrics.items():
        names = [metric.name for metric in metrics]
        twice = sorted({metric for metric in names if names.count(metric) > 1})
        if twice:
            raise GraphError(f"the output {name!r} has two metrics that are called {', '.join(twice)}; leave one out")
