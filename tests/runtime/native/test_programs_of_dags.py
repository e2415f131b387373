"""Random graphs over the whole op set: native Programs for a gradient, steps of training and a prediction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from random_dags import Dag, random_dag

pytest.importorskip("llvmlite")

from graphnet.compiler.ir import Graph, Output
from graphnet.compiler.ops import GaussianNoise
from graphnet.compiler.passes.derive_backward import DeriveBackward
from graphnet.compiler.passes.pipeline import Assembly
from graphnet.compiler.passes.specialize_inference import SpecializeInference
from graphnet.compiler.rewrite import convert_floats
from graphnet.compiler.types import BATCH
from graphnet.optimizers import SGD
from tests.runtime.native.graphs import Arrays, Job, bounds, native_programs
from tests.runtime.native.harness import MACHINES

COUNT, STEPS = 500, 3
GREAT = 1e18
"""What training may not come near, as squares of greater numbers have no place in float32: it diverges."""
SIZES = (1, 3, 16, 17, 33, 70)
FEW = range(0, COUNT, 41)
MOVES = (0.0, 1e-3, -2e-3)
"""By how much everything that is fed is larger, where a result differs: a number may lie on a kink."""


def gradients(graph: Graph) -> Assembly:
    varied = tuple(i.name for i in graph.inputs if graph.types[i.value].is_float and i.name.startswith("v"))
    return Assembly(graph, derive=(DeriveBackward(inputs=varied),))


def training(graph: Graph) -> Assembly:
    """Constants stay: what an op advances, such as statistics, is not for an optimizer."""
    parameters = tuple(replace(p, trainable=p.name.startswith("v")) for p in graph.parameters)
    update = SGD(momentum=0.9).attachment(sum(p.trainable for p in parameters))
    return Assembly(replace(graph, parameters=parameters), derive=(DeriveBackward(), update))


def prediction(graph: Graph) -> Assembly:
    """The last results that have a row for each sample."""
    made = [value for node in graph.nodes for value in node.outputs
            if graph.types[value].shape[:1] == (BATCH,) and graph.types[value].is_float]
    outputs = tuple(Output(f"y{value}", value) for value in made[-4:])
    return Assembly(replace(graph, outputs=outputs), prepare=(SpecializeInference(),))


def has_noise(graph: Graph) -> bool:
    """Whether there are random numbers that differ from dtype to dtype."""
    return any(isinstance(node.op, GaussianNoise) for node in graph.nodes)


def until_divergence(job: Job) -> Job:
    """The job with as many steps as no number becomes too great in, or with one."""
    while job.steps > 1 and any(np.abs(y).max(initial=0) > GREAT for y in job.reference().values()):
        job = replace(job, steps=job.steps - 1)
    return job


def differing(dag: Dag, seed: int, feeds: Arrays) -> list[str]:
    """The results that are further from those in float64 than rounding explains."""
    found = []
    for assembly, most in ((gradients, 1), (training, STEPS), (prediction, 1)):
        double = until_divergence(Job(assembly, dag.graph, feeds, dag.batch, most))
        single = replace(double, graph=convert_floats(dag.graph, "float32"), feeds={
            name: a.astype(np.float32) if a.dtype == np.float64 else a for name, a in feeds.items()})
        results, factor = single.run(native_programs(MACHINES[seed % 2], 1 + seed % 3))
        expected = (single if has_noise(dag.graph) else double).reference()
        for name, bound in bounds(single, expected).items():
            error = np.abs(results[name] - expected[name]).max(initial=0)
            if not error <= factor * bound:
                found.append(f"{assembly.__name__}: {name} is {error:.1e} off, more than {factor * bound:.1e}")
    return found


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=[] if seed in FEW else [pytest.mark.slow])
                                  for seed in range(COUNT)])
def test_graph(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHNET_CACHE", "off")
    dag = random_dag(seed, SIZES[seed % len(SIZES)])
    found = {}
    for move in MOVES:
        feeds = {name: (a * (1 + move)).astype(np.float32).astype(np.float64) if a.dtype == np.float64 else a
                 for name, a in dag.feeds.items()}
        found[move] = differing(dag, seed, feeds)
        if not found[move]:
            return
    pytest.fail(f"{dag.used}\n{found}")
