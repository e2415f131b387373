"""Saves networks to `.gnet` files. How they are loaded is in `network/loading.py`.

A file holds the graph as declared, weights, states, the optimizer's moments and the training set-up, and a checkpoint
also where `fit` stands; never a Program: loading compiles again. The format itself is `graphnet.runtime.gnet`, which is
imported when it is first needed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from graphnet.common.checks import check_path
from graphnet.common.version import version
from graphnet.engine.checkpoints import FIT, Checkpoint, FitState
from graphnet.engine.engine import Engine
from graphnet.saving.array_trees import detach_arrays
from graphnet.saving.marks import mark_of
from graphnet.saving.saved_samples import sample_notes, sample_tensors
from graphnet.saving.training_setup import describe_setup

if TYPE_CHECKING:
    from graphnet.runtime.gnet import Contents, Tensor


def save(network: Engine, path: str | os.PathLike[str]) -> None:
    """Writes a network to a file, or leaves the old file as it was. The same network gives the same bytes.

    Raises:
        GnetFormatError: the network holds what no file can.
        ArgumentError: an argument of a loss, metric or optimizer is not plain data, or the path is no regular file.
        OSError: the file cannot be written.
    """
    from graphnet.runtime.gnet import save_gnet

    save_gnet(check_path("save", path), contents_of(network))


def save_checkpoint(network: Engine, checkpoint: Checkpoint, state: FitState | None = None) -> None:
    """Writes a network and where its training stands, or leaves the old file as it was. See `contents_of`.

    Raises:
        GnetFormatError: the network or a callback's state holds what no file can.
        OSError: the file cannot be written.
    """
    from graphnet.runtime.gnet import save_gnet

    save_gnet(checkpoint.path, contents_of(network, state, checkpoint.notes))


def contents_of(network: Engine, state: FitState | None = None, notes: Mapping[str, Any] | None = None) -> Contents:
    """What a file holds of a network; with the state of its training, what a checkpoint does.

    Args:
        network: as it is.
        state: of its training; without one, what it was loaded with, as long as nothing was changed since.
        notes: what to add to `meta`.

    Raises:
        GnetFormatError: the state holds what no file can.
    """
    from graphnet.runtime.gnet import STATE, Contents, Tensor, by_name
    from graphnet.runtime.gnet.codec import encode_record

    setup, tensors = describe_setup(network), [*_tensors(network), *sample_tensors(network)]
    if state is None and _still_stands(network):
        state = network._fit_state
    if state is not None:
        setup[FIT], arrays = detach_arrays(encode_record(state), f"{FIT}:")
        tensors += [Tensor(name, STATE, array) for name, array in arrays.items()]
    meta = {"producer": f"graphnet {version()}"} | sample_notes(network) | dict(notes or {})
    return Contents(network.graph, by_name(tensors), setup, meta)


def _still_stands(network: Engine) -> bool:
    """Whether a network is where the checkpoint that it was loaded from was written."""
    state = network._fit_state
    return state is not None and state.step == network.step and network._fit_mark == mark_of(network)


def _tensors(network: Engine) -> Iterator[Tensor]:
    from graphnet.runtime.gnet import OPTIMIZER, PARAM, Tensor, slot_name
    from graphnet.runtime.gnet.binding import state_role

    roles = {state.name: state_role(state) for state in network.graph.states}
    yield from (Tensor(name, PARAM, array) for name, array in network.weights.items())
    yield from (Tensor(name, roles[name], array) for name, array in network.states.items())
    for moment, parts in network.optimizer_state.items():
        yield from (Tensor(slot_name(name, moment), OPTIMIZER, array) for name, array in parts.items())
