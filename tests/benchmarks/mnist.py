"""Times LeNet from the start of the process to 99 % on the full MNIST test set.

    GRAPHNET_MNIST=FOLDER python -m tests.benchmarks.mnist [--backend native] [--threads 2] [--rounds 3] [--cold]

FOLDER holds the four files in IDX form. A round is a fresh process: imports, reading the files, compiling, two epochs
with batches of 32 and a one-cycle rate up to 4e-3, and the test set. With --cold each round has no code cached.
Prints the median of the rounds and the accuracy of each. PyTorch took 17 to 23 s for this on a machine with two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

SCRIPT = """
import json, os, sys, time
import graphnet as gn
from graphnet.data import load_mnist
from graphnet.models import lenet
imported = time.perf_counter() - start
digits = load_mnist(os.environ["GRAPHNET_MNIST"])
steps = 2 * -(-len(digits.x_train) // 32)
net = gn.compile(lenet.model(), "softmax_cross_entropy", gn.optimizers.Adam(gn.schedules.OneCycle(4e-3, steps=steps)),
                 ["accuracy"], backend=sys.argv[1], threads=int(sys.argv[2]), seed=int(sys.argv[3]))
net.fit(digits.x_train, digits.y_train, batch_size=32, epochs=2, verbose=0)
found = net.evaluate(digits.x_test, digits.y_test)["accuracy"]
print(json.dumps({"seconds": time.perf_counter() - start, "import": imported, "accuracy": found}))
"""


def main() -> int:
    """Prints a line for each round, and the median."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="native", choices=["native", "numpy"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cold", action="store_true", help="without code that earlier rounds have cached")
    args = parser.parse_args()
    seconds = []
    for number in range(args.rounds):
        with tempfile.TemporaryDirectory() as folder:
            environment = os.environ | ({"GRAPHNET_CACHE": folder} if args.cold else {})
            command = [sys.executable, "-c", f"import time; start = time.perf_counter()\n{SCRIPT}", args.backend,
                       str(args.threads), str(number)]
            run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        figures = json.loads(run.stdout)
        seconds.append(figures["seconds"])
        print(f"seed {number}: {figures['accuracy']:.2%} after {figures['seconds']:.2f} s", flush=True)
    print(f"median {statistics.median(seconds):.2f} s, {args.backend}, {args.threads} threads")
    return 0


if __name__ == "__main__":
    sys.exit(main())
