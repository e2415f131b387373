"""Checks what is fed beside the inputs to train or evaluate: labels and sample weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphnet.arrays.conversion import as_array
from graphnet.common.source import at_user_source
from graphnet.compiler.errors import DataError, ShapeError
from graphnet.compiler.ir import Graph
from graphnet.compiler.types import Array, Dims, TensorType
from graphnet.engine.assembly import LABEL, WEIGHT, Objective
from graphnet.engine.feeding import name_arrays
from graphnet.losses import Loss


def check_targets(graph: Graph, objective: Objective, y: object, sample_weight: object,
                  dims: Dims) -> tuple[dict[str, Array], dict[str, TensorType]]:
    """Labels and sample weights, checked, by the names of the Programs' inputs; and their types by output.

    Args:
        graph: the declared graph.
        objective: the losses.
        y: labels: one array, or a list, tuple or dict of them for several outputs.
        sample_weight: the same; a dict may leave outputs out. None for none.
        dims: what the inputs say that symbols beside the batch stand for, such as the length of sequences.

    Raises:
        ShapeError: labels or weights do not fit an output; the text says where they were fed.
        DataError: a value is not allowed, or arrays are missing or left over.
    """
    arrays: dict[str, Array] = {}
    types: dict[str, TensorType] = {}
    for name, array in name_arrays("y", list(objective.losses), y).items():
        loss, prediction = objective.losses[name], graph.types[graph.output(name)]
        try:
            label = loss.check_labels(array, prediction.bind(dims))
        except ShapeError as error:
            raise error.located(_located(graph, name, "labels")) from None
        arrays[LABEL + name] = np.ascontiguousarray(label)
        types[name] = _label_type(loss, prediction, label)
    for name, array in _name_weights(objective, sample_weight).items():
        loss, prediction = objective.losses[name], graph.types[graph.output(name)]
        try:
            weight = loss.check_weights(array, prediction.bind(dims))
        except ShapeError as error:
            raise error.located(_located(graph, name, "sample weights")) from None
        arrays[WEIGHT + name] = np.ascontiguousarray(weight)
        types[WEIGHT + name] = loss.weight_type(weight.ndim, prediction)
    return arrays, types


def _label_type(loss: Loss, prediction: TensorType, label: Array) -> TensorType:
    return next(t for t in loss.label_types(prediction) if t.rank == label.ndim and t.dtype == label.dtype.name)


def _name_weights(objective: Objective, given: object) -> dict[str, Array]:
    outputs = list(objective.losses)
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        return name_arrays("sample_weight", outputs, given)
    unknown = [name for name in given if name not in outputs]
    if unknown:
        raise DataError(f"sample_weight has {', '.join(map(repr, unknown))}, but the outputs with a loss are "
                        f"{', '.join(map(repr, outputs))}")
    return {name: as_array(f"sample_weight of {name!r}", array) for name, array in given.items()}


def _located(graph: Graph, name: str, what: str) -> str:
    return (f"{what} fed{at_user_source()} do not fit the output {name!r} of "
            f"{graph.origins[graph.output(name)]}")
