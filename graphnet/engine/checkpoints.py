"""Checkpoints: where and when `fit` saves what it needs to go on, and what that is beside the network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from graphnet.common.checks import check_path, check_whole
from graphnet.compiler.errors import ArgumentError, GnetFormatError

Plain = dict[str, Any]
FIT = "fit"  # its key in the training set-up of a file
Mark = tuple[float, ...]
"""Tells whether a network is as it was; see `mark_of`."""
_OPTIONAL = type(None)


@dataclass(frozen=True)
class Checkpoint:
    """Where and how often `fit` saves: a network that can be loaded, and what `fit(resume=True)` needs to go on.

    The file is replaced in one step, so that it is whole at any moment. It is written before the first step, then
    every so often, and after the last step.

    Args:
        path: the `.gnet` file.
        every: steps from one to the next; None for after each epoch.
        notes: plain data to keep in the file's `meta`, for whoever reads it.
    """

    path: str | os.PathLike[str]
    every: int | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_path("Checkpoint", self.path)
        if self.every is not None:
            check_whole("Checkpoint", "every", self.every)


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
    """

    step: int
    arguments: Plain
    samples: Plain
    begun: int
    position: int | None
    stopped: bool
    seconds: float
    scores: Plain | None
    history: Plain
    callbacks: list[Plain]

    def plain(self) -> Plain:
        """The same as a dict, with arrays in it; `parse_fit_state` makes the state of it again."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


_KINDS: dict[str, tuple[type, ...]] = {
    "step": (int,), "arguments": (dict,), "samples": (dict,), "begun": (int,), "position": (int, _OPTIONAL),
    "stopped": (bool,), "seconds": (float,), "scores": (dict, _OPTIONAL), "history": (dict,), "callbacks": (list,)}


def parse_fit_state(plain: Any, path: tuple[str | int, ...]) -> FitState:
    """The state that stands at `path` in a file.

    Raises:
        GnetFormatError: a field is missing, unknown or of the wrong kind.
    """
    check_kinds(plain, _KINDS, path)
    if plain["begun"] < 0 or (plain["position"] or 0) < 0:
        raise GnetFormatError("begun and position must not be negative", path)
    if (plain["position"] is None) != (plain["scores"] is None):
        raise GnetFormatError("position and scores must both be there or both be nil", path)
    for name, item in plain["samples"].items():
        check_kinds(item, {"dtype": (str,), "shape": (list,), "sha256": (str,)}, (*path, "samples", name))
        for axis, dim in enumerate(item["shape"]):
            if type(dim) is not int:
                raise GnetFormatError("it must be a whole number", (*path, "samples", name, "shape", axis))
    for index, item in enumerate(plain["callbacks"]):
        check_kinds(item, {"class": (str,), "state": (dict,)}, (*path, "callbacks", index))
    return FitState(**plain)


def check_kinds(plain: Any, kinds: Mapping[str, tuple[type, ...]], path: tuple[str | int, ...]) -> None:
    """Refuses plain data that is not a map with exactly these keys, and values of these types.

    Raises:
        GnetFormatError: the text names the key.
    """
    from graphnet.runtime.gnet.wire.header import expect_keys

    expect_keys(plain, tuple(kinds), path)
    for key, allowed in kinds.items():
        if type(plain[key]) not in allowed:
            names = " or ".join("nil" if kind is _OPTIONAL else kind.__name__ for kind in allowed)
            raise GnetFormatError(f"it must be of type {names}, not {type(plain[key]).__name__}", (*path, key))


def same_value(before: object, now: object) -> bool:
    """Whether an argument is what a file says that it was; an array there is never one."""
    return not isinstance(before, np.ndarray) and before == now


def check_values(plain: Mapping[str, Any], kind: type, path: tuple[str | int, ...]) -> None:
    """Refuses a map of which a value is not of this type.

    Raises:
        GnetFormatError: the text names the key.
    """
    for key, value in plain.items():
        if type(value) is not kind:
            raise GnetFormatError(f"it must be of type {kind.__name__}, not {type(value).__name__}", (*path, key))
