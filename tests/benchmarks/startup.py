"""Times starting: the import, and in a fresh process import, declaration, compilation and first step of LeNet.

    python -m tests.benchmarks.startup [--rounds 7]

Prints medians: with NumPy, and where llvmlite is installed with machine code that is made anew and with code that an
earlier process has kept. The last column is what is aimed at.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile

SCRIPT = """
import json, time
start = time.perf_counter()
import graphnet as gn
imported = time.perf_counter()
from graphnet.models import lenet
import numpy as np
net = gn.compile(lenet.model(), "softmax_cross_entropy", "adam", ["accuracy"])
x, y = np.zeros((64, 1, 28, 28), np.float32), np.zeros(64, np.int64)
net.train_on_batch(x, y)
stepped = time.perf_counter()
gn.compile(lenet.model(), "softmax_cross_entropy", "adam", ["accuracy"]).program("train", 64)
print(json.dumps({"import graphnet": imported - start, "to the end of the first step": stepped - start,
                  "compiling LeNet, warm": time.perf_counter() - stepped}))
"""
GOALS = {
    "numpy": {"import graphnet": 0.2, "to the end of the first step": 0.6, "compiling LeNet, warm": 0.1},
    "native": {"to the end of the first step": 0.8},
    "native, code kept": {"to the end of the first step": 0.4}}
"""Seconds, by what computes."""


def main() -> int:
    """Prints a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="fresh processes (default 7)")
    args = parser.parse_args()
    ways = list(GOALS) if importlib.util.find_spec("llvmlite") else ["numpy"]
    with tempfile.TemporaryDirectory() as folder:
        started(ways[-1], folder)  # what others find kept
        rounds = [{way: started(way, folder) for way in ways} for _ in range(args.rounds)]
    for way in ways:
        for name in rounds[0][way]:
            goal = f"   (≤ {GOALS[way][name]} s)" if name in GOALS[way] else ""
            print(f"{way:17}  {name:30} {statistics.median(r[way][name] for r in rounds):7.3f} s{goal}")
    return 0


def started(way: str, folder: str) -> dict[str, float]:
    """The figures of a fresh process, which keeps code in a folder if that is wanted."""
    environment = {"OPENBLAS_NUM_THREADS": "1", **os.environ, "GRAPHNET_BACKEND": way.partition(",")[0],
                   "GRAPHNET_CACHE": folder if "kept" in way else "off"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    sys.exit(main())
