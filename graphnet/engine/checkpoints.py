"""Checkpoints: where and when `fit` saves what it needs to go on, and what that is beside the network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

import numpy as np

from graphnet.common.answers import Answering
from graphnet.common.checks import check_path, check_whole
from graphnet.compiler.errors import ArgumentError, GnetFormatError
from graphnet.runtime.records import unless

Plain = dict[str, Any]
FIT = "fit"  # its key in the training set-up of a file
_BLAS_CHARS = 200
Mark = tuple[float, ...]
"""Tells whether a network is as it was; see `mark_of`."""


@dataclass(frozen=True)
class Checkpoint(Answering):
    """Where and how often `fit` saves: a network that can be loaded, and what `fit(resume=True)` needs to go on.

    The file is replaced in one step, so that it is whole at any moment. It is written before the first step, then
    every so often, and after the last step.

    Keras / PyTorch: `callbacks.BackupAndRestore` / `torch.save` of the `state_dict`s of model, optimizer and schedule.
    Keras's file is gone when `fit` ends; PyTorch leaves the order of samples and the random numbers to you.

    Args:
        path: the `.gnet` file.
        every: steps from one to the next; None for after each epoch.
        notes: plain data to keep in the file's `meta`, for whoever reads it.

    Example:
        >>> x = gn.Input((2,))
        >>> net = gn.compile(gn.Model(x, gn.layers.Dense(1)(x)), "mse", "sgd")
        >>> class Unplug(gn.Callback):
        ...     def on_step_end(self, network, step, logs):
        ...         if step == 3:
        ...             raise OSError("no power")
        >>> x, y = np.ones((5, 2)), np.ones((5, 1))
        >>> every2 = gn.Checkpoint("run.gnet", every=2)
        >>> net.fit(x, y, batch_size=1, verbose=False, checkpoint=every2,
        ...         callbacks=[Unplug()])
        Traceback (most recent call last):
            ...
        OSError: no power
        >>> gn.load("run.gnet").step  # fit(…, resume=True) goes on from there
        2
    """

    path: str | os.PathLike[str]
    every: int | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_path("Checkpoint", self.path)
        if self.every is not None:
            object.__setattr__(self, "every", check_whole("Checkpoint", "every", self.every))


def as_checkpoint(given: object) -> Checkpoint | None:
    """The argument `checkpoint` of `fit`: a path stands for a checkpoint after each epoch.

    Raises:
        ArgumentError: it is something else.
    """
    if given is None or isinstance(given, Checkpoint):
        return given
    if isinstance(given, str | os.PathLike):
        return Checkpoint(given)
    raise ArgumentError("fit", "checkpoint", given, "it must be the path of a file, a gn.Checkpoint, or None")


@dataclass(frozen=True)
class Fingerprint:
    """What tells an array from others: its form, and the SHA-256 of its bytes in row-major order."""

    dtype: str
    shape: tuple[int, ...]
    sha256: str


CallbackState = TypedDict("CallbackState", {"class": str, "state": Plain})
"""The name of a callback's class, and what it remembers."""


@dataclass(frozen=True)
class FitState:
    """Where a call of `fit` stands between two steps.

    Attributes:
        step: of the network.
        arguments: of `fit`, those that decide what comes next.
        samples: the fingerprint of each array.
        begun: how many epochs of the call have begun.
        position: how many samples of the current epoch have been trained on; None between epochs.
        stopped: whether a callback has stopped the training.
        seconds: what the current epoch has taken so far.
        scores: the current epoch's figures so far, None between epochs; see `Scores.state`.
        history: the epochs before; see `History.state`.
        callbacks: class and state of each callback.
        blas: which kernels of which BLAS it was trained with, if that is known; others give other last bits.

    Raises:
        GnetFormatError: the numbers contradict each other.
    """

    step: int
    arguments: Plain
    samples: dict[str, Fingerprint]
    begun: int
    position: int | None
    stopped: bool
    seconds: float
    scores: Plain | None
    history: Plain
    callbacks: tuple[CallbackState, ...]
    blas: str | None = unless(None)

    def __post_init__(self) -> None:
        if self.begun < 0 or (self.position or 0) < 0:
            raise GnetFormatError("begun and position must not be negative")
        if (self.position is None) != (self.scores is None):
            raise GnetFormatError("position and scores must both be there or both be nil")
        if self.blas is not None and not (self.blas.isprintable() and len(self.blas) <= _BLAS_CHARS):
            raise GnetFormatError("it must be the name of a BLAS", ("blas",))


def same_value(before: object, now: object) -> bool:
    """Whether an argument is what a file says that it was; an array there is never one."""
    return not isinstance(before, np.ndarray) and before == now
