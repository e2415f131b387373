"""Times starting: the import, and in a fresh process import, declaration, compilation and first step of LeNet.

    python -m tests.benchmarks.startup [--rounds 7]

Prints medians. Held to: import under 0.2 s, the fresh process up to the end of the first step under 0.6 s, compiling
LeNet when everything is loaded under 0.1 s.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys

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
LIMITS = {"import graphnet": 0.2, "to the end of the first step": 0.6, "compiling LeNet, warm": 0.1}


def main() -> int:
    """Prints a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="fresh processes (default 7)")
    args = parser.parse_args()
    environment = {"OPENBLAS_NUM_THREADS": "1", **os.environ}
    rounds = [json.loads(subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True,
                                        check=True).stdout) for _ in range(args.rounds)]
    for name, limit in LIMITS.items():
        print(f"{name:30} {statistics.median(r[name] for r in rounds):7.3f} s   (held to {limit} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
