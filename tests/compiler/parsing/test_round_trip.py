"""Every graph there is comes back from its text as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_cases import Case, all_cases, one_node_graph
from random_dags import random_dag
from random_graphs import random_recipe
from text_checks import check_same_numbers, check_text

import graphnet as gn
from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import BACKWARD, FORWARD, UPDATE, Graph, Node, Origin, Output
from graphnet.compiler.op import f64
from graphnet.compiler.ops import Copy, Fused, MaxNorm, NonNegative, Relu, UnitNorm
from graphnet.compiler.passes.derive_backward import DeriveBackward
from graphnet.compiler.passes.pipeline import Assembly, PassManager
from graphnet.compiler.types import BATCH, TensorType
from graphnet.runs import load_recipe, model_names

MODES = ("predict", "evaluate", "train", "gradients")


def stages(net: gn.Network, mode: str) -> list[Graph]:
    """The graph before the first pass and after each that changed it."""
    made = net.stages(mode)
    return [made[0].before, *(stage.after for stage in made if stage.changed)]


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("name", model_names())
def test_models_in_every_mode_after_every_pass(name: str, optimize: bool) -> None:
    recipe = load_recipe(name)
    net = gn.compile(recipe.model(), recipe.loss, recipe.optimizer, recipe.metrics, optimize=optimize)
    graphs = {graph.text: graph for mode in MODES for graph in stages(net, mode)}
    for graph in graphs.values():
        check_text(graph)


@pytest.mark.parametrize("name", model_names())
def test_models_compute_the_same(name: str) -> None:
    recipe = load_recipe(name)
    net = gn.compile(recipe.model(), recipe.loss, recipe.optimizer, recipe.metrics)
    check_same_numbers(net.stages("train")[-1].after)


@pytest.mark.parametrize("seed", range(8))
def test_random_models(seed: int) -> None:
    net = random_recipe(seed).network(optimizer="sgd")
    for mode in MODES:
        before, *afterwards = stages(net, mode)
        for graph in (before, *afterwards):
            check_text(graph)
        check_same_numbers((before, *afterwards)[-1])


@pytest.mark.parametrize("seed", range(25))
def test_random_graphs_of_all_ops(seed: int) -> None:
    dag = random_dag(seed)
    inputs = tuple(i.name for i in dag.graph.inputs if i.name in dag.varied)
    manager = PassManager(Assembly(dag.graph, derive=(DeriveBackward(inputs=inputs),)).pipeline())
    manager.run(dag.graph)
    for stage in manager.stages:
        if stage.changed:
            check_text(stage.after)
    check_same_numbers(manager.result, dag.feeds)


@pytest.mark.parametrize("case", all_cases())
def test_every_example_of_every_op(case: Case) -> None:
    forms = (case,) if isinstance(case.op, Fused) else (case, case.cast("float32"), case.symbolic)
    for form in filter(None, forms):
        check_text(one_node_graph(form))


def test_a_graph_without_nodes() -> None:
    assert str(check_text(Graph("g", (), (), (), (), (), {}))) == "graph g\n"
    b = Builder("g")
    check_text(b.build([Output("y", b.input("x", f64()))]))


def test_nodes_out_of_order() -> None:
    b = Builder("g")
    h = b.input("x", f64(2))
    for _ in range(3):
        h = b.add(Relu(), h)
    graph = b.build([Output("y", h)])
    check_text(replace(graph, nodes=graph.nodes[::-1]))


NUMBERS = st.floats() | st.sampled_from([0.0, -0.0, 5e-324, 1e16, 1e22, 1e-7, float("inf"), -float("inf")])
ODD = st.text(st.sampled_from("ab1_/:.-+ \t\n'\"\\#%={}[](),·→\N{NO-BREAK SPACE}\ud800é東"), max_size=6)
NAMES = st.text(max_size=4) | ODD | st.sampled_from(["conv1/weight", "label:logits", "ReLU_1", "next", "%3", "nan"])
SHAPES = st.lists(st.integers(0, 10 ** 6) | NAMES, max_size=3).map(tuple)
TYPES = st.builds(TensorType, st.sampled_from(["float32", "float64", "int64", "int32", "uint8", "bool"]), SHAPES)
CONSTRAINTS = st.none() | st.sampled_from([NonNegative(), UnitNorm((0, 2)), MaxNorm((1,), 2.5), MaxNorm((), 1e-300)])


@given(st.data())
@settings(max_examples=60)
def test_any_declaration(data: st.DataObject) -> None:
    """Names of any letters, types of any dims, extras in any combination, phases in any order."""
    b = Builder(data.draw(NAMES))
    for name in data.draw(st.lists(NAMES, unique=True, max_size=3)):
        b.input(name, data.draw(TYPES))
    for name in data.draw(st.lists(NAMES, unique=True, max_size=3)):
        b.parameter(name, data.draw(TYPES), data.draw(st.booleans()), data.draw(NUMBERS), data.draw(CONSTRAINTS))
    for name in data.draw(st.lists(NAMES, unique=True, max_size=3)):
        b.state(name, data.draw(TYPES), data.draw(st.sampled_from(["buffer", "a role"])), data.draw(NUMBERS))
    values = st.sampled_from(sorted(b.types) or [b.input("x", f64(2))])
    for item in (*b.parameters, *b.states):
        if data.draw(st.booleans()):
            b.advance(item.value, data.draw(values))
    for layer, phase in data.draw(st.lists(st.tuples(NAMES, st.sampled_from([FORWARD, BACKWARD, UPDATE])), max_size=4)):
        with b.at(Origin(layer), phase):
            b.add(Copy(), data.draw(values))
    b.penalties = [Output(name, data.draw(values)) for name in data.draw(st.lists(NAMES, unique=True, max_size=2))]
    check_text(b.build([Output(name, data.draw(values))
                        for name in data.draw(st.lists(NAMES, unique=True, max_size=3))]))


def test_what_a_node_says_of_itself_stays() -> None:
    graph = Graph("g", (), (), (), (Node(Relu(), (1,), (0,), Origin("a layer", "ReLU", "net.py:3"), UPDATE),
                                    Node(Relu(), (0,), (1,), Origin("", "ReLU", "net.py:4"))), (),
                  {0: f64(BATCH), 1: f64(BATCH)})
    assert [(node.origin, node.phase) for node in check_text(graph).nodes] == [
        (Origin("a layer"), UPDATE), (Origin(), FORWARD)]
