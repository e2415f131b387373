"""Which samples a run trains on, which it shows figures of, and which it is tested on in the end."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.types import Array
from graphnet.data import Dataset, cut_streams
from graphnet.runs.recipe import Recipe, Settings


class Samples(NamedTuple):
    """Samples and their labels."""

    x: Array
    y: Array


class Parts(NamedTuple):
    """The parts of a data set; `held_out` is the test part itself if nothing of the training part is held out."""

    train: Samples
    held_out: Samples
    test: Samples


def split(data: Dataset, recipe: Recipe, settings: Settings) -> Parts:
    """The parts of a data set, as the recipe's network takes them.

    Of independent samples a share drawn at random is held out, of a sequence its end.

    Raises:
        ArgumentError: the share to hold out leaves nothing on one side.
        DataError: a part is too short for a batch.
    """
    test, size = test_part(data, recipe, settings.batch_size), settings.batch_size
    if not settings.validation:
        return Parts(_arrange(Samples(data.x_train, data.y_train), recipe, size), test, test)
    order = _order(len(data.x_train), recipe, settings)
    count = _count(len(order), settings.validation)
    rest, held_out = np.sort(order[count:]), np.sort(order[:count])
    return Parts(_arrange(Samples(data.x_train[rest], data.y_train[rest]), recipe, size),
                 _arrange(Samples(data.x_train[held_out], data.y_train[held_out]), recipe, size), test)


def test_part(data: Dataset, recipe: Recipe, batch_size: int) -> Samples:
    """The test part, as the recipe's network takes it in batches of this size.

    Raises:
        DataError: it is too short for a batch.
    """
    return _arrange(Samples(data.x_test, data.y_test), recipe, batch_size)


def _arrange(samples: Samples, recipe: Recipe, batch_size: int) -> Samples:
    """Cuts a sequence into samples; leaves samples as they are."""
    if recipe.stream_steps is None:
        return samples
    return Samples(*(cut_streams(array, batch_size, recipe.stream_steps) for array in samples))


def _order(total: int, recipe: Recipe, settings: Settings) -> NDArray[np.intp]:
    """The numbers of the training samples, those to hold out first."""
    if recipe.stream_steps is not None:
        return np.arange(total)[::-1]
    return np.random.default_rng(settings.seed).permutation(total)


def _count(total: int, share: float) -> int:
    """How many samples to hold out."""
    count = round(share * total)
    if not 0 < count < total:
        raise ArgumentError("train", "validation", share, f"that holds out {count} of {total} training samples")
    return count
