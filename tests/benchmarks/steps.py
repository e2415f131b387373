"""Times a training step and a prediction of each workload beside the peers that are installed, in one run.

    python -m tests.benchmarks.steps [--threads 1] [--backend native] [--only lenet] [--mode train] [--seconds 1.5]
                                     [--json]

Peers take turns with graphnet round by round, so that whatever else the machine does falls on all alike; the figure is
the median over rounds, the ratio that of the medians. Modes: `train` is one whole step by `train_on_batch`, `fit` one
within `fit` (many samples, no callbacks), `program` a prediction by the bound Program, feeding included, and `predict`
one by `net.predict`, with all its checks and copies. Peers: PyTorch eager (and compiled, with --compiled); ONNX Runtime
for prediction; JAX, jitted, for LeNet. Each is left out where it is not installed (`pip install torch onnx onnxruntime
jax`). JAX has no thread setting of its own: with --threads 1 the whole process is kept to one core while JAX is among
the peers. Where there is a goal (see goals.py) the last column says it and whether it is met.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.benchmarks.goals import GOALS

Step = Callable[[], object]
ROUNDS = 15
STEPS = 100
"""Of one call of `fit`."""


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="of each peer (default 1)")
    parser.add_argument("--only", help="one workload")
    parser.add_argument("--mode", choices=["train", "fit", "program", "predict"])
    parser.add_argument("--backend", choices=["native", "numpy"], help="of graphnet (default: both, if both are there)")
    parser.add_argument("--seconds", type=float, default=1.5, help="for each peer and workload (default 1.5)")
    parser.add_argument("--compiled", action="store_true", help="torch.compile as a peer too (needs a C++ compiler)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of a table")
    args = parser.parse_args()
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(args.threads)  # before NumPy is loaded

    from tests.benchmarks.workloads import FIT, PREDICT, TRAIN

    native = ["native"] if _installed("llvmlite") else []
    backends = [args.backend] if args.backend else [*native, "numpy"]
    if not args.json:
        print(f"{'workload':8}  {'mode':7}  {'batch':>5}  {'backend':7} {'its time':>12}  {'peer':12} {'its time':>12}"
              f"  {'ratio':>6}  goal")
    for mode, cases in (("train", TRAIN), ("fit", FIT), ("program", PREDICT), ("predict", PREDICT)):
        for name, batch in cases:
            if args.mode in (None, mode) and args.only in (None, name):
                steps = {backend: graphnet_step(name, mode, batch, backend, args.threads) for backend in backends}
                peers = peer_steps(name, mode, batch, args.threads, args.compiled)
                report(name, mode, batch, args.threads, backends, measure(steps | peers, args.seconds), args.json)
    return 0


def measure(steps: dict[str, Step], seconds: float) -> dict[str, float]:
    """Median seconds of a step, by peer."""
    calls, counts = {}, {}
    for peer, step in steps.items():
        step()
        step()
        start = time.perf_counter()
        step()
        calls[peer] = max(1, int(seconds / ROUNDS / max(time.perf_counter() - start, 1e-6)))
        counts[peer] = calls[peer] * getattr(step, "count", 1)
    samples: dict[str, list[float]] = {peer: [] for peer in steps}
    for _ in range(ROUNDS):
        for peer, step in steps.items():
            start = time.perf_counter()
            for _ in range(calls[peer]):
                step()
            samples[peer].append((time.perf_counter() - start) / counts[peer])
    return {peer: statistics.median(taken) for peer, taken in samples.items()}


def report(name: str, mode: str, batch: int, threads: int, backends: list[str], seconds: dict[str, float],
           as_json: bool) -> None:
    """Prints the figures of one workload."""
    if as_json:
        print(json.dumps({"workload": name, "mode": mode, "batch": batch, "threads": threads, "seconds": seconds}),
              flush=True)
        return
    peers = {peer: taken for peer, taken in seconds.items() if peer not in backends} or {"(none)": float("nan")}
    for backend in backends:
        for peer, taken in peers.items():
            ratio = seconds[backend] / taken
            goal = GOALS.get((mode, name, batch, peer), {}).get(threads) if backend == "native" else None
            said = "" if goal is None else f"≤ {goal:.3g} {'met' if ratio <= goal else 'MISSED'}"
            print(f"{name:8}  {mode:7}  {batch:5}  {backend:7} {seconds[backend] * 1e3:9.4f} ms  {peer:12} "
                  f"{taken * 1e3:9.4f} ms  {ratio:6.3f}  {said}", flush=True)


def graphnet_step(name: str, mode: str, batch: int, backend: str, threads: int) -> Step:
    """A step of graphnet, the copying of the batch included."""
    import numpy as np

    import graphnet as gn
    from tests.benchmarks.workloads import CLASSES, INPUTS, graphnet_model

    rng, classes, count = np.random.default_rng(0), CLASSES.get(name, 10), batch * (STEPS if mode == "fit" else 1)
    x, y = rng.standard_normal((count, *INPUTS[name]), np.float32), rng.integers(0, classes, count)
    options: dict[str, Any] = {"backend": backend, "threads": threads}
    if mode in ("train", "fit"):
        net = gn.compile(graphnet_model(name), "softmax_cross_entropy", "adam", **options)
        if mode == "train":
            return lambda: net.train_on_batch(x, y)
        return Steps(lambda: net.fit(x, y, batch_size=batch, epochs=1, verbose=0), STEPS)
    net = gn.compile(graphnet_model(name), **options)
    if mode == "predict":
        return lambda: net.predict(x, batch_size=max(batch, 256))
    run = net._runner.executable(net._runner.purpose("predict"), {"N": batch}, batch)
    arrays = {next(iter(run.program.inputs)): x}

    def program() -> None:
        run.take(arrays, slice(0, batch))
        run.run()
    return program


class Steps:
    """Something that does many steps at once.

    Attributes:
        run: does them.
        count: how many they are.
    """

    def __init__(self, run: Step, count: int) -> None:
        self.run, self.count = run, count

    def __call__(self) -> object:
        """Does them."""
        return self.run()


def peer_steps(name: str, mode: str, batch: int, threads: int, compiled: bool) -> dict[str, Step]:
    """The same step of each peer that is installed."""
    steps: dict[str, Step] = {}
    if _installed("torch"):
        steps["torch"] = torch_step(name, mode, batch, threads)
    if compiled and _installed("torch"):
        steps["torch.compile"] = torch_step(name, mode, batch, threads, compiled=True)
    if mode in ("program", "predict") and _installed("torch", "onnx", "onnxruntime"):
        steps["onnxruntime"] = onnxruntime_step(name, batch, threads)
    if name == "lenet" and _installed("jax"):
        from tests.benchmarks.lenet_jax import jax_step

        if threads == 1 and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        steps["jax"] = jax_step("train" if mode == "train" else "predict", batch)
    return steps


def _installed(*packages: str) -> bool:
    return all(importlib.util.find_spec(package) for package in packages)


def torch_step(name: str, mode: str, batch: int, threads: int, compiled: bool = False) -> Step:
    """A step of PyTorch, eager or compiled."""
    import torch

    from tests.benchmarks.workloads import CLASSES, INPUTS, torch_model

    torch.set_num_threads(threads)
    model = torch_model(name)
    forward = torch.compile(model) if compiled else model
    x, y = torch.randn(batch, *INPUTS[name]), torch.randint(0, CLASSES.get(name, 10), (batch,))
    if mode in ("program", "predict"):
        model.eval()

        def predict() -> object:
            with torch.inference_mode():
                return forward(x)
        return predict
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)

    def train() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(forward(x), y).backward()
        optimizer.step()
    return train


def onnxruntime_step(name: str, batch: int, threads: int) -> Step:
    """A prediction of ONNX Runtime, on the model that PyTorch exports."""
    import tempfile

    import onnxruntime
    import torch

    from tests.benchmarks.workloads import INPUTS, torch_model

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    x = torch.randn(batch, *INPUTS[name])
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        torch.onnx.export(torch_model(name).eval(), (x,), file.name, dynamo=False, input_names=["x"])
        session = onnxruntime.InferenceSession(file.name, options)
    feed = {"x": x.numpy()}
    return lambda: session.run(None, feed)


if __name__ == "__main__":
    sys.exit(main())
