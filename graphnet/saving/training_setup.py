"""What a network was compiled for and how far it got, as the plain data that a model file holds, and back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphnet.compiler.errors import ArgumentError, GnetFormatError
from graphnet.compiler.ir import Graph
from graphnet.engine.assembly import Objective
from graphnet.engine.checkpoints import FIT
from graphnet.losses import LOSSES
from graphnet.metrics import METRICS
from graphnet.optimizers import OPTIMIZERS, Optimizer

if TYPE_CHECKING:
    from graphnet.engine.engine import Engine

Plain = dict[str, Any]
TRAIN = "train"  # the part of the header that this is
_KEYS = ("objective", "optimizer", "optimize", "seed", "step", "epoch", "rate_factor")


@dataclass(frozen=True)
class TrainingSetup:
    """Everything about a network but its graph and arrays; see `Network` for the fields."""

    objective: Objective | None = None
    optimizer: Optimizer | None = None
    optimize: bool = True
    seed: int = 0
    step: int = 0
    epoch: int = 0
    rate_factor: float = 1.0
    fit: Any = None  # what `fit` needs to go on, in checkpoints; see `FitState`


def describe_setup(network: Engine) -> Plain:
    """The set-up of a network as plain data.

    Raises:
        ArgumentError: an argument of a loss, metric or optimizer is not plain data.
    """
    objective, optimizer = network.objective, network.optimizer
    return {
        "objective": None if objective is None else _describe_objective(objective),
        "optimizer": None if optimizer is None else optimizer.config(),
        "optimize": network.optimize, "seed": network.seed, "step": network.step, "epoch": network.epoch,
        "rate_factor": float(network.rate_factor),
    }


def parse_setup(graph: Graph, plain: Plain) -> TrainingSetup:
    """The set-up that plain data describes; nothing stands for a network that can only predict.

    Raises:
        GnetFormatError: a field is missing, unknown, of the wrong kind, or does not fit the graph.
    """
    from graphnet.runtime.gnet.wire.header import expect_keys

    if not plain:
        return TrainingSetup()
    expect_keys(plain, _KEYS, (TRAIN,), (FIT,))
    objective = None if plain["objective"] is None else _parse_objective(graph, plain["objective"])
    with _refusing(TRAIN, "optimizer"):
        optimizer = None if plain["optimizer"] is None else OPTIMIZERS.from_config(plain["optimizer"])
    counts = {key: int(_expect(plain, key, int)) for key in ("seed", "step", "epoch")}
    return TrainingSetup(objective, optimizer, bool(_expect(plain, "optimize", bool)), **counts,
                         rate_factor=_expect(plain, "rate_factor", float), fit=plain.get(FIT))


def _describe_objective(objective: Objective) -> list[Plain]:
    """A list, since the order of the outputs is the order in which their losses are added."""
    return [{"output": output, "loss": loss.config(), "weight": float(objective.weights[output]),
             "metrics": [metric.config() for metric in objective.metrics.get(output, ())]}
            for output, loss in objective.losses.items()]


def _parse_objective(graph: Graph, plain: Any) -> Objective:
    from graphnet.runtime.gnet.wire.header import expect_keys, expect_list

    outputs = {o.name for o in graph.outputs}
    losses, weights, metrics = {}, {}, {}
    for index, part in enumerate(expect_list(plain, (TRAIN, "objective"))):
        path = (TRAIN, "objective", index)
        expect_keys(part, ("output", "loss", "weight", "metrics"), path)
        output = part["output"]
        if not isinstance(output, str) or output not in outputs or output in losses:
            raise GnetFormatError(f"{output!r} is not an output of the graph, or has two losses", (*path, "output"))
        weights[output] = _expect(part, "weight", float, path)
        with _refusing(*path, "loss"):
            losses[output] = LOSSES.from_config(part["loss"])
        with _refusing(*path, "metrics"):
            metrics[output] = [METRICS.from_config(m) for m in expect_list(part["metrics"], (*path, "metrics"))]
    if not losses:
        raise GnetFormatError("it has no losses; without any it must be nil", (TRAIN, "objective"))
    return Objective(losses, weights, metrics)


def _expect(plain: Plain, key: str, kind: type, path: tuple[str | int, ...] = (TRAIN,)) -> Any:
    """A truth value, or a number that is not negative."""
    value, right_kind = plain[key], type(plain[key]) is kind
    if not right_kind or not 0 <= value < math.inf:
        wanted = f"it must be of type {kind.__name__}, finite and not negative"
        raise GnetFormatError(f"{wanted}, got {value!r}", (*path, key))
    return value


@contextmanager
def _refusing(*path: str | int) -> Iterator[None]:
    """Within the block, an argument that is not allowed is a field of the file that is refused."""
    try:
        yield
    except ArgumentError as error:
        raise GnetFormatError(str(error), path) from error
