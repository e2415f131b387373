"""Random models against PyTorch: loss, and gradients of all weights and inputs."""

import numpy as np
import pytest
from random_graphs import LAYERS, random_recipe

pytestmark = pytest.mark.parity

COUNT = 240
TOLERANCE = {"float64": 1e-10, "float32": 1e-5}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("seed", range(COUNT))
def test_agrees_with_torch(seed, dtype):
    from torch_twins import losses_and_gradients

    recipe = random_recipe(seed)
    net = recipe.network(dtype=dtype)
    x, y = ({name: a.astype(dtype) if a.dtype.kind == "f" else a for name, a in arrays.items()}
            for arrays in recipe.samples())
    loss, gradients = net.loss_and_gradients(x, y, inputs=True)
    expected_loss, expected = losses_and_gradients(recipe, *map(in_double, (net.weights, x, y)))
    _, rounded = losses_and_gradients(recipe, net.weights, x, y)
    assert loss == pytest.approx(expected_loss, rel=TOLERANCE[dtype])
    assert gradients.keys() == expected.keys()
    for name, wanted in expected.items():
        size = _size_of_layer(name, expected)
        error, rounding = (np.abs(found[name] - wanted).max(initial=0) / size for found in (gradients, rounded))
        allowed = max(TOLERANCE[dtype], 3 * rounding)  # some of these graphs are ill-conditioned, for PyTorch too
        assert error <= allowed, f"gradient of {name} is off by {error:.3g} of its layer's largest"


def in_double(arrays):
    """The same numbers in float64: what PyTorch rounds in float32 is not counted against graphnet."""
    return {name: a.astype(np.float64) if a.dtype.kind == "f" else a for name, a in arrays.items()}


def test_the_models_have_every_kind_of_layer_and_argument():
    steps = [step for seed in range(COUNT) for step in random_recipe(seed).steps]
    assert {step.kind for step in steps} == set(LAYERS)
    convolutions = [step.args for step in steps if step.kind == "conv" and "strides" in step.args]
    assert any(args["groups"] > 1 for args in convolutions)
    assert any(max(args["dilation"]) > 1 for args in convolutions)
    assert any(max(args["strides"]) > 1 and args["padding"] == "same" for args in convolutions)
    assert any(_uneven(args["padding"]) for args in convolutions)
    assert any(_uneven(step.args["padding"]) for step in steps if step.kind == "max_pool")
    assert any(step.shared for step in steps)


def _size_of_layer(name, gradients):
    """The largest gradient of the layer that has this weight: a bias alone may be a sum that cancels out."""
    layer = name.split("/")[0]
    return max(1e-3, *(np.abs(g).max(initial=0) for other, g in gradients.items() if other.split("/")[0] == layer))


def _uneven(padding):
    return not isinstance(padding, str) and any(before != after for before, after in padding)
