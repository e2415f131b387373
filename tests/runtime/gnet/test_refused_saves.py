"""What cannot be stored is refused before anything is written, and the message says what to change."""

import re
from dataclasses import replace

import numpy as np
import pytest
from gnet_samples import empty_graph, image_graph, images, op_graph, values

from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import ArgumentError, GnetFormatError
from graphnet.compiler.ir import BACKWARD, Output
from graphnet.compiler.ops import Fused, Relu, SgdUpdate
from graphnet.compiler.types import TensorType
from graphnet.runtime.gnet import Contents, Tensor, by_name, dumps, save_gnet, slot_name, split_slot


def refused(contents: Contents, text: str) -> None:
    with pytest.raises(GnetFormatError, match=re.escape(text)):
        dumps(contents)


def tensor(array, name="a", role="const") -> Contents:
    return Contents(empty_graph(), {name: Tensor(name, role, array)})


@pytest.mark.parametrize(("array", "text"), [
    (np.array([{}]), "tensor.a: dtype object cannot be stored; convert to one of bool, int8"),
    (np.zeros(2, [("x", "f4")]), "cannot be stored"),
    (np.array(["text"]), "dtype <U4 cannot be stored"),
    (np.array([b"text"]), "dtype |S4 cannot be stored"),
    (np.zeros(2, "complex64"), "dtype complex64 cannot be stored"),
    (np.zeros(2, "datetime64[s]"), "dtype datetime64[s] cannot be stored"),
    (np.zeros(2, np.longdouble), "cannot be stored"),
    (np.ma.masked_array([1.0, 2.0], [True, False]), "a tensor must be a NumPy array without a mask, not MaskedArray"),
    ([1.0, 2.0], "a tensor must be a NumPy array without a mask, not list"),
    (np.array([0, 2], np.uint8).view(bool), "a truth value of the array is neither 0 nor 1 in memory"),
    (np.zeros((1,) * 17), "it has 17 items; at most 16 are allowed"),
], ids=str)
def test_arrays(array, text):
    refused(tensor(array), text)


@pytest.mark.parametrize(("contents", "text"), [
    (tensor(values((2,)), role="weights"), "unknown role 'weights'; known are param, buffer, const, state, optimizer"),
    (tensor(values((2,)), name=""), "a name must not be empty"),
    (tensor(values((2,)), name="a\0"), "has the control character U+0000"),
    (tensor(values((2,)), name="\ud800"), "lone surrogate"),
    (tensor(values((2,)), name="n" * 65_537), "the text has 65537 bytes; at most 65536 are allowed"),
    (tensor(values((2,)), role="param"), "the graph has no param 'a'"),
    (tensor(values((2,)), role="optimizer"), "its name must be <parameter>:<slot>"),
    (Contents(empty_graph(), {"a": Tensor("b", "const", values((2,)))}),
     "it stands under the name 'a', but is called 'b'"),
    (Contents(image_graph(), {}), "the param 'conv2d/weight', f32[2,1,3,3], of the graph has no tensor"),
], ids=str)
def test_tensors(contents, text):
    refused(contents, text)


def test_a_weight_of_another_shape_or_dtype():
    for array in (values((2, 1, 3, 4)), values((2, 1, 3, 3), "float64")):
        contents = images()
        tensors = contents.tensors | {"conv2d/weight": Tensor("conv2d/weight", "param", array)}
        refused(Contents(contents.graph, tensors), "but the graph declares float32 (2, 1, 3, 3)")


def test_two_tensors_of_one_name():
    with pytest.raises(GnetFormatError, match="the name 'a' is used twice"):
        by_name([Tensor("a", "const", values((2,)))] * 2)


LOOP: list[object] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(("plain", "text"), [
    ({"a": {1, 2}}, "train.a: {1, 2} of type set cannot be stored; use None, bool, int, float, str, bytes"),
    ({"a": [np.float32(1)]}, "of type float32 cannot be stored"),
    ({"a": np.arange(3)}, "of type ndarray cannot be stored"),
    ({"a": print}, "of type builtin_function_or_method cannot be stored"),
    ({"a": 2**64}, "does not fit in 64 bits"),
    ({"a": -2**63 - 1}, "does not fit in 64 bits"),
    ({1: 2}, "train: the key 1 is no text"),
    ({"a": "\ud800"}, "lone surrogate"),
    ({"a": "x" * 65_537}, "the text has 65537 bytes; at most 65536 are allowed"),
    ({"a": [0] * 65_537}, "the array has 65537 items; at most 65536 are allowed"),
    ({"a": LOOP}, "arrays and maps are nested more than 16 deep"),
    ({str(i): "x" * 65_536 for i in range(256)}, "at most 16777216 fit in a header"),
    ([], "train: it must be a map, not []"),
], ids=lambda value: str(value)[:60])
def test_plain_data(plain, text):
    refused(Contents(empty_graph(), {}, plain), text)


def test_depth_16_is_the_deepest():
    def nested(depth):
        return [] if depth == 1 else [nested(depth - 1)]
    dumps(Contents(empty_graph(), {}, {"a": nested(14)}))
    refused(Contents(empty_graph(), {}, {"a": nested(15)}), "nested more than 16 deep")


def test_graphs_that_are_not_as_declared():
    t = TensorType("float32", (2, 3))
    graph = op_graph(Relu(), t)
    fused = op_graph(Fused(graph), t)
    refused(Contents(fused, {}), "graph.nodes[0]: fused in the forward phase cannot be stored: save the declared graph")
    scalar = (TensorType("float32", ()), TensorType("int64", ()))
    refused(Contents(op_graph(SgdUpdate(1), *scalar, t, t), {}), "sgd_update in the forward phase cannot be stored")
    backward = replace(graph, nodes=tuple(replace(node, phase=BACKWARD) for node in graph.nodes))
    refused(Contents(backward, {}), "relu in the backward phase cannot be stored")


def test_a_training_graph_is_refused():
    b = Builder("step")
    w = b.parameter("w", TensorType("float32", (2,)))
    graph = b.build([Output("y", b.add(Relu(), w))])
    step = replace(graph, parameters=tuple(replace(p, next=1) for p in graph.parameters))
    refused(Contents(step, {"w": Tensor("w", "param", values((2,)))}), "w has a next value: save the declared graph")


def test_an_attribute_of_another_type_is_refused():
    class Loud(int):
        pass
    from graphnet.compiler.ops import Scale, Softmax
    t = TensorType("float32", (2, 3))
    refused(Contents(op_graph(Scale("2"), t), {}), "graph.nodes[0][1].factor: it must be a float, not '2'")
    refused(Contents(op_graph(Scale(None), t), {}), "it must be a float, not None")
    refused(Contents(op_graph(Softmax(True), t), {}), "it must be a whole number, not True")
    dumps(Contents(op_graph(Softmax(Loud(1)), t), {}))
    dumps(Contents(op_graph(Scale(np.float32(2)), t), {}))


def test_what_a_file_system_allows_in_a_source_name_is_escaped():
    from graphnet.compiler.ir import Origin
    from graphnet.runtime.gnet import load_gnet
    graph = op_graph(Relu(), TensorType("float32", (2, 3)))
    odd = replace(graph, nodes=tuple(replace(n, origin=Origin("é\x1b", "", "\udcff\n:3")) for n in graph.nodes))
    loaded = load_gnet(dumps(Contents(odd, {})))
    assert loaded.graph.nodes[0].origin == Origin("é\\x1b", "", "\\udcff\\n:3")
    assert dumps(loaded) == dumps(Contents(odd, {}))


def test_a_refused_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.gnet"
    save_gnet(path, images())
    before = path.read_bytes()
    with pytest.raises(GnetFormatError, match=f"^{path}: tensor.a: dtype object cannot be stored"):
        save_gnet(path, tensor(np.array([None])))
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.gnet"]


def test_paths_that_cannot_be_replaced(tmp_path):
    with pytest.raises(ArgumentError, match="its folder must exist; create it first"):
        save_gnet(tmp_path / "none" / "a.gnet", images())
    for path in (tmp_path, "/dev/null"):
        with pytest.raises(ArgumentError, match="only a regular file can be replaced"):
            save_gnet(path, images())


def test_slot_names_are_taken_apart_at_the_last_colon():
    assert split_slot(slot_name("block:1/weight", "first_moment")) == ("block:1/weight", "first_moment")
