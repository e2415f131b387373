"""A child process of the crash test: saves one generation after the other until it is killed.

Before and after each save it writes the generation's number to its standard output. With the argument `in-place` it
writes as one must not: into the file itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

import numpy as np

from graphnet.compiler.atomic import LateStart
from graphnet.compiler.builder import Builder
from graphnet.runtime.gnet import Contents, Tensor, by_name, save_gnet, writer

TENSORS, SIZE = 8, 50_000


def generation(number: int) -> Contents:
    """Contents that tell their number in every tensor."""
    tensors = [Tensor(f"t{i}", "const", np.full(SIZE, number, np.int64)) for i in range(TENSORS)]
    return Contents(Builder("").build([]), by_name(tensors), {"generation": number})


def write_in_place(path: str, pieces: Iterable[memoryview], start: LateStart) -> None:
    """The wrong way: the file is cut to nothing and then grows."""
    with open(path, "wb") as file:
        for piece in (start.make(), *pieces):
            file.write(piece)
            file.flush()
            os.fsync(file.fileno())


def main(path: str, number: int, how: str) -> None:
    """Saves generations from `number` on, for ever."""
    if how == "in-place":
        writer.replace_file = write_in_place
    while True:
        contents = generation(number)
        os.write(1, b"start %d\n" % number)
        save_gnet(path, contents)
        os.write(1, b"done %d\n" % number)
        number += 1


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
