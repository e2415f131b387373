from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import small_networks

import graphnet as gn
from graphnet.compiler.inspect.rounding import moved
from graphnet.compiler.op import Op
from graphnet.compiler.ops import Fused, ReduceSum, Relu
from graphnet.compiler.planning.program import Program
from graphnet.inspect.random_samples import random_samples
from graphnet.runtime.kernel_check import _agrees, _moved_results
from graphnet.runtime.kernels import registry
from graphnet.runtime.kernels.registry import Call, Run, no_workspace


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make", small_networks.MODELS)
def test_all_kernels_agree_with_their_ops(make: Callable[[], gn.Model], dtype: str, optimize: bool) -> None:
    net = gn.compile(make(), **small_networks.TRAINED, dtype=dtype, optimize=optimize, verify=True)
    x, y = random_samples(net, 6)
    for _ in range(2):
        net.train_on_batch(x, y)
    net.evaluate(x, y)
    net.predict(x)
    net.loss_and_gradients(x, y)


def wrong_relu(call: Call) -> Run:
    def run() -> None:
        np.maximum(call.inputs[0], 0, out=call.outputs[0])
        call.outputs[0][0, 0] += 1e-3
    return run


def test_a_wrong_kernel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._KERNELS, Relu, (wrong_relu, no_workspace))
    net = small_networks.image_network(verify=True, optimize=False, backend="numpy")
    x, y = random_samples(net, 4)
    with pytest.raises(gn.VerificationError, match=r"the kernel of instruction 2, relu of conv \(Conv2D\) at small_netw"
                                                   r"orks.py:\d+, differs from the reference: .* instead of .* at \("):
        net.train_on_batch(x, y)


def wrong(real: Any) -> Any:
    """A kernel whose first result is half as large again as it should be."""
    bind, workspace = real

    def bind_wrong(call: Call) -> Run:
        run = bind(call)

        def run_wrong() -> None:
            run()
            np.multiply(call.outputs[0], 1.5, call.outputs[0])
        return run_wrong
    return bind_wrong, workspace


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("make", small_networks.MODELS)
def test_every_kernel_that_is_wrong_is_caught(make: Callable[[], gn.Model], optimize: bool,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    def trained(passes: bool = False) -> gn.Network:
        net = gn.compile(make(), **small_networks.TRAINED, optimize=optimize, verify=True, backend="numpy")
        if not passes:  # they have been verified, and know nothing of kernels
            net._runner.programs.policy.check = None
        net.train_on_batch(*random_samples(net, 6))
        return net

    (made,) = trained(passes=True)._runner.programs._made.values()
    program = made.program
    tried = 0
    for cls, outputs in kernels_of(program).items():
        if cls not in registry._KERNELS or not outputs.startswith("float"):
            continue
        tried += 1
        with monkeypatch.context() as patch:
            patch.setitem(registry._KERNELS, cls, wrong(registry._KERNELS[cls]))
            with pytest.raises(gn.VerificationError, match="differs from the reference"):
                trained()
    assert tried > 8


def kernels_of(program: Program) -> dict[type[Op], str]:
    """The classes of the ops of a Program, within fused bodies too, and the dtype of the first result."""
    found: dict[type[Op], str] = {}
    for instruction in program.instructions:
        op, dtype = instruction.op, instruction.outputs[0].operand.dtype
        found |= {type(node.op): dtype for node in op.body.nodes} if isinstance(op, Fused) else {type(op): dtype}
    return found


def test_only_the_first_run_of_a_program_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    net = small_networks.image_network(verify=True)
    x, _ = random_samples(net, 4)
    net.predict(x)
    calls: list[object] = []
    monkeypatch.setattr("graphnet.compiler.ops.linear.MatMul.forward", lambda *arrays: calls.append(arrays))
    net.predict(x)
    assert not calls


def test_sums_that_cancel_are_no_false_alarm() -> None:
    """The bias before a batch norm has gradient 0 but for rounding: what is left differs in every kernel."""
    x = gn.Input((3, 8, 8), name="x")
    h = gn.layers.BatchNorm(name="bn")(gn.layers.Conv2D(5, 3, name="conv")(x))
    net = gn.compile(gn.Model(x, gn.layers.Dense(3)(gn.layers.Flatten()(h))), **small_networks.TRAINED, verify=True)
    samples = random_samples(net, 16)
    net.train_on_batch(*samples)
    _, gradients = net.loss_and_gradients(*samples)
    assert abs(gradients["conv/bias"]).max() < 1e-6


@pytest.mark.parametrize("seed", [5, 9, 10, 11])
@pytest.mark.parametrize("size", [(1, 6, 6), (2, 5, 5)])
def test_what_is_left_of_a_sum_is_compared_with_its_summands(size: tuple[int, ...], seed: int) -> None:
    x = gn.Input(size, name="x")
    h = gn.layers.GlobalAveragePool()(gn.layers.BatchNorm()(gn.layers.Conv2D(2, 3)(x)))
    for optimize in (True, False):
        net = gn.compile(gn.Model(x, gn.layers.Dense(1)(h)), loss="mse", optimizer="sgd", seed=seed, optimize=optimize,
                         verify=True)
        net.train_on_batch(*random_samples(net, 2))


def remainders(dtype: str, count: int) -> list[np.ndarray[Any, Any]]:
    """Columns of numbers of size 1 whose sums are 0 but for rounding."""
    rng = np.random.default_rng(count)
    x = rng.uniform(0.5, 1, (count, 40)).astype(dtype)
    x[-1] = -x[:-1].sum(0, dtype=np.float64)
    return [x[:, [column]] for column in range(40)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [3, 17, 300])
def test_a_kernel_that_sums_in_another_order_is_right_and_one_that_is_wrong_by_little_is_not(count: int,
                                                                                         dtype: str) -> None:
    op, refused = ReduceSum((0,)), 0
    for x in remainders(dtype, count):
        (want,) = op.forward(x)
        others = tuple(other for (other,) in _moved_results(op, (x,), 3))
        for order in (x[::-1], x[np.argsort(abs(x[:, 0]))]):
            assert _agrees(np.array([np.cumsum(order)[-1]], dtype), want, others)
        slightly = x.copy()
        slightly[0] *= 1 + 4096 * np.sqrt(count) * np.finfo(dtype).eps
        refused += not _agrees(op.forward(slightly)[0], want, others)
    assert refused == 40


def test_numbers_move_by_a_few_rounding_errors_and_equal_ones_alike() -> None:
    x = np.array([1.5, -1.5, 1.5, 0.0, -0.0, np.inf, np.nan, 3.4e38, 1e-45, 1e-39], np.float32)
    draws = np.array([moved(x, seed) for seed in range(50)])
    np.testing.assert_array_equal(draws[:, 0], draws[:, 2])
    assert (draws[:, 0] != -draws[:, 1]).any()
    steps = abs(draws[:, 0] - np.float32(1.5)) / np.spacing(np.float32(1.5))
    assert set(steps.tolist()) == set(range(1, 9))
    np.testing.assert_array_equal(draws[:, 3:7], np.broadcast_to(x[3:7], (50, 4)))
    assert np.isfinite(draws[:, 7:]).all()
    assert (draws[:, 7:] > 0).all()
