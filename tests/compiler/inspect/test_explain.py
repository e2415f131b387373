import json
from dataclasses import dataclass

import pytest
import small_networks

import graphnet as gn
from graphnet.compiler.builder import Builder
from graphnet.compiler.inspect.explain import compare_nodes, explain
from graphnet.compiler.ir import Graph, Output
from graphnet.compiler.ops import Add, Fused, Relu, Tanh
from graphnet.compiler.passes.base import Pass
from graphnet.compiler.passes.pipeline import Stage
from graphnet.compiler.types import TensorType
from graphnet.models import lenet


def chain(*ops: gn.compiler.op.Op) -> Graph:
    b = Builder("chain")
    value = b.input("x", TensorType("float32", (3,)))
    for op in ops:
        value = b.add(op, value)
    return b.build([Output("y", value)])


def test_nodes_gone_new_and_rewired() -> None:
    b = Builder("g")
    x = b.input("x", TensorType("float32", (3,)))
    one, two = b.add(Relu(), x), b.add(Relu(), x)
    before = b.build([Output("y", b.add(Add(), one, two))])
    after = gn.compiler.passes.merge_common.MergeCommon().run(before)
    assert compare_nodes(before, after) == (("%2 = relu(%0) : f32[3]",), (), ("%3 = add(%1, %1) : f32[3]",))


def test_every_neighbour_pair_is_there_once_with_a_reason() -> None:
    net = small_networks.image_network()
    stages = net.stages("train")
    before = next(stage.before for stage in stages if stage.applied.name.startswith("fuse"))
    edges = [(v, node) for node in before.nodes for v in dict.fromkeys(node.inputs) if v in before.producers]
    pairs = net.explain("train").pairs
    assert [pair.value for pair in pairs] == [value for value, _ in edges]
    assert all(pair.reason for pair in pairs)
    after = stages[-1].after
    summed = {node.outputs[0] for node in after.nodes if isinstance(node.op, Fused) and node.op.sums}
    for pair in pairs:
        summed_up = pair.value in summed and pair.consumer.op.startswith("reduce_")
        assert pair.done == (pair.value not in after.types or summed_up)


def test_what_was_fused_and_what_was_not() -> None:
    found = {(p.producer.op, p.consumer.op): p for p in small_networks.image_network().explain("predict").pairs}
    assert found["matmul", "bias_add"].done
    assert not found["relu", "matmul"].done
    assert "matmul is not element-wise" in found["relu", "matmul"].reason
    assert found["relu", "reshape"].reason == "reshape only gives its input another shape; there is nothing to run"


def test_a_value_that_somebody_asked_for_is_a_reason() -> None:
    x = gn.Input((4,), name="x")
    h = gn.layers.Dense(3, name="dense")(x)
    net = gn.compile(gn.Model(x, {"before": h, "after": gn.layers.ReLU(name="relu")(h)}, name="two"))
    pair = next(p for p in net.explain().pairs if p.consumer.op == "relu")
    assert not pair.done
    assert "is an output or a new state, so it must be kept as it is" in pair.reason


def test_passes_report_what_they_did_and_decided() -> None:
    found = {step.name: step for step in small_networks.image_network().explain("train").passes}
    hoisting = found["hoist_pooling"]
    assert (hoisting.nodes_before, hoisting.nodes_after, hoisting.verdict) == (13, 13, "3 gone, 3 new")
    assert [str(pair) for pair in hoisting.decisions if pair.done] == [
        "bias_add of conv → max_pool2d of pool: the pooling moved before it",
        "relu of conv → max_pool2d of pool: the pooling moved before it"]
    assert "keep order bit for bit" in hoisting.decisions[-1].reason
    assert found["derive_backward"].gone == ()
    assert len(found["derive_backward"].new) == found["derive_backward"].nodes_after - 13
    assert found["order_nodes"].verdict == "nothing to change"


def test_without_optimisation_nothing_is_fused_and_it_says_so() -> None:
    pairs = small_networks.image_network(optimize=False).explain("predict").pairs
    assert pairs
    assert not any(pair.done for pair in pairs)
    assert "nothing is fused in a network that is compiled with optimize=False" in {pair.reason for pair in pairs}


def test_text() -> None:
    text = str(small_networks.image_network().explain("predict"))
    assert text.startswith("explain image, predict: 10 nodes declared, 5 after ")
    assert ("hoist_pooling: 10 → 10 nodes, 3 gone, 3 new\n"
            "  Pools before bias and ReLU instead of after them, so that those work on fewer elements.\n"
            "  - %4 = bias_add{axis=1}(%2, %3) : f32[N,4,8,8]  # conv\n") in text
    assert "\nfused: 5 of 9 neighbour pairs\n" in text
    assert "\nnot fused: 4 of 9 neighbour pairs\n" in text


def test_json_holds_all_of_it() -> None:
    found = small_networks.image_network().explain("train")
    data = json.loads(json.dumps(found.to_json()))
    assert data["name"] == "image"
    assert [step["name"] for step in data["passes"]] == [step.name for step in found.passes]
    assert len(data["pairs"]) == len(found.pairs)
    assert data["pairs"][0]["producer"] == {"op": "conv2d", "layer": "conv", "kind": "Conv2D", "phase": "forward",
                                            "source": found.pairs[0].producer.source}


def test_a_pass_of_another_kind_is_explained_by_its_graphs() -> None:
    @dataclass(frozen=True)
    class Swap(Pass):
        name = "swap"

        def run(self, graph: Graph) -> Graph:
            return chain(Tanh())

    found = explain("m", "predict", [Stage(Swap(), chain(Relu()), chain(Tanh()))])
    assert found.passes[0].verdict == "1 gone, 1 new"
    assert found.pairs == ()


@pytest.mark.parametrize("mode", ["predict", "evaluate", "train", "gradients"])
def test_every_mode_of_lenet(mode: str) -> None:
    net = gn.compile(lenet.model(), **small_networks.TRAINED)
    assert str(net.explain(mode)).startswith(f"explain lenet, {mode}: ")


def test_no_pair_is_left_without_a_word_of_the_pass() -> None:
    for make in small_networks.MODELS:
        for mode in ("predict", "train"):
            pairs = gn.compile(make(), **small_networks.TRAINED).explain(mode).pairs
            assert not [pair for pair in pairs if pair.reason.startswith("no pass joins")]


def test_a_node_between_two_chains_joins_one_and_the_reason_says_so() -> None:
    x = gn.Input((4,), name="x")
    a, b = (gn.layers.Dense(3, name=name)(x) for name in "ab")
    net = gn.compile(gn.Model(x, gn.layers.Add(name="sum")(a, b)))
    reasons = sorted(pair.reason for pair in net.explain().pairs if pair.consumer.op == "add")
    assert reasons == ["fused", "the node that reads it is fused with the one that makes its other input"]
