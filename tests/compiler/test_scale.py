"""Large graphs: nothing recurses, and nothing takes more than a few seconds."""

import sys
from collections import Counter

import numpy as np

import graphnet as gn
from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Output
from graphnet.compiler.op import f64
from graphnet.compiler.ops import Add, MatMul, ReduceMean, Relu, SgdUpdate, Tanh
from graphnet.compiler.passes.attach_update import AttachUpdate
from graphnet.compiler.passes.derive_backward import DeriveBackward
from graphnet.compiler.passes.pipeline import Assembly
from graphnet.compiler.planning.lowering import lower
from graphnet.runtime.kernels import NumpyTarget
from graphnet.runtime.session import Buffers, Executable

LAYERS = 2000


def test_two_thousand_layers_train():
    x = gn.Input((3,), name="x")
    h = x
    for _ in range(LAYERS // 2):
        h = gn.layers.Tanh()(gn.layers.Dense(3)(h))
    net = gn.compile(gn.Model(x, h), loss="mse", optimizer="sgd")
    assert np.isfinite(net.train_on_batch(np.ones((2, 3)), np.zeros((2, 3)))["loss"])
    text = str(net.program("train", 2))
    assert f"dense_{LAYERS // 2 - 1}" in text
    assert hash(net.graph) == hash(net.graph)
    assert len(repr(net.graph)) < 200


def deep(blocks: int) -> gn.Network:
    """Blocks of convolution, batch norm and activation with a skip connection, one behind the other."""
    layers = gn.layers
    x = h = gn.Input((2, 3, 3), name="x")
    for _ in range(blocks):
        y = layers.BatchNorm()(layers.Conv2D(2, 3, padding="same", use_bias=False)(h))
        h = layers.Add()(h, layers.Dropout(0.1)(layers.ReLU()(y)))
    return gn.compile(gn.Model(x, layers.Dense(2)(layers.Flatten()(h))), "mse", "adam")


def work(blocks: int) -> tuple[int, int]:
    """How many functions compiling such a network for training calls, and how often it lowers a graph."""
    net, calls = deep(blocks), Counter()

    def count(frame, event, _):
        calls[event] += 1
        calls["lower"] += event == "call" and frame.f_code is lower.__code__

    sys.setprofile(count)
    try:
        net.program("train", 4)
    finally:
        sys.setprofile(None)
    return calls.total(), calls["lower"]


def test_work_grows_with_the_size_of_the_network():
    """Twice the blocks take twice the calls; seconds would depend on the machine."""
    (few, _), (many, lowered) = work(30), work(60)
    assert many < 2.3 * few
    assert lowered <= 8


def test_ten_thousand_nodes_compile_and_run():
    """A wide graph: 100 chains of 50 nodes, summed; with its backward part it has more than ten thousand."""
    b = Builder("wide")
    w, total = b.parameter("w", f64(2, 2)), None
    for chain in range(100):
        value = b.add(MatMul(), b.input(f"x{chain}", f64(1, 2)), w)
        for _ in range(25):
            value = b.add(Tanh(), b.add(Relu(), value))
        total = value if total is None else b.add(Add(), total, value)
    graph = b.build([Output("loss", b.add(ReduceMean((0, 1)), total))])
    assembly = Assembly(graph, derive=(DeriveBackward(), AttachUpdate(SgdUpdate(1))))
    for step in assembly.pipeline():
        graph = step.run(graph)
    count = sum(len(node.op.body.nodes) if hasattr(node.op, "body") else 1 for node in graph.nodes)
    assert count > 10_000
    program = lower(graph, {}, NumpyTarget())
    buffers = Buffers()
    run = Executable(program, buffers)
    buffers.view(program.parameters["w"])[...] = np.eye(2)
    for name, array in run.inputs.items():
        array[...] = 1 if name == "step" else 0.5
    run.run()
    value = 0.5
    for _ in range(25):
        value = np.tanh(max(value, 0))
    np.testing.assert_allclose(run.outputs["loss"], 100 * value)
