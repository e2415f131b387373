"""Sample inputs in a file with what the network made of them, so that it can be told whether it still does the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphnet.compiler.errors import DataError, GnetFormatError, ShapeError
from graphnet.compiler.types import BATCH, Array, TensorType, format_shape
from graphnet.saving.bounds import Bounds, check_replay

if TYPE_CHECKING:
    from graphnet.engine.engine import Engine
    from graphnet.runtime.gnet import Contents, Tensor

SAMPLES = "samples"
"""The key in a file's `meta`: the names of the inputs and outputs that there are samples of."""
INPUT, OUTPUT = "input:", "output:"
"""What the names of the tensors begin with; the name of the input or output follows."""
_PATH = ("meta", SAMPLES)


@dataclass(frozen=True)
class Replay:
    """What a network made of the samples of an output, beside what it had made of them when it was saved.

    Attributes:
        samples: how many there are.
        difference: the largest absolute one. Two NaNs, or two equal infinities, do not differ; a number that is not
            finite where there was another one differs infinitely.
        scale: the largest finite number that there was.
    """

    samples: int
    difference: float
    scale: float


def sample_tensors(network: Engine) -> Iterator[Tensor]:
    """A network's sample inputs and what it makes of them now."""
    from graphnet.runtime.gnet import CONST, Tensor

    if network.samples is None:
        return
    yield from (Tensor(INPUT + name, CONST, array) for name, array in network.samples.items())
    yield from (Tensor(OUTPUT + name, CONST, array) for name, array in predict_apart(network, network.samples).items())


def sample_notes(network: Engine) -> dict[str, Any]:
    """What `meta` says about the samples; nothing if there are none."""
    if network.samples is None:
        return {}
    return {SAMPLES: {"inputs": list(network.samples), "outputs": [o.name for o in network.graph.outputs]}}


def parse_samples(network: Engine, contents: Contents) -> tuple[dict[str, Array], dict[str, Array]] | None:
    """The sample inputs of a file and the outputs stored with them, by name; None if it has none.

    Raises:
        GnetFormatError: they do not fit the network.
    """
    from graphnet.runtime.gnet.wire.header import expect_keys, expect_list, without_extensions

    if SAMPLES not in contents.meta:
        return None
    plain = expect_keys(without_extensions(contents.meta[SAMPLES]), ("inputs", "outputs"), _PATH)
    found = []
    wanted = (("inputs", INPUT, [i.name for i in network.graph.inputs]),
              ("outputs", OUTPUT, [o.name for o in network.graph.outputs]))
    for key, prefix, names in wanted:
        if expect_list(plain[key], (*_PATH, key)) != names:
            raise GnetFormatError(f"it must be {', '.join(names)}, as in the graph", (*_PATH, key))
        missing = [prefix + name for name in names if prefix + name not in contents.tensors]
        if missing:
            raise GnetFormatError(f"the tensor {missing[0]!r} is missing", (*_PATH, key))
        found.append({name: contents.tensors[prefix + name].array for name in names})
    if any(not array.ndim or not len(array) for part in found for array in part.values()):
        raise GnetFormatError("the arrays must hold a sample at least", _PATH)
    try:
        with network._runner.taking_nonfinite():
            return network._runner.check_inputs(found[0])[0], found[1]
    except (ShapeError, DataError) as error:
        raise GnetFormatError(str(error), (*_PATH, "inputs")) from error


def replay(network: Engine, contents: Contents, bounds: Bounds) -> dict[str, Replay] | None:
    """How far each output is from what the file says that it was; None if the file has no samples.

    Raises:
        GnetFormatError: the samples do not fit the network, or computing them takes more than the bounds.
    """
    samples = parse_samples(network, contents)
    if samples is None:
        return None
    inputs, outputs = samples
    _, dims = network._runner.check_inputs(inputs)
    rows = len(next(iter(inputs.values())))
    for name, stored in outputs.items():
        _check_shape(name, stored.shape, network.graph.types[network.graph.output(name)].bind(dims | {BATCH: rows}))
    check_replay(network, rows, dims, bounds)
    now = predict_apart(network, inputs)
    return {name: _compare(stored, now[name]) for name, stored in outputs.items()}


def predict_apart(network: Engine, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The outputs by name; stateful layers begin anew for it, and go on afterwards as if nothing had been."""
    with network._lock, network._runner.states_set_aside(), network._runner.taking_nonfinite():
        outputs = network.predict(dict(inputs))
    return outputs if isinstance(outputs, dict) else {network.graph.outputs[0].name: outputs}


def _check_shape(name: str, stored: tuple[int, ...], made: TensorType) -> None:
    """Before anything runs: what is stored bounds what is made."""
    if stored != made.shape:
        raise GnetFormatError(f"it is {format_shape(stored)}, but the network makes {format_shape(made.shape)}",
                              ("tensor", OUTPUT + name))


def _compare(stored: Array, now: Array) -> Replay:
    left, right = stored.astype(np.float64), now.astype(np.float64)
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    with np.errstate(invalid="ignore"):  # ∞ - ∞, which is NaN and counts as infinite
        gaps = np.where(same, 0.0, np.abs(left - right))
    difference = np.where(np.isnan(gaps), np.inf, gaps).max(initial=0.0)
    finite = np.abs(left, out=np.zeros_like(left), where=np.isfinite(left))
    return Replay(len(stored), float(difference), float(finite.max(initial=0.0)))
