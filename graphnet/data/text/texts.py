"""Texts as data: characters as numbers, a text as a data set, and one long sequence cut for stateful layers."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from graphnet.arrays.conversion import as_array
from graphnet.common.answers import answering
from graphnet.common.checks import check_whole
from graphnet.compiler.errors import ArgumentError, DataError
from graphnet.compiler.types import Array
from graphnet.compiler.words import file_label
from graphnet.data.dataset import Dataset
from graphnet.data.files.files import regular_file
from graphnet.data.text.tales import make_tales

SYMBOLS = 256
MAX_TEXT_BYTES = 1 << 28
TALES_CHARACTERS = 120_000
TEST_SHARE = 0.1
_PLAIN = {"\n", "\t"}


@answering
def encode_text(text: str) -> NDArray[np.int64]:
    """The numbers of a text, (length,) int64 from 0 to 255: its bytes in UTF-8.

    So every text has numbers and none needs an alphabet of its own. ASCII takes a number a character, others 2 to 4.

    Raises:
        ArgumentError: it is no string.
        DataError: the text has halves of characters, which come from wrongly decoded input.

    Example:
        >>> gn.data.encode_text("né").tolist()  # é takes two
        [110, 195, 169]
    """
    if not isinstance(text, str):
        raise ArgumentError("encode_text", "text", text, "it must be a string; bytes.decode() makes one of bytes")
    try:
        return np.frombuffer(text.encode(), np.uint8).astype(np.int64)
    except UnicodeEncodeError as error:
        raise DataError(f"the text cannot be encoded: {error.reason} at character {error.start}") from None


@answering
def decode_text(numbers: object) -> str:
    """The text of numbers, the other way round. What is no sound UTF-8, as untrained models write it, becomes �.

    So does whatever could do something to a terminal: control characters other than line breaks and tabs.

    Args:
        numbers: (length,) whole numbers from 0 to 255.

    Raises:
        DataError: they are something else.

    Example:
        >>> gn.data.decode_text(np.array([110, 195, 169]))
        'né'
        >>> gn.data.decode_text(np.array([195, 110, 27]))  # half é, Escape
        '�n�'
    """
    array = as_array("numbers", numbers)
    if array.size and (array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= SYMBOLS):
        raise DataError(f"numbers of a text are whole and go from 0 to {SYMBOLS - 1}, got {array.dtype} from "
                        f"{array.min()} to {array.max()}; of outputs take the .argmax(-1)")
    text = array.astype(np.uint8).tobytes().decode(errors="replace")
    return "".join(c if c.isprintable() or c in _PLAIN else "�" for c in text)


@answering
def load_text(path: str | os.PathLike[str] | None = None) -> Dataset:
    """A text to predict the next character of: x holds its numbers (see `encode_text`), y those one place later.

    Nine tenths are for training; the test part is the end of the text.

    Args:
        path: a text file in UTF-8 (other bytes are kept as they are); None for 120,000 characters of `make_tales`.

    Returns:
        Arrays (characters,) of int64: one sequence, which `cut_streams` cuts into samples.

    Raises:
        DataError: the file cannot be read, or is too short or larger than 256 MiB.

    Example:
        >>> tales = gn.data.load_text()
        >>> gn.data.decode_text(tales.x_train[:20])
        'Emil was a young tea'
        >>> gn.data.decode_text(tales.y_train[:20])  # what comes next
        'mil was a young teac'
    """
    if path is None:
        return _dataset("tales", encode_text(make_tales(TALES_CHARACTERS)), "graphnet's own tales")
    path = regular_file(path)
    size = path.stat().st_size
    if size > MAX_TEXT_BYTES:
        raise DataError(f"{file_label(path)}: expected {MAX_TEXT_BYTES:,} bytes or fewer, found {size:,}; take a "
                        "part of the text")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{file_label(path)}: cannot be read: {error.strerror or error}") from error
    if len(content) < 2 / TEST_SHARE:
        raise DataError(f"{file_label(path)}: expected a text to learn from, found {len(content)} bytes")
    return _dataset(path.name, np.frombuffer(content, np.uint8).astype(np.int64), f"the text {path}")


@answering
def cut_streams(sequence: object, streams: int, steps: int) -> Array:
    """Cuts one sequence into samples for stateful layers, so that in batches of `streams` each row goes on in the next.

    The sequence is laid out as `streams` sequences of equal length side by side; batch k holds the k-th `steps` of
    each. What is left at the end, fewer than streams · steps, is dropped.

    Args:
        sequence: (length, …).
        streams: samples of a batch; only with this batch size the samples have their meaning.
        steps: length of a sample.

    Returns:
        Samples (batches · streams, steps, …), to be fed in order.

    Raises:
        ArgumentError: `streams` or `steps` is no whole number ≥ 1.
        DataError: the sequence is too short for a single batch.

    Example:
        >>> gn.data.cut_streams(np.arange(12), streams=2, steps=3)
        array([[ 0,  1,  2],
               [ 6,  7,  8],
               [ 3,  4,  5],
               [ 9, 10, 11]])
    """
    streams = check_whole("cut_streams", "streams", streams)
    steps = check_whole("cut_streams", "steps", steps)
    array = as_array("sequence", sequence)
    length = len(array) if array.ndim else 0
    batches = length // (streams * steps)
    if not batches:
        raise DataError(f"a sequence of {length:,} is too short for {streams} streams of {steps} steps: give a "
                        "longer one, or take smaller batches")
    cut = array[:batches * streams * steps].reshape(streams, batches, steps, *array.shape[1:])
    return np.ascontiguousarray(cut.swapaxes(0, 1)).reshape(batches * streams, steps, *array.shape[1:])


def _dataset(name: str, numbers: NDArray[np.int64], source: str) -> Dataset:
    train, test = np.split(numbers, [len(numbers) - int(len(numbers) * TEST_SHARE)])
    classes = tuple(decode_text(np.array([number])) for number in range(SYMBOLS))
    return Dataset(name, train[:-1], train[1:], test[:-1], test[1:], classes, source)
