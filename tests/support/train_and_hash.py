"""Trains models for a few steps in a process of its own, and prints the SHA-256 of what each became.

    python train_and_hash.py CORES FIRST MODEL …

CORES is how many cores the process may use, FIRST a module to import before graphnet, or "". With `cut PATH` or
`resume PATH` before the models, the training is cut after some steps, or gone on with from there.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

STEPS, BATCH = 6, 64


def main(cores: str, first: str, *rest: str) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:int(cores)])
    if first:
        importlib.import_module(first)
    cutting = rest[:2] if rest[0] in ("cut", "resume") else ()
    for name in rest[len(cutting):]:
        print(name, trained(name, *cutting), flush=True)


def trained(name: str, verb: str = "", path: str = "") -> str:
    """The SHA-256 of a model's file after its training, or of its checkpoint where that is cut."""
    import numpy as np

    import graphnet as gn
    from graphnet.inspect.random_samples import random_samples
    from graphnet.runs import load_recipe

    class Cut(gn.callbacks.Callback):
        def on_step_end(self, network: Any, step: int, logs: dict[str, float]) -> None:
            if verb == "cut" and step == STEPS - 2:
                raise KeyboardInterrupt

    recipe = load_recipe(name)
    net = gn.compile(recipe.model(), recipe.loss, recipe.optimizer, recipe.metrics)
    rows = BATCH * (1 if net.stateful else STEPS)
    x, y = random_samples(net, rows, dims=dict.fromkeys(sorted(net.graph.free_dims), 12))
    if verb == "resume":
        net = gn.load(path)
    try:
        checkpoint = gn.Checkpoint(path, 2) if verb else None
        net.fit(x, y, batch_size=BATCH, epochs=rows and STEPS * BATCH // rows, callbacks=[Cut()],
                checkpoint=checkpoint, resume=verb == "resume", verbose=0)
    except KeyboardInterrupt:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert all(np.isfinite(weight).all() for weight in net.weights.values())
    with tempfile.TemporaryDirectory() as folder:
        net.save(Path(folder) / "model.gnet")
        return hashlib.sha256((Path(folder) / "model.gnet").read_bytes()).hexdigest()


if __name__ == "__main__":
    main(*sys.argv[1:])
