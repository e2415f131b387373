"""Cuts the bundled sample out of the full MNIST set: `python tests/support/cut_sample.py IDX_DIR`.

The same data and seed give the same arrays everywhere, and the same bytes wherever zlib packs alike.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graphnet.compiler.errors import DataError
from graphnet.compiler.types import Array
from graphnet.data.files.idx import read_pair
from graphnet.data.files.staging import place
from graphnet.data.mnist import load
from graphnet.data.mnist.load import SAMPLE_KEYS, SAMPLE_NAME
from graphnet.data.mnist.mnist_files import TEST, TRAIN, find_idx_files

SEED = 0
TRAIN_PER_CLASS = 1000
TEST_PER_CLASS = 200


def choose_balanced(labels: Array, per_class: int, seed: int) -> NDArray[np.int64]:
    """Chooses the same number of samples of every class, at random.

    Each sample draws a 64-bit key and the smallest keys of a class win. The keys are raw output of PCG64,
    which NumPy promises to keep; the methods of `numpy.random.Generator` may change (NEP 19).

    Args:
        labels: Class of each sample, (N,).
        per_class: How many to take of each.
        seed: Seed of the generator.

    Returns:
        Indices in ascending order, (classes * per_class,).

    Raises:
        DataError: A class has too few samples.
    """
    keys = np.random.PCG64(seed).random_raw(len(labels))
    chosen = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < per_class:
            raise DataError(f"class {label}: expected {per_class} samples or more, found {len(members)}")
        chosen.append(members[np.argsort(keys[members], kind="stable")[:per_class]])
    return np.sort(np.concatenate(chosen))


def cut_sample(
    idx_dir: str | os.PathLike[str],
    train_per_class: int = TRAIN_PER_CLASS,
    test_per_class: int = TEST_PER_CLASS,
    seed: int = SEED,
) -> dict[str, Array]:
    """Cuts a class-balanced sample, in the order of the full set.

    Args:
        idx_dir: Directory with the four IDX files.
        train_per_class: Training samples of each class.
        test_per_class: Test samples of each class.
        seed: Seed of the choice.

    Returns:
        `x_train`, `y_train`, `x_test`, `y_test` as they are in the files.

    Raises:
        DataError: A file is missing or refused, or a class has too few samples.
    """
    paths = find_idx_files(Path(idx_dir))
    parts = []
    for pair, per_class in ((TRAIN, train_per_class), (TEST, test_per_class)):
        images, labels = read_pair(paths[pair.images], paths[pair.labels])
        chosen = choose_balanced(labels, per_class, seed)
        parts += [images[chosen], labels[chosen]]
    return dict(zip(SAMPLE_KEYS, parts, strict=True))


def pack_npz(arrays: dict[str, Array]) -> bytes:
    """Packs arrays as `numpy.savez_compressed` does, but tighter and without a trace of time or machine."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix; the default tells Windows from the rest
            archive.writestr(entry, member.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)
    return content.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns 0 when the sample was written, 1 when it could not be."""
    parser = argparse.ArgumentParser(
        prog="python tests/support/cut_sample.py",
        description="Cut the bundled sample out of the full MNIST set.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("idx_dir", type=Path, help="directory with the four IDX files, packed or not")
    add("--output", type=Path, default=Path(load.__file__).with_name(SAMPLE_NAME), help="file to write")
    add("--train-per-class", type=_positive, default=TRAIN_PER_CLASS, help="training digits of a class")
    add("--test-per-class", type=_positive, default=TEST_PER_CLASS, help="test digits of a class")
    add("--seed", type=_whole, default=SEED, help="seed of the choice")
    options = parser.parse_args(arguments)
    try:
        arrays = cut_sample(options.idx_dir, options.train_per_class, options.test_per_class, options.seed)
        content = pack_npz(arrays)
        place(options.output, content)
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for name, array in arrays.items():
        print(f"{name}: {array.dtype} {array.shape}, SHA-256 of the items {_digest(array.tobytes())}")
    print(f"{options.output}: {len(content):,} bytes, SHA-256 {_digest(content)}")
    return 0


def _positive(text: str) -> int:
    return _whole(text, least=1)


def _whole(text: str, least: int = 0) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of {least} or more")
    return int(text)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
