"""The optimised plan of each benchmark workload takes no more memory than the plain one."""

import pytest

import graphnet as gn
from tests.benchmarks.workloads import INPUTS, graphnet_model


@pytest.mark.parametrize("batch", [1, 7, 64])
@pytest.mark.parametrize("name", INPUTS)
def test_training_never_peaks_above_the_plain_plan(name, batch):
    plain, optimised = (gn.compile(graphnet_model(name), "softmax_cross_entropy", "adam", optimize=optimize)
                        for optimize in (False, True))
    assert optimised.program("train", batch).peak <= plain.program("train", batch).peak


@pytest.mark.parametrize("name", [name for name in INPUTS if name != "vggbn"])
def test_prediction_never_peaks_above_the_plain_plan(name):
    plain, optimised = (gn.compile(graphnet_model(name), optimize=optimize) for optimize in (False, True))
    assert optimised.program("predict", 16).peak <= plain.program("predict", 16).peak


def test_folded_batch_norm_costs_no_more_than_the_folded_weights():
    plain, optimised = (gn.compile(graphnet_model("vggbn"), optimize=optimize) for optimize in (False, True))
    weights = sum(w.nbytes for name, w in plain.weights.items() if "conv2d" in name)
    assert optimised.program("predict", 16).peak <= plain.program("predict", 16).peak + weights
