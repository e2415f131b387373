"""What a network was compiled for and how far it got, as the plain data that a model file holds, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from graphnet.compiler.errors import GnetFormatError
from graphnet.compiler.ir import Graph
from graphnet.engine.assembly import Objective
from graphnet.engine.backends import NUMPY
from graphnet.engine.checkpoints import FIT
from graphnet.engine.settings import MAX_COUNT
from graphnet.losses import Loss
from graphnet.metrics import Metric
from graphnet.optimizers import Optimizer
from graphnet.runtime.records import unless

if TYPE_CHECKING:
    from graphnet.engine.engine import Engine

Plain = dict[str, Any]
TRAIN = "train"  # the part of the header that this is
Count = Annotated[int, "not negative"]
Factor = Annotated[float, "not negative"]


@dataclass(frozen=True)
class OutputSetup:
    """What an output is trained for."""

    output: Any  # its name, which must be one of the graph's
    loss: Loss
    weight: Factor
    metrics: tuple[Metric, ...]


@dataclass(frozen=True)
class TrainingSetup:
    """Everything about a network but its graph and arrays, as a file holds it; see `Network` for the fields.

    The objective is in the order of the outputs, in which their losses are added. The backend is the one that did the
    last step of training: what comes after it is to have the same bits as if there had been no file.
    """

    objective: tuple[OutputSetup, ...] | None = None
    optimizer: Optimizer | None = None
    optimize: bool = True
    seed: Count = 0
    step: Count = 0
    epoch: Count = 0
    rate_factor: Factor = 1.0
    blas_threads: int | None = unless(1)
    backend: Literal["native", "native-direct", "numpy"] = unless(NUMPY)


def describe_setup(network: Engine) -> Plain:
    """The set-up of a network as plain data.

    Raises:
        ArgumentError: an argument of a loss, metric or optimizer is not plain data.
    """
    from graphnet.runtime.gnet.codec import encode_record

    objective = network.objective
    parts = None if objective is None else tuple(
        OutputSetup(output, loss, objective.weights[output], tuple(objective.metrics.get(output, ())))
        for output, loss in objective.losses.items())
    backend: Any = trained_on(network) if network.step else NUMPY
    return encode_record(TrainingSetup(parts, network.optimizer, network.optimize, network.seed, network.step,
                                       network.epoch, network.rate_factor, network.blas_threads, backend))


def trained_on(network: Engine) -> str:
    """The backend that did the last step of training, or is to do the first one."""
    return network._runner.trained_on or network.backend


def parse_setup(plain: Mapping[str, Any]) -> TrainingSetup:
    """The set-up that plain data describes; nothing stands for a network that can only predict.

    Raises:
        GnetFormatError: a field is missing, unknown, of the wrong kind, or counts further than a network does.
    """
    from graphnet.runtime.gnet.codec import decode_record

    stored = {key: value for key, value in plain.items() if key != FIT}
    setup = decode_record(TrainingSetup, stored, (TRAIN,)) if plain else TrainingSetup()
    for key in ("step", "epoch"):
        if getattr(setup, key) > MAX_COUNT:
            raise GnetFormatError(f"it must be at most {MAX_COUNT}, got {getattr(setup, key)}", (TRAIN, key))
    if setup.backend != NUMPY and not setup.step:
        raise GnetFormatError("it must not be there, since no step was trained", (TRAIN, "backend"))
    return setup


def objective_of(setup: TrainingSetup, graph: Graph) -> Objective | None:
    """What the graph is trained for.

    Raises:
        GnetFormatError: a part is not of an output of the graph, or there is none.
    """
    if setup.objective is None:
        return None
    if not setup.objective:
        raise GnetFormatError("it has no losses; without any it must be nil", (TRAIN, "objective"))
    unused = [output.name for output in graph.outputs]
    for index, part in enumerate(setup.objective):
        if part.output not in unused:
            raise GnetFormatError(f"{part.output!r} is not an output of the graph, or has two losses",
                                  (TRAIN, "objective", index, "output"))
        unused.remove(part.output)
    return Objective({part.output: part.loss for part in setup.objective},
                     {part.output: part.weight for part in setup.objective},
                     {part.output: list(part.metrics) for part in setup.objective})
