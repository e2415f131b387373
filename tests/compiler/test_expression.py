"""Expressions become steps: shared ones once, in the order in which they are written, with masks where they belong."""

import pytest

from graphnet.compiler import expression as ex
from graphnet.compiler.errors import GraphError
from graphnet.compiler.expression import FUNCTIONS, Expression, apply, trace
from graphnet.compiler.op import formula_of
from graphnet.compiler.ops import Gelu, Relu, SigmoidGrad


def test_steps_of_an_expression():
    assert str(formula_of(SigmoidGrad())) == """\
%0 = input 0
%1 = input 1
%2 = constant 1
%3 = subtract %2 %1
%4 = multiply %1 %3
%5 = multiply %0 %4
return %5"""


def test_equal_steps_are_made_once():
    formula = trace(lambda x: (ex.exp(x) + 1) * (ex.exp(x) + 1), 1)
    assert [step.function for step in formula.steps] == ["input", "exp", "constant", "add", "multiply"]
    assert formula.steps[-1].operands == (3, 3)


def test_zero_and_minus_zero_are_two_constants():
    formula = trace(lambda x: (x + 0.0) + (x + -0.0), 1)
    assert [str(step.value) for step in formula.steps if step.function == "constant"] == ["0.0", "-0.0"]


def test_shared_and_deep_expressions_stay_small():
    def doubled(x: Expression) -> Expression:
        for _ in range(3000):
            x = x + x
        return x
    assert len(trace(doubled, 1).steps) == 3001


def test_several_outputs_and_inputs_that_nobody_uses():
    formula = trace(lambda a, b, c: (b + 1, a), 3)
    assert (formula.inputs, len(formula.steps), formula.outputs) == (3, 5, (4, 0))


def test_a_mask_becomes_a_number_where_one_is_wanted():
    formula = trace(lambda x: ((x > 0) * x, x > 1), 1)
    assert [step.function for step in formula.steps if step.function == "number"] == ["number"] * 2
    assert all(formula.steps[value].function in ("multiply", "number") for value in formula.outputs)


def test_operators():
    def everything(x: Expression, y: Expression) -> tuple[Expression, ...]:
        return (x + y, 1 + x, x - y, 1 - x, x * y, 2 * x, x / y, 1 / x, -x, abs(x), x < y, x <= y, x > y, x >= y,
                ex.where((x < y) & (x > 1), x, y), ex.sign(x), ex.sqrt(x), ex.exp(x), ex.expm1(x), ex.log(x),
                ex.log1p(x), ex.tanh(x), ex.maximum(x, y), ex.minimum(x, y), ex.floor(x), ex.exp2(x),
                apply("copysign", x, y), ex.SMALLEST * x)
    used = {step.function for step in trace(everything, 2).steps}
    assert used == FUNCTIONS.keys()


@pytest.mark.parametrize(("make", "text"), [
    (lambda x: x if x > 0 else -x, "an expression has no truth value: it stands for every element at once"),
    (lambda x: apply("sin", x), "an expression has no function sin of 1 operands"),
    (lambda x: apply("exp", x, x), "an expression has no function exp of 2 operands"),
    (lambda x: apply("input"), "an expression has no function input of 0 operands"),
    (lambda x: ex.where(x, 1, 0), "where takes a mask, which a comparison makes, not the number input"),
    (lambda x: (x > 0) & x, "logical_and takes a mask, which a comparison makes, not the number input"),
])
def test_what_is_no_expression(make, text):
    with pytest.raises(GraphError, match=text):
        trace(make, 1)


def test_an_op_that_means_something_else_has_no_expression_of_its_base():
    class Doubled(Relu):
        def forward(self, x):
            return (2 * super().forward(x)[0],)

    class Restated(Doubled):
        def expression(self, x):
            return 2 * super().expression(x)

    assert formula_of(Relu()) is not None
    assert formula_of(Doubled()) is None
    assert formula_of(Restated()) is not None


def test_formulas_may_be_shorter_for_the_shorter_dtype():
    single, double = formula_of(Gelu(), "float32"), formula_of(Gelu())
    assert len(single.steps) < len(double.steps)
    assert double is formula_of(Gelu(), "float64")
    assert formula_of(SigmoidGrad(), "float32") is formula_of(SigmoidGrad())
