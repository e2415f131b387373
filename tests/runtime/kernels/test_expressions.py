"""Plans of random expressions compute them, whatever memory results share with operands, in few registers."""

from __future__ import annotations

import numpy as np
import pytest
from expression_reference import assert_same, evaluate
from kernel_runs import bind, placed

from graphnet.compiler.expression import FUNCTIONS, MASKS, Expression, Formula, apply, trace
from graphnet.compiler.op import Op, formula_of
from graphnet.compiler.ops import (
    AdamUpdate,
    Add,
    Copy,
    Elu,
    Gelu,
    GeluGrad,
    HardSigmoid,
    LeakyRelu,
    Relu,
    ReluGrad,
    Sigmoid,
    SigmoidGrad,
    TanhGrad,
)
from graphnet.compiler.types import Array
from graphnet.runtime.kernels import expressions
from graphnet.runtime.kernels.expression_plan import Plan, plan

SIMPLE = [name for name, (takes, _) in FUNCTIONS.items()
          if takes and name not in ("where", "logical_and", "number")]


def random_formula(rng: np.random.Generator, inputs: int, outputs: int) -> Formula:
    """Steps of every kind on whatever has been made before, masks and numbers, and some of the last as outputs."""
    def made(*given: Expression) -> tuple[Expression, ...]:
        numbers = [*given, Expression("constant", (), 0.0), Expression("constant", (), 1.5)]
        masks = [numbers[0] > 0]
        for _ in range(int(rng.integers(1, 14))):
            name = str(rng.choice([*SIMPLE, "where", "where", "where", "logical_and", "number"]))
            takes, _ = FUNCTIONS[name]
            kinds = {"number": numbers, "mask": masks}
            operands = [kinds[kind][int(rng.integers(len(kinds[kind])))] for kind in takes]
            (masks if name in MASKS else numbers).append(apply(name, *operands))
        return tuple(numbers[int(rng.integers(max(len(numbers) - 4, 0), len(numbers)))] for _ in range(outputs))
    return trace(made, inputs)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(300))
def test_random_expressions(seed: int, dtype: str) -> None:
    """Outputs lie over inputs, as `shared` allows; what is scratch is soiled before."""
    rng = np.random.default_rng(seed)
    inputs, outputs = int(rng.integers(1, 5)), int(rng.integers(1, 3))
    formula = random_formula(rng, inputs, outputs)
    shared = tuple(tuple(i for i in range(inputs) if i % outputs == j and rng.random() < 0.8) for j in range(outputs))
    wanted = plan(formula, shared)
    given = [rng.choice([0.0, -0.0, np.inf, np.nan, -2.0, 0.3, 1.0, 7.5, 1e-40], 40).astype(dtype)
             for _ in range(inputs)]
    expected = evaluate(formula, *given)
    taken = [a.copy() for a in given]
    places = [taken[over[0]] if over else np.full(40, np.nan, dtype) for over in shared]
    scratch = [np.full(50, np.nan, t.dtype) for t in expressions.registers(wanted, dtype, 50)]
    for step in expressions.bind_plan(wanted, [(taken, places)], scratch):
        step()
    for j, (found, right) in enumerate(zip(places, expected, strict=True)):
        assert_same(found, np.broadcast_to(right, 40), formula, f"output {j} of\n{formula}\n{wanted.code}")
    written = {over[0] for over in shared if over}
    for i, (array, before) in enumerate(zip(taken, given, strict=True)):
        if i not in written:
            np.testing.assert_array_equal(array, before, f"input {i} was changed")


def planned(op: Op) -> Plan:
    assert formula_of(op, "float32") is not None
    return plan(formula_of(op, "float32"), (tuple(op.inplace),))


@pytest.mark.parametrize(("op", "calls", "numbers", "masks"), [
    (Add(), 1, 0, 0), (Copy(), 1, 0, 0), (Relu(), 1, 0, 0), (HardSigmoid(), 3, 0, 0), (Sigmoid(), 7, 1, 1),
    (ReluGrad(), 2, 0, 1), (TanhGrad(), 4, 2, 0), (SigmoidGrad(), 3, 1, 0), (LeakyRelu(), 3, 1, 1), (Elu(), 6, 1, 1),
    (Gelu(), 46, 7, 0), (GeluGrad(), 52, 7, 1), (Gelu(True), 45, 8, 0)], ids=str)
def test_calls_and_registers(op: Op, calls: int, numbers: int, masks: int) -> None:
    wanted = planned(op)
    assert (len(wanted.code), wanted.numbers, wanted.masks) == (calls, numbers, masks)


def test_the_walk_of_adam() -> None:
    formula = AdamUpdate(1).formula_of(decayed=True)
    assert formula is not None
    wanted = plan(formula, ((0,), (2,), (3,)))
    assert (len(wanted.code), wanted.numbers, wanted.masks) == (14, 2, 0)


def test_an_output_of_another_dtype() -> None:
    """The result of a custom op that counts, say; numbers in between have the dtype of the first input."""
    class Rounded(Op):
        name = "tests.rounded"
        elementwise = True

        def infer(self, x):  # type: ignore[no-untyped-def]
            return (x.__class__("float64", x.shape),)

        def forward(self, x: Array) -> tuple[Array, ...]:
            return ((x * np.float32(1 / 3)).astype(np.float64),)

        def expression(self, x: Expression) -> Expression:
            return x * (1 / 3)
    x = np.linspace(-1, 1, 50, dtype=np.float32)
    run, (y,) = bind(Rounded(), (x,), "rows")
    run()
    np.testing.assert_array_equal(y, Rounded().forward(x)[0])


def test_an_input_of_whole_numbers_or_bools() -> None:
    class Chosen(Op):
        name = "tests.chosen"
        elementwise = True
        inplace = (0,)

        def infer(self, x, count, flag):  # type: ignore[no-untyped-def]
            return (x,)

        def forward(self, x: Array, count: Array, flag: Array) -> tuple[Array, ...]:
            return (np.where(x > 0, flag, x * count.astype(x.dtype)).astype(x.dtype),)

        def expression(self, x: Expression, count: Expression, flag: Expression) -> Expression:
            from graphnet.compiler.expression import where
            return where(x > 0, flag, x * count)
    rng = np.random.default_rng(0)
    x, count, flag = rng.standard_normal((9, 7)).astype("f"), rng.integers(-3, 3, (9, 7)), rng.random((9, 7)) < 0.5
    run, (y,) = bind(Chosen(), (x, count, flag), "batch-last")
    run()
    np.testing.assert_array_equal(y, Chosen().forward(x, count, flag)[0])


@pytest.mark.parametrize("size", [100, expressions.CLIP_FROM + 1])
def test_relu_lets_nan_pass_at_any_size(size: int) -> None:
    x = placed(np.resize(np.array([np.nan, -1, 2, np.inf, -np.inf], np.float32), size), "rows")
    run, (y,) = bind(Relu(), (x,), "rows")
    run()
    np.testing.assert_array_equal(y, np.maximum(x, 0))
