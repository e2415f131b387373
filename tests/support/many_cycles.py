"""Compiles, trains, saves and loads again and again with batches that grow and shrink, and prints how memory grew.

    python many_cycles.py CYCLES

Prints bytes: resident after the first cycle, the most that was resident later, the largest arena.
"""

from __future__ import annotations

import gc
import sys
import tempfile
from pathlib import Path

import numpy as np

import graphnet as gn
from graphnet.compiler.planning.program import ARENA

L = gn.layers


def images() -> gn.Model:
    x = gn.Input((3, 24, 24))
    h = L.MaxPool2D(2)(L.Conv2D(16, 3, activation="relu", padding="same")(x))
    return gn.Model(x, L.Dense(4)(L.Flatten()(L.BatchNorm()(h))))


def sequences() -> gn.Model:
    x = gn.Input((None, 8))
    return gn.Model(x, L.Dense(4)(L.LSTM(24)(x)))


def main(cycles: int) -> None:
    gc.disable()  # what is not used any more must not wait for it
    rng, most, arena, first = np.random.default_rng(0), 0, 0, 0
    folder = Path(tempfile.mkdtemp())
    for cycle in range(cycles):
        model = images() if cycle % 2 else sequences()
        net = gn.compile(model, "softmax_cross_entropy", "adam", ["accuracy"], seed=cycle)
        sizes = (2, 256) if cycle < 2 else rng.integers(1, 256, 2)
        for size in [*sizes, *reversed(sizes)]:
            shape = (3, 24, 24) if cycle % 2 else (1 + int(size) % 90, 8)
            x, y = rng.random((size, *shape), dtype=np.float32), rng.integers(0, 4, size)
            net.fit(x, y, batch_size=int(size), verbose=0)
            net.predict(x[: size // 2 + 1])
        path = folder / f"{cycle}.gnet"
        net.save(path)
        gn.load(path).predict(x)
        path.unlink()
        arena = max(arena, net._runner.programs.buffers.sizes[ARENA])
        del net
        if cycle == 1:
            first = resident()
        most = max(most, resident())
    print(first, most, arena)


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


if __name__ == "__main__":
    main(int(sys.argv[1]))
