"""Times a training step and a prediction of each workload beside the peers that are installed, in one run.

    python -m tests.benchmarks.steps [--threads 1] [--only lenet] [--mode train|predict] [--seconds 1.5] [--json]

Peers take turns with graphnet round by round, so that whatever else the machine does falls on all alike; the figure is
the median over rounds, the ratio that of the medians. `train` is one whole step: forward, backward, update. Peers:
PyTorch eager (and compiled, with --compiled); ONNX Runtime for prediction; JAX, jitted, for LeNet. Each is left out
where it is not installed (`pip install torch onnx onnxruntime jax`). JAX has no thread setting of its own: with
--threads 1 the whole process is kept to one core while JAX is among the peers.
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

Step = Callable[[], object]
ROUNDS = 15


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="of each peer (default 1)")
    parser.add_argument("--only", help="one workload")
    parser.add_argument("--mode", choices=["train", "predict"])
    parser.add_argument("--seconds", type=float, default=1.5, help="for each peer and workload (default 1.5)")
    parser.add_argument("--compiled", action="store_true", help="torch.compile as a peer too (needs a C++ compiler)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of a table")
    args = parser.parse_args()
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(args.threads)  # before NumPy is loaded

    from tests.benchmarks.workloads import PREDICT, TRAIN

    if not args.json:
        print(f"{'workload':8}  {'mode':7}  {'batch':>5}  {'graphnet':>11}  {'peer':12} {'its time':>11}  "
              f"{'graphnet / peer':>15}")
    for mode, cases in (("train", TRAIN), ("predict", PREDICT)):
        for name, batch in cases:
            if args.mode in (None, mode) and args.only in (None, name):
                peers = peer_steps(name, mode, batch, args.threads, args.compiled)
                steps = {"graphnet": graphnet_step(name, mode, batch), **peers}
                report(name, mode, batch, measure(steps, args.seconds), args.json)
    return 0


def measure(steps: dict[str, Step], seconds: float) -> dict[str, float]:
    """Median seconds of a step, by peer."""
    calls = {}
    for peer, step in steps.items():
        step()
        step()
        start = time.perf_counter()
        step()
        calls[peer] = max(1, int(seconds / ROUNDS / max(time.perf_counter() - start, 1e-6)))
    samples: dict[str, list[float]] = {peer: [] for peer in steps}
    for _ in range(ROUNDS):
        for peer, step in steps.items():
            start = time.perf_counter()
            for _ in range(calls[peer]):
                step()
            samples[peer].append((time.perf_counter() - start) / calls[peer])
    return {peer: statistics.median(taken) for peer, taken in samples.items()}


def report(name: str, mode: str, batch: int, seconds: dict[str, float], as_json: bool) -> None:
    """Prints the figures of one workload."""
    if as_json:
        print(json.dumps({"workload": name, "mode": mode, "batch": batch, "seconds": seconds}), flush=True)
        return
    own = seconds["graphnet"]
    peers = {peer: taken for peer, taken in seconds.items() if peer != "graphnet"} or {"(none)": float("nan")}
    for peer, taken in peers.items():
        print(f"{name:8}  {mode:7}  {batch:5}  {own * 1e3:8.3f} ms  {peer:12} {taken * 1e3:8.3f} ms  "
              f"{own / taken:15.2f}", flush=True)


def graphnet_step(name: str, mode: str, batch: int) -> Step:
    """A step of graphnet, the copying of the batch included."""
    import numpy as np

    import graphnet as gn
    from tests.benchmarks.workloads import INPUTS, graphnet_model

    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((batch, *INPUTS[name]), np.float32), rng.integers(0, 10, batch)
    if mode == "predict":
        net = gn.compile(graphnet_model(name))
        return lambda: net.predict(x, batch_size=max(batch, 256))
    net = gn.compile(graphnet_model(name), loss="softmax_cross_entropy", optimizer="adam")
    return lambda: net.train_on_batch(x, y)


def peer_steps(name: str, mode: str, batch: int, threads: int, compiled: bool) -> dict[str, Step]:
    """The same step of each peer that is installed."""
    steps: dict[str, Step] = {}
    if _installed("torch"):
        steps["torch"] = torch_step(name, mode, batch, threads)
    if compiled and _installed("torch"):
        steps["torch.compile"] = torch_step(name, mode, batch, threads, compiled=True)
    if mode == "predict" and _installed("torch", "onnx", "onnxruntime"):
        steps["onnxruntime"] = onnxruntime_step(name, batch, threads)
    if name == "lenet" and _installed("jax"):
        from tests.benchmarks.lenet_jax import jax_step

        if threads == 1 and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        steps["jax"] = jax_step(mode, batch)
    return steps


def _installed(*packages: str) -> bool:
    return all(importlib.util.find_spec(package) for package in packages)


def torch_step(name: str, mode: str, batch: int, threads: int, compiled: bool = False) -> Step:
    """A step of PyTorch, eager or compiled."""
    import torch

    from tests.benchmarks.workloads import INPUTS, torch_model

    torch.set_num_threads(threads)
    model = torch_model(name)
    forward = torch.compile(model) if compiled else model
    x, y = torch.randn(batch, *INPUTS[name]), torch.randint(0, 10, (batch,))
    if mode == "predict":
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
