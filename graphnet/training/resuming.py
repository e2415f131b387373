"""What must be as it was for a training to go on from a checkpoint and end as if it had never been cut."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from graphnet.compiler.errors import ArgumentError, DataError, GraphError
from graphnet.engine.backends import NUMPY, why_not_native
from graphnet.engine.checkpoints import FitState, same_value
from graphnet.engine.engine import Engine
from graphnet.runtime.blas import blas_kind
from graphnet.saving.marks import mark_of
from graphnet.saving.training_setup import trained_on
from graphnet.training.callback import Callback
from graphnet.training.fingerprints import check_unchanged


def check_resumable(network: Engine, arguments: Mapping[str, Any], samples: Mapping[str, Any],
                    callbacks: Sequence[Callback], backend_change: bool) -> FitState:
    """Where a network's training stands that is to go on.

    Args:
        network: loaded from a checkpoint.
        arguments: of `fit`, those that decide what comes next.
        samples: the fingerprint of each array.
        callbacks: of `fit`.
        backend_change: whether the network may run on another backend than the one that trained it.

    Raises:
        GraphError: there is no training to go on with.
        DataError: the network was changed since, or the samples are others.
        ArgumentError: an argument is another one.
    """
    state = network._fit_state
    if state is None:
        raise GraphError("there is no training to resume: gn.load a file that fit wrote as its checkpoint, and call "
                         "fit(resume=True) on that network")
    if state.step != network.step:
        raise DataError(f"the checkpoint is of step {state.step}, but the network has done {network.step}: load the "
                        "checkpoint again to go on from it, or call fit without resume to go on from here")
    if mark_of(network) != network._fit_mark:
        raise DataError("the network's weights, states, moments or settings are no longer those of the checkpoint: "
                        "load the checkpoint again to go on from it, or call fit without resume to go on from here")
    for name, value in arguments.items():
        before = state.arguments.get(name)
        if not same_value(before, value):
            raise ArgumentError("fit", name, value, f"the checkpoint was made with {before!r}: give the same to go on, "
                                                    "or call fit without resume to begin another training")
    classes, before = [type(callback).__name__ for callback in callbacks], [c["class"] for c in state.callbacks]
    if classes != before:
        raise ArgumentError("fit", "callbacks", _listed(classes), f"the checkpoint was made with {_listed(before)}: "
                            "give the same ones in the same order")
    check_unchanged(state.samples, samples)
    before, now = trained_on(network), network.backend
    if before != now and not backend_change:
        problem = why_not_native(network.graph, network.optimize) if now == NUMPY else ""
        raise ArgumentError("fit", "backend_change", backend_change, f"the checkpoint was trained on {before!r}, and "
                            f"this network runs on {now!r}, which gives other last bits"
                            f"{f': the native backend {problem}' if problem else ''}. gn.load it with "
                            f"backend={before!r}, or go on all the same with backend_change=True")
    if before == now and state.blas not in (None, blas_kind()):
        warnings.warn(f"the checkpoint was made with {state.blas}, and this machine computes with {blas_kind()}: the "
                      "last bits will differ from those of a training that was not cut", UserWarning, stacklevel=4)
    return state


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
