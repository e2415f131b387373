"""Every loss that PyTorch has, forward and gradients, with reductions, weights and smoothing."""

import numpy as np
import pytest
from loss_cases import LOSS_CASES, C, LossCase, N, Z

import graphnet as gn
from graphnet import losses

pytestmark = pytest.mark.parity


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("case", LOSS_CASES.values(), ids=LOSS_CASES)
def test_loss_and_gradient(case: LossCase, optimize: bool, dtype: str, tolerance: float) -> None:
    import torch

    x = gn.Input((C,), name="x", dtype=dtype)
    dense = gn.layers.Dense(C, use_bias=False, kernel_initializer="identity", activation=case.end, name="y")
    net = gn.compile(gn.Model(x, dense(x)), loss=case.loss, dtype=dtype, optimize=optimize)
    y = case.labels if case.labels.dtype == np.int64 else case.labels.astype(dtype)
    found, gradients = net.loss_and_gradients(Z.astype(dtype), y, inputs=True)
    z = torch.tensor(Z, dtype=getattr(torch, dtype), requires_grad=True)
    expected = case.twin(z, torch.from_numpy(y))
    expected.backward()
    assert found == pytest.approx(expected.item(), rel=tolerance)
    wanted = z.grad.numpy()
    np.testing.assert_allclose(gradients["x"], wanted, 0, tolerance * abs(wanted).max())


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
def test_losses_of_sequences(dtype: str, tolerance: float) -> None:
    """PyTorch has the classes on axis 1, this library on the last."""
    import torch

    rng = np.random.default_rng(1)
    z, t = rng.normal(0, 2, (N, 4, C)).astype(dtype), rng.integers(0, C, (N, 4))
    x = gn.Input((4, C), name="x", dtype=dtype)
    net = gn.compile(gn.Model(x, gn.layers.Permute((2, 1))(gn.layers.Permute((2, 1))(x))),
                     loss=losses.SoftmaxCrossEntropy(0.1), dtype=dtype)
    found, gradients = net.loss_and_gradients(z, t, inputs=True)
    leaf = torch.from_numpy(z).requires_grad_()
    expected = torch.nn.functional.cross_entropy(leaf.transpose(1, 2), torch.from_numpy(t), label_smoothing=0.1)
    expected.backward()
    assert found == pytest.approx(expected.item(), rel=tolerance)
    np.testing.assert_allclose(gradients["x"], leaf.grad.numpy(), 0, tolerance)
