"""What a caller says about losses and metrics, as the objective of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphnet.common.checks import check_number
from graphnet.common.plain import as_items, as_python
from graphnet.compiler.errors import ArgumentError, GraphError, ShapeError
from graphnet.compiler.ir import Graph
from graphnet.engine.assembly import Objective
from graphnet.losses import LOSSES, Loss
from graphnet.metrics import METRICS, Metric

Losses = Loss | str | Mapping[str, Loss | str] | Sequence[Loss | str | None]
SomeMetrics = str | Metric | Sequence[str | Metric]
Metrics = SomeMetrics | Mapping[str, SomeMetrics] | Sequence[str | Metric | Sequence[str | Metric] | None]
Weights = Mapping[str, float] | Sequence[float | None]


def make_objective(graph: Graph, loss: Losses | None, metrics: Metrics | None,
                   weights: Weights | None) -> Objective | None:
    """Losses, weights and metrics by output; None without a loss.

    Raises:
        GraphError: a name is not an output, there are metrics without a loss, or two metrics of one name.
        ShapeError: a loss cannot take an output.
    """
    names = [o.name for o in graph.outputs]
    shares = {} if weights is None else as_python(weights)
    if loss is None:
        if metrics or shares:
            raise GraphError("metrics and loss_weights need a loss; give compile a loss")
        return None
    several = isinstance(loss, Mapping | list | tuple)
    losses = _by_output("loss", loss, names) if several else dict.fromkeys(names, loss)
    if not losses:
        raise GraphError("loss is given for no output; give one, or None for prediction only")
    chosen = _by_output("metrics", metrics, names) if _is_by_output(metrics) else dict.fromkeys(losses, metrics or [])
    factors = dict.fromkeys(losses, 1.0) | _by_output("loss_weights", shares, names)
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


def _is_by_output(metrics: object) -> bool:
    """Whether metrics are a dict, or a list that has a list, or None, for an output."""
    if isinstance(metrics, list | tuple):
        return any(item is None or isinstance(item, list | tuple) for item in metrics)
    return isinstance(metrics, Mapping)


def _by_output(argument: str, given: object, names: Sequence[str]) -> dict[str, Any]:
    """What is given by name, or one for each output in their order, where None is nothing.

    Raises:
        ArgumentError: it is neither.
    """
    if isinstance(given, Mapping):
        return dict(given)
    items = as_items(given)
    if items is None or len(items) != len(names):
        raise ArgumentError("compile", argument, given, "it must be a dict by output name, or a list with one for each "
                                                        f"output, in the order {', '.join(map(repr, names))}")
    return {name: item for name, item in zip(names, items, strict=True) if item is not None}


def _resolve_metrics(items: object) -> list[Metric]:
    """One metric, or several."""
    given = items if isinstance(items, list | tuple) else [items]
    return [METRICS.resolve("compile", "metrics", item) for item in given]


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
