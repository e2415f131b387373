"""Downloads MNIST into the user's cache: all of it, checked, or nothing."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graphnet.common.answers import Answering, answering
from graphnet.compiler.errors import ArgumentError, DataError
from graphnet.data.files.staging import making, place
from graphnet.data.mnist.checksum import check_packed
from graphnet.data.mnist.load import mnist_cache
from graphnet.data.mnist.mnist_files import MNIST_FILES, IdxFile

DEFAULT_MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)
"""Where `download_mnist` looks for the files, in this order."""


@dataclass(frozen=True)
class Download(Answering):
    """What a download did.

    Keras / PyTorch: – / –.

    Attributes:
        directory: Where the files are now.
        fetched: Names of the files that were fetched; empty when all were there already.

    Example:
        >>> from pathlib import Path
        >>> print(gn.data.Download(Path("cache"), fetched=()))
        cache is complete and its checksums are right; nothing to download
    """

    directory: Path
    fetched: tuple[str, ...]

    def __str__(self) -> str:
        if not self.fetched:
            return f"{self.directory} is complete and its checksums are right; nothing to download"
        return f"fetched {', '.join(self.fetched)} into {self.directory}; checksums are right"


@answering
def download_mnist(
    cache_dir: str | os.PathLike[str] | None = None,
    mirrors: Sequence[str] = DEFAULT_MIRRORS,
    progress: bool | None = None,
    force: bool = False,
    timeout: float = 30.0,
    deadline: float = 1800.0,
) -> Download:
    """Fetches the four files of MNIST that the cache does not have yet, or has damaged.

    Each file is checked before it is kept, and none is placed before all are there. They are placed one by
    one: since only one content is right for each, a reader never sees two sets mixed.

    Args:
        cache_dir: graphnet's cache directory; None for the user's.
        mirrors: Addresses of directories that hold the `.gz` files, tried in order for each file.
        progress: Whether to show progress bars; None for only on a terminal.
        force: Fetch all files, even those that are in the cache and right.
        timeout: Seconds within which an answer must begin, and 1,000 bytes for each of them must come from then on;
            else the mirror is given up.
        deadline: Seconds after which a mirror is given up for a file, whatever it sends.

    Returns:
        Where the files are and which were fetched; `str` of it says so in a sentence.

    Raises:
        ArgumentError: `mirrors` is empty or a single string, or `timeout` or `deadline` is not positive.
        DataError: No mirror could serve a file, or the cache cannot be written to; nothing partial is left.

    Example:
        >>> gn.data.download_mnist("cache", mirrors=["mnist.example/"])
        Traceback (most recent call last):
            ...
        graphnet.compiler.errors.DataError: train-images-idx3-ubyte.gz: no
        mirror could serve it; tried
          mnist.example/train-images-idx3-ubyte.gz: is not an http:// or
          https:// address
    """
    if isinstance(mirrors, str) or not mirrors:
        raise ArgumentError("download_mnist", "mirrors", mirrors, "a list of one address or more is needed")
    for name, seconds in (("timeout", timeout), ("deadline", deadline)):
        if not 0 < seconds < math.inf:
            raise ArgumentError("download_mnist", name, seconds, "it must be a positive number of seconds")
    directory = mnist_cache(cache_dir)
    wanted = [file for file in MNIST_FILES if force or not _is_right(directory / file.packed_name, file)]
    if not wanted:
        return Download(directory, ())

    from graphnet.data.mnist.fetch import fetch  # brings urllib and tqdm

    with making(directory):
        contents = [fetch(file, mirrors, progress, timeout, deadline) for file in wanted]
        for file, content in zip(wanted, contents, strict=True):
            place(directory / file.packed_name, content)
    return Download(directory, tuple(file.packed_name for file in wanted))


def _is_right(path: Path, file: IdxFile) -> bool:
    try:
        check_packed(path.read_bytes(), file)
    except (OSError, DataError):
        return False
    return True
