"""An op without a kernel of its own is run by what it says of itself; ops of users profit as built-in ones do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from allocations import SLACK, peak_of, small_pieces
from kernel_runs import LAYOUTS, bind

import graphnet.compiler.ops  # noqa: F401  registers all ops
from graphnet.compiler.expression import Expression, tanh
from graphnet.compiler.op import Op, Types, registered_ops
from graphnet.compiler.ops import Relu, SgdUpdate, Update
from graphnet.compiler.types import Array, TensorType
from graphnet.runtime.kernels import registry


@dataclass(frozen=True)
class Cubed(Op):
    """y = x³ + a, by its forward."""

    name = "cubed"  # not one of a custom op, which gets its operands whole
    elementwise = True

    def infer(self, x: TensorType, a: TensorType) -> Types:
        return (x,)

    def forward(self, x: Array, a: Array) -> tuple[Array, ...]:
        return (x * x * x + a,)


@dataclass(frozen=True)
class Twice(Op):
    """y = tanh(2 x), by its expression."""

    name = "tests.twice"
    elementwise = True

    def infer(self, x: TensorType) -> Types:
        return (x,)

    def forward(self, x: Array) -> tuple[Array, ...]:
        raise AssertionError("there is no need to")

    def expression(self, x: Expression) -> Expression:
        return tanh(2 * x)


@dataclass(frozen=True)
class Spread(Op):
    """l = max x - min x of each sample."""

    name = "tests.spread"
    samplewise = True

    def infer(self, x: TensorType) -> Types:
        return (x.with_shape(x.shape[:1]),)

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (np.ptp(x.reshape(len(x), -1), axis=1),)


@dataclass(frozen=True)
class Above(Op):
    """y = how many elements are above 0."""

    name = "tests.above"
    statistic = True

    def infer(self, x: TensorType) -> Types:
        return (TensorType("float64", (1,)),)

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (np.array([(x > 0).sum()], np.float64),)


OPS: dict[str, tuple[Op, int]] = {
    "elementwise": (Cubed(), 2), "expression": (Twice(), 1), "samplewise": (Spread(), 1), "statistic": (Above(), 1)}


def arrays_of(count: int, samples: int = 300) -> tuple[Array, ...]:
    rng = np.random.default_rng(0)
    return tuple(rng.standard_normal((samples, 5, 7), np.float32) for _ in range(count))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("trait", OPS)
def test_an_op_of_a_user_by_its_trait(trait: str, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    op, count = OPS[trait]
    arrays = arrays_of(count)
    with small_pieces(monkeypatch, 64):
        run, (y,) = bind(op, arrays, layout)
        run()
    expected = np.tanh(2 * arrays[0]) if trait == "expression" else op.forward(*arrays)[0]
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("trait", OPS)
def test_it_allocates_nothing_that_grows(trait: str, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    op, count = OPS[trait]
    with small_pieces(monkeypatch, 64):
        small, large = (peak_of(bind(op, arrays_of(count, samples), layout)[0]) for samples in (100, 800))
    assert large <= small + SLACK


def test_operands_that_do_not_fit_a_trait_go_through_the_reference() -> None:
    x, a = arrays_of(2)
    for op, arrays in ((Cubed(), (x, a[0, 0])), (Cubed(), (x, np.float32(2).reshape(())))):
        run, (y,) = bind(op, arrays, "rows")
        run()
        np.testing.assert_array_equal(y, op.forward(*arrays)[0])


def test_the_order_of_what_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(registry.traits(Relu())) == ["expression", "elementwise"]
    assert list(registry.traits(Cubed())) == ["elementwise"]
    assert list(registry.traits(SgdUpdate(1))) == ["update"]
    monkeypatch.setattr(registry, "_KERNELS", dict(registry._KERNELS))

    @registry.kernel(Twice)
    def sevens(call: registry.Call) -> registry.Run:
        return lambda: call.outputs[0].fill(7)
    run, (y,) = bind(Twice(), arrays_of(1), "rows")
    run()
    assert (y == 7).all()


def test_an_optimizer_without_a_rule_runs_by_its_steps() -> None:
    class Signs(SgdUpdate):
        def step(self, rate: Array, step: int, p: Array, g: Array, *moments: Array) -> tuple[Array, ...]:
            return (p - rate * np.sign(g),)
    assert list(registry.traits(Signs(1))) == []
    p, g = np.ones(6, np.float32), np.arange(-3, 3, dtype=np.float32)
    run, (new,) = bind(Signs(1), (np.array(0.5, np.float32), np.array(1), p, g), "rows")
    run()
    assert new.tolist() == [1.5, 1.5, 1.5, 1, 0.5, 0.5]


def test_no_kernel_is_registered_for_a_class_that_its_trait_serves() -> None:
    """What is written by hand says why; today nothing element-wise is, nor any optimizer."""
    by_hand = [cls.name for cls in registry._KERNELS if cls.elementwise or issubclass(cls, Update)]
    assert by_hand == []
    assert {trait for cls in registered_ops().values() for trait in ("elementwise", "samplewise", "statistic")
            if getattr(cls, trait)} == {"elementwise", "samplewise", "statistic"}
