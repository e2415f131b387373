"""The figures that an epoch has, and which of them are better: the smaller or the larger ones."""

from __future__ import annotations

from functools import cache

from graphnet.engine.assembly import LOSS, Objective
from graphnet.losses.base import NONE
from graphnet.metrics import METRICS
from graphnet.metrics.base import MIN, NEITHER

VALIDATION, SECONDS = "val_", "seconds"
Modes = dict[str, str | None]


def modes_of_epoch(objective: Objective, validated: bool) -> Modes:
    """By the name of each figure that `fit` measures: "min", "max", "neither" for arrays; None where nobody has said.

    Args:
        objective: what is trained for.
        validated: whether there is validation data.
    """
    modes = modes_of(objective)
    return modes | ({VALIDATION + name: mode for name, mode in modes.items()} if validated else {}) | {SECONDS: MIN}


def modes_of(objective: Objective) -> Modes:
    """The same for the figures of `evaluate`."""
    several = len(objective.losses) > 1
    modes: Modes = {LOSS: MIN} if objective.is_reduced or not several else {}
    for name, loss in objective.losses.items() if several else ():
        modes[f"{name}_{LOSS}"] = NEITHER if loss.reduction == NONE else MIN
    if not several and not objective.is_reduced:
        modes[LOSS] = NEITHER
    for output, metrics in objective.metrics.items():
        modes |= {f"{output}_{metric.name}" if several else metric.name: metric.mode for metric in metrics}
    return modes


def mode_by_name(figure: str) -> str | None:
    """The mode of a figure that is called like a loss or a metric of graphnet, with any name before it; else None."""
    name = figure.removeprefix(VALIDATION)
    return next((mode for known, mode in _known().items() if name == known or name.endswith(f"_{known}")), None)


@cache
def _known() -> Modes:
    metrics = [METRICS.resolve("figures", "metric", name) for name in METRICS.names]
    return {LOSS: MIN, SECONDS: MIN} | {metric.name: metric.mode for metric in metrics
                                        if type(metric).__module__.startswith("graphnet.")}


def figure_text(value: float) -> str:
    """A figure to 4 places; one that is very small or large with its exponent."""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.3e}"
