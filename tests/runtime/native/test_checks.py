"""What `verify` and `check_finite` say of native Programs, in blocks and whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import small_networks

pytest.importorskip("llvmlite")

from broken_kernels import broken

import graphnet as gn
from graphnet.compiler.op import Op
from graphnet.compiler.ops import Conv2d, Fused
from graphnet.compiler.planning.program import Program
from graphnet.inspect.random_samples import random_samples
from graphnet.runtime.watching import Watched, Watcher

BATCHES = (6, 70)  # a part of a block, and a block with a part of another


def network(make: Callable[[], gn.Model], **options: Any) -> gn.Network:
    return gn.compile(make(), **small_networks.TRAINED, backend="native", **options)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("make", small_networks.MODELS)
def test_all_kernels_agree_with_their_ops(make: Callable[[], gn.Model], batch: int) -> None:
    net = network(make, verify=True)
    x, y = random_samples(net, batch)
    for _ in range(2):
        net.train_on_batch(x, y)
    net.evaluate(x, y)
    net.predict(x)
    net.loss_and_gradients(x, y)


def with_masks() -> gn.Model:
    x = gn.Input((12,), name="x")
    h = gn.layers.Dropout(0.3)(gn.layers.Dense(20, activation="tanh")(x))
    return gn.Model(x, gn.layers.Dense(3)(h))


@pytest.mark.parametrize("batch", [5, 300])
def test_masks_are_those_of_the_whole_batch(batch: int) -> None:
    net = network(with_masks, verify=True)
    net.train_on_batch(*random_samples(net, batch))


def roots(program: Program) -> dict[type[Op], int]:
    """The classes of the ops that kernels are written for, with the number of a result that is read and of floats."""
    found: dict[type[Op], int] = {}
    for index, i in enumerate(program.instructions):
        read = [number for number, slot in enumerate(i.outputs)
                if slot.last > index and slot.operand.dtype == "float32" and slot.operand.nbytes]
        root: Any = i.op.chain[0].op if isinstance(i.op, Fused) else i.op
        if read and index not in program.between:
            found.setdefault(type(root), read[0])
    return found


ALL = [pytest.param(make, 1, marks=pytest.mark.slow) for make in small_networks.MODELS]


@pytest.mark.parametrize(("make", "step"), [(small_networks.image_model, 5), *ALL])
def test_every_kernel_that_is_wrong_is_caught(make: Callable[[], gn.Model], step: int) -> None:
    net = network(make)
    found = roots(net.program("train", 20, **dict.fromkeys(net.graph.free_dims, 7)))
    assert len(found) > 8
    for op, output in [*found.items()][::step]:
        with broken(op, output=output):
            wrong = network(make, verify=True)
            wrong._runner.programs.policy.check = None  # the passes know nothing of kernels
            with pytest.raises(gn.VerificationError, match="differs from the reference"):
                wrong.train_on_batch(*random_samples(wrong, 20))


@pytest.mark.parametrize("batch", BATCHES)
def test_a_wrong_kernel_is_named_however_little_is_wrong(batch: int) -> None:
    with broken(Conv2d, 1 + 1e-3):
        net = network(small_networks.image_model, verify=True)
        named = (r"the kernel of instruction \d+, conv2d of conv \(Conv2D\) at small_networks.py:\d+, differs from the "
                 rf"reference: .* instead of .* at \(.*\) in %\d+ f32\[{batch},4,8,8\]")
        with pytest.raises(gn.VerificationError, match=named):
            net.train_on_batch(*random_samples(net, batch))


def test_a_fit_with_checks_is_watched_at_every_step() -> None:
    seen: list[int] = []

    class Log(Watcher):
        def after(self, watched: Watched) -> None:
            seen.append(watched.index)

    net = network(small_networks.image_model)
    net._runner.programs.watchers = [Log]
    x, y = random_samples(net, 64)
    net.fit(x["image"], y["logits"], batch_size=16, epochs=1, verbose=False)
    assert len(seen) == 4 * len(net.program("train", 16).instructions)


X = np.random.default_rng(0).random((70, 1, 8, 8), dtype=np.float32)


def finite(**weights: np.ndarray[Any, Any]) -> gn.Network:
    return network(small_networks.image_model, check_finite=True)


def test_the_first_bad_sample_is_named_by_its_number_in_the_batch() -> None:
    net = finite()
    weights = np.zeros((64, 6), np.float32)
    weights[:, 2] = 3e38
    net.set_weights({"hidden/weight": weights, "conv/bias": np.full(4, 5, np.float32),
                     "conv/weight": net.weights["conv/weight"] * 0})
    x = X.copy()
    with pytest.raises(gn.NonFiniteError) as caught:
        net.predict(x)
    head, *operands = str(caught.value).splitlines()
    assert " of hidden (Dense) at small_networks.py:" in head
    assert head.endswith("f32[64,6], the first at (0, 2)")
    assert operands[0].endswith("f32[64,64]: from 5 to 5")
    assert operands[1].endswith("f32[64,6]: from 0 to 3e+38")


def test_a_bad_sample_in_the_second_block() -> None:
    inputs = gn.Input((3,), name="x")
    model = gn.Model(inputs, gn.layers.Multiply(name="m")(inputs, inputs))
    net = gn.compile(model, backend="native", check_finite=True)
    x = np.ones((300, 3), np.float32)
    x[299, 1] = 1e30
    with pytest.raises(gn.NonFiniteError, match=r"of m .* made 1 infinite of 132 elements in %\d+ f32\[44,3\], the "
                                                r"first at \(299, 1\)\n  x0 %\d+ f32\[44,3\]: "):
        net.predict(x, batch_size=300)
    net.predict(x[:299])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_fed_is_named(bad: float) -> None:
    net = finite()
    x = X.copy()
    x[67, 0, 2, 3] = bad
    net.allow_nonfinite = True
    with pytest.raises(gn.NonFiniteError, match=f"the input 'image' holds 1 .* of {x.size:,} elements before the run"):
        net.predict(x)
    net.predict(x[:60])


def test_what_is_behind_the_samples_is_left_out() -> None:
    """A sample that overflows leaves infinities in rows that a smaller batch does not use."""
    inputs = gn.Input((3,), name="x")
    h = gn.layers.Multiply(name="m")(inputs, inputs)
    model = gn.Model(inputs, gn.layers.Dense(2, name="d")(h))
    loose = gn.compile(model, backend="native", allow_nonfinite=True)
    big = np.full((16, 3), 1e30, np.float32)
    loose.predict(big)
    net = gn.compile(model, backend="native", check_finite=True)
    net.predict(np.ones((16, 3), np.float32))
    net._runner.programs.buffers["arena"].view(np.float32)[:] = np.inf
    net.predict(np.ones((5, 3), np.float32), batch_size=16)


def test_a_failing_step_changes_no_weight() -> None:
    net = finite()
    net.set_weights({"logits/weight": net.weights["logits/weight"] * np.float32(1e38),
                     "hidden/bias": np.full(6, 1e5, np.float32)})
    before = {name: weight.copy() for name, weight in net.weights.items()}
    with pytest.raises(gn.NonFiniteError, match="logits"):
        net.train_on_batch(X, np.arange(70) % 3)
    assert net.step == 0
    for name, weight in before.items():
        np.testing.assert_array_equal(net.weights[name], weight)


def with_few_products() -> gn.Model:
    """Convolutions that pay to be done by Winograd's algorithm."""
    x = gn.Input((16, 16, 16), name="x")
    h = gn.layers.Conv2D(32, 3, padding="same", activation="relu", name="one")(x)
    h = gn.layers.Conv2D(16, 3, padding="same", name="two")(h)
    return gn.Model(x, gn.layers.Dense(3)(gn.layers.Flatten()(gn.layers.MaxPool2D(4)(h))))


def test_winograds_rounding_is_allowed_and_no_more() -> None:
    net = network(with_few_products, verify=True)
    x, y = random_samples(net, 20)
    net.train_on_batch(x, y)
    net.predict(x)
    runs = net._runner.programs._executables.values()
    factors = [{run.rounding(index) for index in range(len(run.program.instructions))} for run in runs]
    assert all(min(found) == 1 < max(found) for found in factors)
    assert max(factors[1]) > 20  # predictions have the larger tiles
    found = net.gradcheck(x, y, samples=1)
    assert found.backend is not None
    assert found.backend.passed, str(found)
    with broken(Conv2d, 1 + 1e-2):
        wrong = network(with_few_products, verify=True)
        with pytest.raises(gn.VerificationError, match=r"conv2d.* of one .* differs from the reference"):
            wrong.predict(x)
