from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import small_networks

import graphnet as gn
from graphnet.compiler.builder import Builder
from graphnet.compiler.inspect.verify import Verifier, in_double
from graphnet.compiler.ir import Graph, Output
from graphnet.compiler.ops import Add, ReduceSum, Relu, Scale, Subtract, Tanh
from graphnet.compiler.passes.base import Pass
from graphnet.compiler.passes.pipeline import PassManager, Stage
from graphnet.compiler.rewrite import rename_values
from graphnet.compiler.types import TensorType


@dataclass(frozen=True)
class Wrong(Pass):
    """A pass that is wrong in the way `change` is."""

    change: Callable[[Graph], Graph]

    name = "wrong"

    def run(self, graph: Graph) -> Graph:
        return self.change(graph)


@dataclass(frozen=True)
class Rounding(Wrong):
    """The same, but it admits that it rounds."""

    name = "rounding"
    exact = False


def verified(step: Pass, graph: Graph) -> Graph:
    return PassManager((step,), Verifier()).run(graph)


def declared() -> Graph:
    return small_networks.image_model().graph


def swap_relu_of(layer: str, graph: Graph) -> Graph:
    return graph.with_nodes(tuple(replace(n, op=Tanh()) if isinstance(n.op, Relu) and n.origin.layer == layer else n
                                  for n in graph.nodes))


def swap_relu(graph: Graph) -> Graph:
    return swap_relu_of("hidden", graph)


def test_a_wrong_pass_is_named_with_the_first_node_that_differs() -> None:
    with pytest.raises(gn.VerificationError) as caught:
        verified(Wrong(swap_relu), declared())
    text = str(caught.value)
    assert text.startswith("the pass wrong changed output logits: at (")
    assert "the first node that differs: %12 = tanh(%11) : f32[N,6]  # hidden (hidden (Dense) at small_networks" in text
    assert text.endswith("allowed: the same bits")


def scale_by(factor: float) -> Callable[[Graph], Graph]:
    def change(graph: Graph) -> Graph:
        b = Builder(graph.name, graph)
        old = graph.outputs[0].value
        with b.at(graph.origins[old]):
            new = b.add(Scale(factor), old)
        return b.build([replace(graph.outputs[0], value=new)])
    return change


def test_a_pass_that_rounds_may_differ_by_rounding_only() -> None:
    tiny, visible = 1 + 1e-12, 1 + 1e-7
    verified(Rounding(scale_by(tiny)), in_double(declared()))
    with pytest.raises(gn.VerificationError, match="the pass rounding changed output logits") as caught:
        verified(Rounding(scale_by(visible)), in_double(declared()))
    assert str(caught.value).endswith("allowed: 9e-10 of the largest element, in float64")


def test_an_exact_pass_may_not_even_round() -> None:
    with pytest.raises(gn.VerificationError, match="allowed: the same bits"):
        verified(Wrong(scale_by(1 + 1e-12)), in_double(declared()))


def test_a_float32_graph_is_compared_in_float64_where_rounding_is_allowed() -> None:
    with pytest.raises(gn.VerificationError, match="the pass rounding changed"):
        verified(Rounding(scale_by(1 + 1e-8)), declared())  # float32 would not see it


def cancelled(share: float) -> Callable[[Graph], Graph]:
    """(a + b) - a becomes a - (a - b · share): nothing of the size of the results tells how large a and b were."""
    def change(graph: Graph) -> Graph:
        b = Builder(graph.name, graph)
        first, second = (item.value for item in graph.inputs)
        new = b.add(Subtract(), first, b.add(Subtract(), first, b.add(Scale(share), second)))
        total = b.add(ReduceSum((0, 1)), b.add(Subtract(), new, second))
        return b.build([replace(graph.outputs[0], value=total)])
    return change


def test_a_sum_that_cancels_is_compared_with_its_summands() -> None:
    b = Builder("cancels")
    first, second = (b.input(name, TensorType("float64", (3, 4))) for name in "ab")
    rest = b.add(Subtract(), b.add(Subtract(), b.add(Add(), first, second), first), second)
    graph = b.build([Output("rest", b.add(ReduceSum((0, 1)), rest))])  # 0, but for rounding
    verified(Rounding(cancelled(1)), graph)
    with pytest.raises(gn.VerificationError, match=r"the pass rounding changed output rest: it was .* and is "):
        verified(Rounding(cancelled(1 + 1e-11)), graph)


def test_a_badly_typed_graph_is_refused() -> None:
    def break_types(graph: Graph) -> Graph:
        value = graph.nodes[-1].outputs[0]
        return replace(graph, types=dict(graph.types) | {value: graph.types[graph.nodes[0].outputs[0]]})

    with pytest.raises(gn.VerificationError, match="the pass wrong made a graph that is not well formed: bias_add of "):
        verified(Wrong(break_types), declared())


def test_a_lost_output_is_missed() -> None:
    with pytest.raises(gn.VerificationError, match="the pass wrong lost output logits"):
        verified(Wrong(lambda graph: replace(graph, outputs=())), declared())


def test_a_result_wired_to_another_value_is_found() -> None:
    graph = declared()
    first, last = graph.nodes[-4].outputs[0], graph.nodes[-3].outputs[0]  # bias_add and relu of `hidden`

    def bypass(graph: Graph) -> Graph:
        return rename_values(graph, graph.nodes, {last: first})

    with pytest.raises(gn.VerificationError, match=r"the first node that differs: %14 = matmul\(%11, %13\)"):
        verified(Wrong(bypass), graph)


def test_wrong_new_states_are_found() -> None:
    stages = gn.compile(small_networks.residual_model(), **small_networks.TRAINED).stages("train")

    def hold(graph: Graph) -> Graph:
        return replace(graph, states=tuple(replace(s, next=s.value) if s.role == "buffer" else s
                                           for s in graph.states))

    with pytest.raises(gn.VerificationError, match="the pass wrong changed the next bn"):
        Verifier()(Stage(Wrong(hold), stages[-1].after, hold(stages[-1].after)))


@pytest.mark.parametrize("mode", ["train", "evaluate", "predict", "gradients"])
@pytest.mark.parametrize("make", small_networks.MODELS)
def test_the_pipeline_passes(make: Callable[[], gn.Model], mode: str) -> None:
    net = gn.compile(make(), **small_networks.TRAINED, verify=True)
    assert net.stages(mode)


def test_a_wrong_pass_in_the_pipeline_stops_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphnet.compiler.passes.pipeline.FUSE", (Wrong(swap_relu),))
    monkeypatch.setattr("graphnet.compiler.passes.pipeline.REWRITE", (Wrong(swap_relu),))
    small_networks.image_network().stages("predict")  # nobody looks
    with pytest.raises(gn.VerificationError, match="the pass wrong changed"):
        small_networks.image_network(verify=True).stages("predict")


def test_recomputed_values_are_verified_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def model() -> gn.Model:
        x = h = gn.Input((2, 16, 16), name="image")
        for i in range(5):
            h = gn.layers.Conv2D(4, 3, padding="same", name=f"conv{i}")(h)
            h = gn.layers.ReLU(name=f"relu{i}")(gn.layers.BatchNorm(name=f"bn{i}")(h))
        return gn.Model(x, gn.layers.Dense(3, name="logits")(gn.layers.Flatten(name="flatten")(h)))

    def network() -> gn.Network:
        limit = gn.compile(model(), **small_networks.TRAINED).program("train", 64).taken * 9 // 10
        return gn.compile(model(), **small_networks.TRAINED, memory_limit=limit, verify=True)

    assert network().program("train", 64).instructions
    right = gn.compiler.planning.rematerialization.fit_memory

    def wrong(*arguments: object) -> object:
        graph, program = right(*arguments)  # type: ignore[arg-type]
        return swap_relu_of("relu1", graph), program

    monkeypatch.setattr("graphnet.compiler.planning.policy.fit_memory", wrong)
    with pytest.raises(gn.VerificationError, match="the pass fit_memory changed"):
        network().program("train", 64)
