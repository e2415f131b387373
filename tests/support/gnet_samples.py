"""Contents to save in tests of the `.gnet` format, and tools to take files apart and sign them anew."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgpack
import numpy as np

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import BUFFER, RECURRENT, Graph, Origin, Output
from graphnet.compiler.op import Op
from graphnet.compiler.ops import (
    BiasAdd,
    Concat,
    Conv2d,
    Full,
    MatMul,
    MaxPool2d,
    ReduceSum,
    Relu,
    Reshape,
    Scale,
    Sigmoid,
    Slice,
    Softmax,
    Tanh,
)
from graphnet.compiler.types import TensorType
from graphnet.runtime.gnet import Contents, Tensor, by_name, dumps
from graphnet.runtime.gnet.wire.preamble import Preamble, aligned, parse_preamble


def values(shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
    """An array of small exact numbers that does not depend on any random generator."""
    count = int(np.prod(shape))
    return (np.arange(count) % 13 - 6).reshape(shape).astype(dtype) / np.array(4, dtype)


def image_graph() -> Graph:
    """A small convolutional network: nested attributes, a reshape with a symbol, origins."""
    b = Builder("tiny_lenet")
    h = b.input("image", TensorType("float32", ("N", 1, 8, 8)))
    with b.at(Origin("conv2d", "Conv2D", "tiny.py:3")):
        weight = b.parameter("conv2d/weight", TensorType("float32", (2, 1, 3, 3)))
        bias = b.parameter("conv2d/bias", TensorType("float32", (2,)))
    with b.at(Origin("logits", "Dense", "tiny.py:5")):
        last = b.parameter("logits/weight", TensorType("float32", (32, 3)), trainable=False)
    with b.at(Origin("conv2d", "Conv2D", "tiny.py:3")):
        h = b.add(BiasAdd(1), b.add(Conv2d(padding=((1, 1), (1, 1))), h, weight), bias)
    with b.at(Origin("relu", "ReLU", "tiny.py:4")):
        h = b.add(Relu(), h)
    with b.at(Origin("max_pool2d", "MaxPool2D", "tiny.py:4")):
        h = b.add(MaxPool2d((2, 2), (2, 2)), h)
    h = b.add(Reshape(("N", 32)), h)
    with b.at(Origin("logits", "Dense", "tiny.py:5")):
        h = b.add(MatMul(), h, last)
    return b.build([Output("logits", h)])


def recurrent_graph(dtype: str = "float64") -> Graph:
    """A cell with a state, which reads its own last output, and a statistics buffer."""
    b = Builder("cell")
    x = b.input("x", TensorType(dtype, (1, 3)))
    w = b.parameter("cell/weight", TensorType(dtype, (3, 3)))
    h = b.state("cell/h", TensorType(dtype, (1, 3)), RECURRENT, 0.5)
    mean = b.state("cell/mean", TensorType(dtype, (1, 3)), BUFFER)
    y = b.add(Tanh(), b.add(MatMul(True), x, w))
    b.advance(h, y)
    b.advance(mean, b.add(Scale(0.25), h))
    b.penalty("cell/weight", b.add(ReduceSum((0, 1)), w))
    graph = b.build([Output("y", y), Output("probabilities", b.add(Softmax(1), y))])
    return replace(graph, parameters=(replace(graph.parameters[0], rate=0.5, constraint=Relu()),))


def branches_graph() -> Graph:
    """Two inputs, two outputs, two symbols, integers and an attribute of many kinds."""
    b = Builder("branches")
    left = b.input("left", TensorType("float64", ("N", "T", 4)))
    right = b.input("right", TensorType("float64", ("N", 6)))
    codes = b.input("codes", TensorType("uint8", ("N",)))
    w = b.parameter("w", TensorType("float64", (4, 5)))
    last = b.add(Sigmoid(), b.add(MatMul(), left, w))
    joined = b.add(Concat(1), right, b.add(Slice(1, 2, 5), right))
    b.add(Full((2, "T"), -0.0, "float64"))
    return b.build([Output("sequence", last), Output("joined", joined), Output("codes", codes)])


def empty_graph() -> Graph:
    """A graph of nothing, for files that only hold tensors."""
    return Builder("").build([])


def images() -> Contents:
    """A classifier as training saves it: weights, optimizer slots, samples, settings."""
    graph = image_graph()
    weights = [Tensor(p.name, "param", values(graph.types[p.value].shape)) for p in graph.parameters]
    slots = [Tensor(f"{t.name}:{slot}", "optimizer", t.array + number) for number, slot in enumerate("mv")
             for t in weights]
    samples = [Tensor("samples/image", "const", values((1, 1, 8, 8)))]
    train = {"optimizer": {"name": "adam", "rate": 1e-3, "betas": [0.9, 0.999]}, "step": 1200, "seed": 2**64 - 1,
             "best": None, "shuffle": True, "random": b"\x00\xff\x80"}
    return Contents(graph, by_name([*weights, *samples, *slots]), train, {"producer": "graphnet", "note": "naïve ☃"})


def recurrent() -> Contents:
    """A stateful network in float64."""
    tensors = [Tensor("cell/weight", "param", values((3, 3), "float64")),
               Tensor("cell/mean", "buffer", values((1, 3), "float64")),
               Tensor("cell/h", "state", values((1, 3), "float64")),
               Tensor("counter", "state", np.uint64(2**63 + 1))]
    return Contents(recurrent_graph(), by_name(tensors))


def branches() -> Contents:
    """A network without training set-up, as one ships it."""
    return Contents(branches_graph(), by_name([Tensor("w", "param", values((4, 5), "float64"))]), {},
                    {"producer": "graphnet 1.0"})


def dtypes() -> Contents:
    """Every dtype and odd shape, without a graph."""
    tensors = [Tensor(name, "const", np.array([0, 1, 1], name)) for name in
               ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32",
                "float64")]
    tensors += [Tensor("scalar", "const", np.float32(-0.0)), Tensor("empty", "const", np.zeros((0, 3), "int8")),
                Tensor("specials", "const", np.array([np.inf, -np.inf, np.nan, 5e-324]))]
    return Contents(empty_graph(), by_name(tensors), {}, {"x-anything": [1, -1, 1.5, {"deep": [[]]}]})


SAMPLES: dict[str, Callable[[], Contents]] = {
    "images": images, "recurrent": recurrent, "branches": branches, "dtypes": dtypes}


def op_graph(op: Op, *types: TensorType) -> Graph:
    """A graph of one op on fresh inputs."""
    b = Builder("one")
    results = b.apply(op, *(b.input(f"input {i}", t) for i, t in enumerate(types)))
    return b.build([Output(f"output {i}", value) for i, value in enumerate(results)])


def take_apart(file: bytes) -> tuple[dict[str, Any], bytes]:
    """The header as plain data, and the bytes of the tensors."""
    preamble = parse_preamble(file[:64], len(file))
    return msgpack.unpackb(file[64:preamble.header_end]), file[preamble.data_start:]


def sign(header: dict[str, Any] | bytes, data: bytes, **preamble: Any) -> bytes:
    """A file with this header and valid digests; `preamble` replaces fields of the preamble."""
    packed = header if isinstance(header, bytes) else msgpack.packb(header)
    start = aligned(64 + len(packed))
    fields = {"header_length": len(packed), "file_length": start + len(data),
              "header_sha256": hashlib.sha256(packed).digest()} | preamble
    return Preamble(**fields).pack() + packed.ljust(start - 64, b"\0") + data


def sample_bytes(name: str) -> bytes:
    """A sample as a file."""
    return dumps(SAMPLES[name]())


def changed_byte(file: bytes, at: int, mask: int = 0xFF) -> bytes:
    """The file with some bits of one byte flipped."""
    return file[:at] + bytes([file[at] ^ mask]) + file[at + 1:]
