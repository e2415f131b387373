"""Times saving, loading and opening `.gnet` files beside safetensors and npz, in one run.

    python -m tests.benchmarks.gnet_files [--rounds 15] [--folder DIR] [--json]

100 MB of float32 in 190 tensors: the weights and biases of 95 dense layers, with their graph. Formats take turns round
by round; the figure is the median, with the ratio to what the format is held to: a raw write with fsync for saving,
safetensors for loading. All files lie in the page cache, so that reading measures the format, not the disk.
Needs `pip install safetensors` for that peer; the others run without.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graphnet import load
from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Graph, Origin, Output
from graphnet.compiler.ops import BiasAdd, MatMul, Relu
from graphnet.compiler.types import TensorType
from graphnet.runtime.gnet import Contents, Tensor, by_name, dumps, load_gnet, open_gnet, read_info, save_gnet

Arrays = dict[str, NDArray[np.float32]]
Case = Callable[[], object]
LAYERS, UNITS = 95, 512


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="default 15")
    parser.add_argument("--folder", help="where to write (default: a new temporary folder)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of a table")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        found = cases(Path(folder))
        saving = {name: case for name, case in found.items() if name.endswith(("save", "fsync"))}
        times = measure(saving, args.rounds)
        os.sync()  # what the saves left to write would disturb the reads
        times |= measure({name: case for name, case in found.items() if name not in saving}, args.rounds)
    for name, seconds in times.items():
        report(name, seconds, times, args.json)
    overhead = len(dumps(Contents(Builder("").build([]), free(arrays())))) - sum(a.nbytes for a in arrays().values())
    text = f"{'overhead':24} {overhead:9} B without the graph"
    print(json.dumps({"overhead_bytes": overhead}) if args.json else text)
    return 0


def network() -> Graph:
    """A chain of dense layers."""
    b = Builder("chain")
    h = b.input("x", TensorType("float32", ("N", UNITS)))
    for layer in range(LAYERS):
        with b.at(Origin(f"dense_{layer}", "Dense", "gnet_files.py:1")):
            weight = b.parameter(f"dense_{layer}/weight", TensorType("float32", (UNITS, UNITS)))
            bias = b.parameter(f"dense_{layer}/bias", TensorType("float32", (UNITS,)))
            h = b.add(Relu(), b.add(BiasAdd(-1), b.add(MatMul(), h, weight), bias))
    return b.build([Output("y", h)])


def arrays() -> Arrays:
    """The weights of the chain."""
    graph, chance = network(), np.random.default_rng(0)
    return {p.name: chance.standard_normal(graph.types[p.value].shape, np.float32)  # type: ignore[arg-type]
            for p in graph.parameters}


def free(weights: Arrays) -> dict[str, Tensor]:
    """The weights as tensors that belong to no graph."""
    return by_name(Tensor(name, "const", array) for name, array in weights.items())


def cases(folder: Path) -> dict[str, Case]:
    """What to time, by format and task. The files that reading needs are there afterwards."""
    weights = arrays()
    contents = Contents(network(), by_name(Tensor(name, "param", array) for name, array in weights.items()))
    gnet, raw, npz = folder / "model.gnet", folder / "raw", folder / "model.npz"
    blob = b"".join(array.tobytes() for array in weights.values())
    megabyte = f"dense_{LAYERS // 2}/weight"

    def write_raw() -> None:
        with open(raw, "wb") as file:
            file.write(blob)
            file.flush()
            os.fsync(file.fileno())

    def load_npz() -> Arrays:
        with np.load(npz) as file:
            return {name: file[name] for name in file.files}

    found: dict[str, Case] = {
        "raw write + fsync": write_raw, "gnet save": lambda: save_gnet(gnet, contents),
        "npz save": lambda: np.savez(npz, **weights),  # type: ignore[arg-type]
        "gnet load": lambda: load_gnet(gnet), "gnet network load": lambda: load(gnet), "npz load": load_npz,
        "gnet open": lambda: open_gnet(gnet), "gnet info": lambda: read_info(gnet),
    }
    for save in ("gnet save", "npz save"):
        found[save]()
    opened = iter([open_gnet(gnet) for _ in range(100)])
    found["gnet 1 MB of an open file"] = lambda: next(opened)[megabyte]
    if importlib.util.find_spec("safetensors"):
        from safetensors.numpy import load_file, save_file
        path = folder / "model.safetensors"
        save_file(weights, path)
        found |= {"safetensors save": lambda: save_file(weights, path), "safetensors load": lambda: load_file(path)}
    return found


def measure(found: dict[str, Case], rounds: int) -> dict[str, float]:
    """Median seconds of each case; one round is a warm-up."""
    samples: dict[str, list[float]] = {name: [] for name in found}
    for number in range(rounds + 1):
        for name, case in found.items():
            start = time.perf_counter()
            result = case()
            seconds = time.perf_counter() - start
            del result  # what a load allocated is given back outside the clock
            if number:
                samples[name].append(seconds)
    return {name: statistics.median(values) for name, values in samples.items()}


def report(name: str, seconds: float, times: dict[str, float], as_json: bool) -> None:
    """One line: milliseconds, and the ratio to the yardstick."""
    yardstick = {"save": "raw write + fsync", "load": "safetensors load"}.get(name.rpartition(" ")[2], "")
    ratio = seconds / times[yardstick] if yardstick in times else None
    if as_json:
        print(json.dumps({"case": name, "ms": round(1e3 * seconds, 3), "yardstick": yardstick, "ratio": ratio}))
        return
    print(f"{name:24} {1e3 * seconds:9.2f} ms" + (f"  {ratio:5.2f} of {yardstick}" if ratio else ""))


if __name__ == "__main__":
    raise SystemExit(main())
