"""A few real digits as IDX files, for commands that take `--data-dir`."""

from __future__ import annotations

from pathlib import Path

from graphnet.data import Dataset, write_idx
from graphnet.data.mnist.mnist_files import TEST, TRAIN


def write_digits(directory: Path, sample: Dataset, train: int, test: int) -> None:
    """Writes the first digits of both parts of a data set."""
    for pair, images, labels, count in ((TRAIN, sample.x_train, sample.y_train, train),
                                        (TEST, sample.x_test, sample.y_test, test)):
        write_idx(directory / pair.images.name, (images[:count, 0] * 255).round().astype("uint8"))
        write_idx(directory / pair.labels.name, labels[:count].astype("uint8"))
