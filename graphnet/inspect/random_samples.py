"""Random samples and labels that fit a network, for checks and profiles without data."""

from __future__ import annotations

from collections.abc import Mapping

from graphnet.compiler.inspect.random_feeds import random_feeds, small_dims
from graphnet.compiler.types import BATCH, Array
from graphnet.engine.assembly import LABEL
from graphnet.engine.engine import Engine
from graphnet.engine.runner import EVALUATE, PREDICT

Samples = dict[str, Array]


def random_samples(network: Engine, batch: int, seed: int = 0,
                   dims: Mapping[str, int] | None = None) -> tuple[Samples, Samples]:
    """Inputs and labels by name; no labels for a network without a loss.

    Free dims such as sequence lengths are taken from `dims`, or get a small number; class numbers and indices are drawn
    from their range.
    """
    network._runner.programs.admit()  # before there are samples, which may be large
    graph = network.stages(PREDICT if network.objective is None else EVALUATE)[0].before
    feeds = random_feeds(graph, small_dims(graph) | dict(dims or {}) | {BATCH: batch}, seed)
    fed = {item.name: feeds[item.name] for item in graph.inputs}
    labels = {name.removeprefix(LABEL): array for name, array in fed.items() if name.startswith(LABEL)}
    return {name: array for name, array in fed.items() if not name.startswith(LABEL)}, labels
