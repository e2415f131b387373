"""Memory beside PyTorch's, measured by its own saved-tensor hooks."""

import pytest

import graphnet as gn
from tests.benchmarks.workloads import graphnet_model, torch_model

pytestmark = pytest.mark.parity


def test_lenet_takes_less_than_the_activations_that_pytorch_keeps():
    import torch

    model = torch_model("lenet")
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage  # holding it, so that no address is used twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        x, y = torch.randn(256, 1, 28, 28), torch.randint(0, 10, (256,))
        torch.nn.functional.cross_entropy(model(x), y)
    theirs = sum(storage.nbytes() for storage in kept.values())
    ours = gn.compile(graphnet_model("lenet"), "softmax_cross_entropy", "adam").program("train", 256).peak
    assert 12_000_000 < theirs < 13_000_000
    assert ours < theirs  # all of it: input, activations, gradients of activations, scratch
