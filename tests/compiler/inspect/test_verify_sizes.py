"""Verification with sizes of 1 everywhere: one sample, one output, one class, one feature."""

from contextlib import suppress

import numpy as np
import pytest
from loss_cases import LOSS_CASES
from op_cases import all_cases, one_node_graph
from optimizer_cases import OPTIMIZER_CASES

import graphnet as gn
from graphnet.compiler.inspect.random_feeds import random_feeds, small_dims
from graphnet.compiler.inspect.verify import evaluate
from graphnet.compiler.types import TensorType

L = gn.layers


@pytest.mark.parametrize("name", OPTIMIZER_CASES)
def test_every_optimizer_trains_one_weight_verified(name: str) -> None:
    """The first weight of one dim has one element: the number of the step is no class of that."""
    x = gn.Input((1,))
    net = gn.compile(gn.Model(x, L.Dense(1)(x)), loss="mse", optimizer=OPTIMIZER_CASES[name].optimizer, verify=True)
    assert np.isfinite(net.train_on_batch(np.ones((1, 1)), np.ones((1, 1)))["loss"])


def fewest_outputs(loss: gn.losses.Loss) -> int:
    """1, or how many the loss takes at least."""
    for outputs in range(1, 6):
        with suppress(gn.ShapeError):
            loss.label_types(TensorType("float32", ("N", outputs)))
            return outputs
    raise AssertionError(f"{loss} takes no outputs")


@pytest.mark.parametrize("name", LOSS_CASES)
def test_every_loss_trains_one_sample_of_the_fewest_outputs_verified(name: str) -> None:
    loss, outputs = LOSS_CASES[name].loss, fewest_outputs(LOSS_CASES[name].loss)
    x = gn.Input((outputs,))
    h = L.Dense(outputs)(x)
    y = {"softmax": L.Softmax(), "sigmoid": L.Sigmoid()}[LOSS_CASES[name].end](h) if LOSS_CASES[name].end else h
    net = gn.compile(gn.Model(x, y), loss=loss, optimizer="adam", verify=True)
    for labels in loss.label_types(net.graph.types[net.graph.outputs[0].value]):
        given = np.full((1, *labels.shape[1:]), min(LOSS_CASES[name].labels.min(), 0), labels.dtype)
        if labels.is_float:
            given[0, 0] = 1  # a row of probabilities sums to 1
        assert np.isfinite(net.train_on_batch(np.ones((1, outputs)), given)["loss"])


@pytest.mark.parametrize("case", all_cases())
def test_random_feeds_are_in_the_domain_of_every_op(case: object) -> None:
    graph = one_node_graph(case)
    values = evaluate(graph)
    assert all(np.isfinite(values[o.value]).all() for o in graph.outputs)


@pytest.mark.parametrize("case", all_cases())
def test_numbers_that_an_op_counts_with_are_declared(case: object) -> None:
    """An integer operand without a declaration could be any number; only random counters are."""
    demanded = case.op.index_ranges(*case.inputs)
    for position, t in enumerate(case.inputs):
        if t.dtype.startswith("int") and t.shape != (2,):
            assert position in demanded
    graph = one_node_graph(case)
    feeds = random_feeds(graph, small_dims(graph))
    for position, (least, most) in demanded.items():
        array = feeds[f"x{position}"]
        assert least <= array.min()
        assert most is None or array.max() <= most
