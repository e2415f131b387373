"""The four IDX files of MNIST: their names, sizes and checksums, and how to find them in a directory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from graphnet.compiler.errors import DataError
from graphnet.compiler.words import file_label


@dataclass(frozen=True)
class IdxFile:
    """One file of a data set.

    Attributes:
        name: Its name, unpacked.
        size: Bytes of the unpacked file.
        sha256: SHA-256 of the unpacked file; packed ones differ from mirror to mirror.
    """

    name: str
    size: int
    sha256: str

    @property
    def packed_name(self) -> str:
        """The name under which mirrors and the cache keep it."""
        return f"{self.name}.gz"

    @property
    def accepted_names(self) -> tuple[str, ...]:
        """Names to look for, best first: unpacked, packed, and both as some archives spell them."""
        dotted = self.name.replace("-idx", ".idx")
        return self.name, self.packed_name, dotted, f"{dotted}.gz"


@dataclass(frozen=True)
class IdxPair:
    """The images of one part of a data set and their labels."""

    images: IdxFile
    labels: IdxFile


TRAIN = IdxPair(
    IdxFile(
        "train-images-idx3-ubyte",
        47_040_016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    IdxFile(
        "train-labels-idx1-ubyte",
        60_008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
)
TEST = IdxPair(
    IdxFile(
        "t10k-images-idx3-ubyte",
        7_840_016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    IdxFile(
        "t10k-labels-idx1-ubyte",
        10_008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)
MNIST_FILES = (TRAIN.images, TRAIN.labels, TEST.images, TEST.labels)


def find_idx_files(directory: Path) -> dict[IdxFile, Path]:
    """Finds the four files in a directory.

    Args:
        directory: Where they are, unpacked or packed with gzip. Of several spellings of the same file, the
            first of `IdxFile.accepted_names` is taken. Folders of such names, as archives leave them, are no files.

    Returns:
        The path of each file.

    Raises:
        DataError: The directory cannot be listed or lacks a file; says what is missing and what is there.
    """
    try:
        present = sorted(os.listdir(directory))
    except OSError as error:
        raise DataError(f"{file_label(directory)}: cannot be listed: {error.strerror or error}") from error
    found = {
        file: directory / name
        for file in MNIST_FILES
        for name in reversed(file.accepted_names)
        if name in present and not (directory / name).is_dir()
    }
    missing = [file.packed_name for file in MNIST_FILES if file not in found]
    if missing:
        shown = ", ".join(present[:8]) + (f" and {len(present) - 8} more" if len(present) > 8 else "")
        raise DataError(
            f"{file_label(directory)}: expected the four IDX files of MNIST, packed (.gz) or not; "
            f"missing: {', '.join(missing)}; found: {shown or 'nothing'}"
        )
    return found
