"""Loads MNIST from the user's directory, the user's cache or the bundled sample."""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

import numpy as np

from graphnet.common.answers import answering
from graphnet.compiler.errors import DataError
from graphnet.compiler.types import Array
from graphnet.compiler.words import file_label
from graphnet.data.dataset import Dataset
from graphnet.data.files.idx import idx_digest, read_pair
from graphnet.data.images.pixels import scale_pixels
from graphnet.data.mnist.cache import cache_root
from graphnet.data.mnist.mnist_files import MNIST_FILES, TEST, TRAIN, IdxFile, find_idx_files

CLASSES = tuple("0123456789")
IMAGE_SHAPE = (28, 28)
SAMPLE_NAME = "mnist_sample.npz"
SAMPLE_KEYS = ("x_train", "y_train", "x_test", "y_test")
_GET_ALL = "the full set: graphnet data download mnist"


@answering
def load_mnist(
    data_dir: str | os.PathLike[str] | None = None, cache_dir: str | os.PathLike[str] | None = None
) -> Dataset:
    """Loads handwritten digits: the given directory, else the cache, else the sample in the package.

    - `data_dir` must hold all four IDX files, packed or not. They may be another set in MNIST's form; then
      the name is "mnist-like", not "mnist".
    - The cache is used when all four files are there, and then they must be MNIST to the last bit. When
      one is missing, the sample is used and `source` says so. A damaged cache is an error: training on
      less data than was downloaded should not pass unnoticed.
    - The sample is 10,000 training and 2,000 test digits of MNIST, named "mnist-sample".

    Keras / PyTorch: `datasets.mnist.load_data` / `torchvision.datasets.MNIST`, which download; `graphnet data download
    mnist` does here. Keras has pixels from 0 to 255 and no axis for the channel.

    Args:
        data_dir: Directory with the IDX files; None for the cache or the sample.
        cache_dir: graphnet's cache directory; None for the user's (see `cache_root`).

    Returns:
        Images as float32 (N, 1, 28, 28) in [0, 1] (see `scale_pixels`), labels as int64 (N,).

    Raises:
        DataError: `data_dir` lacks a file, or a file that would be used is damaged or of the wrong kind.

    Example:
        >>> digits = gn.data.load_mnist(cache_dir="none-yet")
        >>> print(digits.source)
        the bundled sample mnist_sample.npz (the full set: graphnet data
        download mnist)
        >>> digits.x_train.shape, digits.x_train.min(), digits.x_train.max()
        ((10000, 1, 28, 28), ...0.0..., ...1.0...)
    """
    if data_dir is not None:
        return _load_directory(Path(data_dir))
    try:
        directory = mnist_cache(cache_dir)
    except DataError as error:
        return _load_sample(f" ({error})")
    missing = [file.packed_name for file in MNIST_FILES if not os.path.isfile(directory / file.packed_name)]
    if not missing:
        return _load_cache(directory)
    if len(missing) == len(MNIST_FILES):
        return _load_sample(f" ({_GET_ALL})")
    return _load_sample(f" (the cache {file_label(directory)} lacks {', '.join(missing)}; {_GET_ALL})")


@answering
def mnist_cache(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """The directory that keeps downloaded MNIST files, packed.

    Args:
        cache_dir: graphnet's cache directory; None for the user's.

    Raises:
        DataError: The user has no cache directory.

    Example:
        >>> gn.data.mnist_cache("somewhere").as_posix()
        'somewhere/mnist'
    """
    return (cache_root() if cache_dir is None else Path(cache_dir)) / "mnist"


def _load_directory(directory: Path) -> Dataset:
    paths = find_idx_files(directory)
    arrays = _read_all(paths)
    known = all(idx_digest(array) == file.sha256 for file, array in arrays.items())
    note = "" if known else " (checksums differ from MNIST's)"
    return _dataset("mnist" if known else "mnist-like", arrays.values(), f"IDX files in {file_label(directory)}{note}")


def _load_cache(directory: Path) -> Dataset:
    repair = "repair the cache with: graphnet data download mnist"
    try:
        arrays = _read_all({file: directory / file.packed_name for file in MNIST_FILES})
    except DataError as error:
        raise DataError(f"{error}; {repair}") from error
    for file, array in arrays.items():
        if (found := idx_digest(array)) != file.sha256:
            path = directory / file.packed_name
            raise DataError(f"{file_label(path)}: expected unpacked SHA-256 {file.sha256}, found {found}; {repair}")
    return _dataset("mnist", arrays.values(), f"cache {file_label(directory)}")


def _load_sample(note: str) -> Dataset:
    from zipfile import BadZipFile  # here, to keep `import graphnet` short

    origin = f"the bundled sample {SAMPLE_NAME}"
    try:
        content = resources.files("graphnet.data.mnist").joinpath(SAMPLE_NAME).read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            parts = [archive[key] for key in SAMPLE_KEYS]
    except (OSError, EOFError, ValueError, KeyError, BadZipFile, zlib.error) as error:
        raise DataError(f"{origin} cannot be read ({error}); install graphnet again") from error
    return _dataset("mnist-sample", parts, f"{origin}{note}")


def _read_all(paths: dict[IdxFile, Path]) -> dict[IdxFile, Array]:
    arrays: dict[IdxFile, Array] = {}
    for pair in (TRAIN, TEST):
        images, labels = read_pair(paths[pair.images], paths[pair.labels])
        _check_images(paths[pair.images], images)
        _check_labels(paths[pair.labels], labels)
        arrays |= {pair.images: images, pair.labels: labels}
    return arrays


def _check_images(path: Path, images: Array) -> None:
    if images.dtype != np.uint8 or images.shape[1:] != IMAGE_SHAPE or not len(images):
        raise DataError(
            f"{file_label(path)}: expected uint8 images of shape (N, 28, 28), found {images.dtype} {images.shape}"
        )


def _check_labels(path: Path, labels: Array) -> None:
    if labels.dtype != np.uint8 or labels.ndim != 1:
        raise DataError(f"{file_label(path)}: expected uint8 labels of shape (N,), found {labels.dtype} {labels.shape}")
    if labels.max() >= len(CLASSES):
        raise DataError(f"{file_label(path)}: expected labels from 0 to {len(CLASSES) - 1}, found {labels.max()}")


def _dataset(name: str, parts: Iterable[Array], source: str) -> Dataset:
    x_train, y_train, x_test, y_test = parts  # in the order of MNIST_FILES and SAMPLE_KEYS
    return Dataset(
        name=name,
        x_train=scale_pixels(x_train)[:, np.newaxis],  # (N, 28, 28) -> (N, 1, 28, 28)
        y_train=y_train.astype(np.int64),
        x_test=scale_pixels(x_test)[:, np.newaxis],
        y_test=y_test.astype(np.int64),
        classes=CLASSES,
        source=source,
    )
