"""What each element of an element-wise result is, said once for all backends: `grad * (y * (1 - y))`.

An op writes its expression with operators and the functions below, on `Expression`s that stand for the elements of its
inputs at one place. A backend takes it as a `Formula`, the steps in order, and makes of them what it runs: calls of
NumPy, or instructions of a processor. Nothing here knows a backend.

What every backend keeps to, so that all agree with `Op.forward` but for rounding:

- Numbers have the dtype of the op's first input; a constant is rounded to it, and so is each step, or a backend keeps
  more bits from a product to the sum that takes it. No step is left out, and none changes places with another: there
  is no fast mathematics, and NaN and infinities come out as IEEE 754 has them.
- `maximum` and `minimum` are NaN if either operand is; of 0 and -0 they may give either. `sign` of 0 is 0, of NaN NaN.
- A comparison gives a mask, False for NaN. Where a number is wanted a mask counts as 1 or 0 (the function `number`), so
  that a mask times infinity is NaN where the mask is False; `where` picks one of two numbers, whatever the other is.
- An input of whole numbers or of bools counts as those numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from inspect import signature
from typing import Any

from graphnet.compiler.errors import GraphError

_NUMBER, _MASK = "number", "mask"
_Kinds = tuple[tuple[str, ...], str]

LEAVES = ("input", "constant", "smallest")
"""Functions without operands: an input, a number, and the smallest normal number of the dtype."""

FUNCTIONS: dict[str, _Kinds] = {
    **dict.fromkeys(LEAVES, ((), _NUMBER)),
    **dict.fromkeys(("negative", "absolute", "sign", "floor", "sqrt", "exp", "exp2", "expm1", "log", "log1p", "tanh"),
                    ((_NUMBER,), _NUMBER)),
    **dict.fromkeys(("add", "subtract", "multiply", "divide", "maximum", "minimum", "copysign"),
                    ((_NUMBER, _NUMBER), _NUMBER)),
    **dict.fromkeys(("less", "less_equal", "greater", "greater_equal"), ((_NUMBER, _NUMBER), _MASK)),
    "logical_and": ((_MASK, _MASK), _MASK),
    "number": ((_MASK,), _NUMBER),
    "where": ((_MASK, _NUMBER, _NUMBER), _NUMBER),
}
"""The closed list: what each function takes and gives. The names are those of NumPy's functions where it has them."""

MASKS = frozenset(name for name, (_, gives) in FUNCTIONS.items() if gives == _MASK)
"""Functions that make masks."""


@dataclass(frozen=True, eq=False, slots=True)
class Expression:
    """A function of other expressions. Used in several places, it is computed once.

    Attributes:
        function: one of `FUNCTIONS`.
        operands: what it is applied to.
        value: of a constant its number, of an input its position; otherwise 0.
        dtype: of an input, what it is told in: a formula may take shorter approximations for the shorter dtype.
    """

    function: str
    operands: tuple[Expression, ...] = ()
    value: float = 0.0
    dtype: str = ""

    def __add__(self, other: Number) -> Expression:
        return apply("add", self, other)

    def __radd__(self, other: float) -> Expression:
        return apply("add", other, self)

    def __sub__(self, other: Number) -> Expression:
        return apply("subtract", self, other)

    def __rsub__(self, other: float) -> Expression:
        return apply("subtract", other, self)

    def __mul__(self, other: Number) -> Expression:
        return apply("multiply", self, other)

    def __rmul__(self, other: float) -> Expression:
        return apply("multiply", other, self)

    def __truediv__(self, other: Number) -> Expression:
        return apply("divide", self, other)

    def __rtruediv__(self, other: float) -> Expression:
        return apply("divide", other, self)

    def __neg__(self) -> Expression:
        return apply("negative", self)

    def __abs__(self) -> Expression:
        return apply("absolute", self)

    def __lt__(self, other: Number) -> Expression:
        return apply("less", self, other)

    def __le__(self, other: Number) -> Expression:
        return apply("less_equal", self, other)

    def __gt__(self, other: Number) -> Expression:
        return apply("greater", self, other)

    def __ge__(self, other: Number) -> Expression:
        return apply("greater_equal", self, other)

    def __and__(self, other: Expression) -> Expression:
        return apply("logical_and", self, other)

    def __bool__(self) -> bool:
        raise GraphError("an expression has no truth value: it stands for every element at once; "
                         "use where(mask, a, b) in place of `if`, and & in place of `and`")


Number = Expression | float
Expressions = tuple[Expression, ...]
SMALLEST = Expression("smallest")
"""The smallest normal number of the dtype: below it, quotients and logarithms are not to be trusted."""


def apply(function: str, *operands: Number) -> Expression:
    """A function of the closed list, applied; a mask among the operands becomes a number where one is wanted.

    Raises:
        GraphError: there is no such function, or it takes other operands.
    """
    kinds, _ = FUNCTIONS.get(function, ((), ""))
    if not kinds or len(operands) != len(kinds):
        raise GraphError(f"an expression has no function {function} of {len(operands)} operands; "
                         f"use one of {', '.join(FUNCTIONS)}")
    return Expression(function, tuple(_as_kind(kind, operand, function)
                                      for kind, operand in zip(kinds, operands, strict=True)))


def _as_kind(kind: str, operand: Number, function: str) -> Expression:
    if not isinstance(operand, Expression):
        operand = Expression("constant", (), float(operand))
    _, given = FUNCTIONS[operand.function]
    if given == kind:
        return operand
    if kind == _MASK:
        raise GraphError(f"{function} takes a mask, which a comparison makes, not the number {operand.function}")
    return Expression("number", (operand,))


def maximum(a: Number, b: Number) -> Expression:
    """The greater of two; NaN if either is."""
    return apply("maximum", a, b)


def minimum(a: Number, b: Number) -> Expression:
    """The smaller of two; NaN if either is."""
    return apply("minimum", a, b)


def where(mask: Expression, a: Number, b: Number) -> Expression:
    """The number a where the mask holds, else b."""
    return apply("where", mask, a, b)


def sign(x: Number) -> Expression:
    """1, 0 or -1."""
    return apply("sign", x)


def floor(x: Number) -> Expression:
    """The greatest whole number that is not greater."""
    return apply("floor", x)


def sqrt(x: Number) -> Expression:
    """√x."""
    return apply("sqrt", x)


def exp(x: Number) -> Expression:
    """eˣ."""
    return apply("exp", x)


def exp2(x: Number) -> Expression:
    """2ˣ."""
    return apply("exp2", x)


def expm1(x: Number) -> Expression:
    """eˣ - 1, exact near 0."""
    return apply("expm1", x)


def log(x: Number) -> Expression:
    """The natural logarithm."""
    return apply("log", x)


def log1p(x: Number) -> Expression:
    """log(1 + x), exact near 0."""
    return apply("log1p", x)


def tanh(x: Number) -> Expression:
    """The hyperbolic tangent."""
    return apply("tanh", x)


@dataclass(frozen=True, slots=True)
class Step:
    """A function of values with these numbers; `value` as in `Expression`."""

    function: str
    operands: tuple[int, ...]
    value: float = 0.0


@dataclass(frozen=True, eq=False)
class Formula:
    """An expression in steps. Step i makes the value with number i; the first steps are the inputs.

    Attributes:
        inputs: how many there are.
        steps: in an order in which each can be made.
        outputs: the numbers of the results, which are no masks.
    """

    inputs: int
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]

    def __str__(self) -> str:
        lines = [f"%{number} = {_text(step)}" for number, step in enumerate(self.steps)]
        return "\n".join([*lines, f"return {', '.join(f'%{value}' for value in self.outputs)}"])


def trace(function: Callable[..., Expression | Expressions], inputs: int, dtype: str = "float64") -> Formula:
    """What a function makes of so many inputs of a dtype, in steps; equal steps are made once.

    The operands of a step come before it from left to right, so whoever writes an expression decides about the order.
    Equal expressions give one and the same formula, so that what a backend makes of it can be kept.
    """
    given = tuple(Expression("input", (), position, dtype) for position in range(inputs))
    made: Any = function(*given)
    results = [_as_kind(_NUMBER, result, "an op") for result in (made if isinstance(made, tuple) else (made,))]
    numbers: dict[int, int] = {}
    known: dict[_Key, int] = {}
    for expression in _in_order((*given, *results)):
        operands = tuple([numbers[id(operand)] for operand in expression.operands])
        numbers[id(expression)] = known.setdefault((expression.function, operands, repr(expression.value)), len(known))
    return _formula(inputs, tuple(known), tuple(numbers[id(result)] for result in results))


def trace_method(owner: object, method: str, reference: str, dtype: str) -> Formula | None:
    """The formula of a method of an object for a dtype; None if it does not restate the method `reference`."""
    if not restates(type(owner), method, reference):
        return None
    return trace(getattr(owner, method), _count_parameters(getattr(type(owner), method)) - 1, dtype)


def restates(cls: type, method: str, reference: str) -> bool:
    """Whether a method, which a base declares, is defined and says what the method `reference` does.

    It does not where a subclass has redefined the latter alone.
    """
    said = [base for base in cls.__mro__ if method in vars(base)]
    meant = next(base for base in cls.__mro__ if reference in vars(base))
    return len(said) > 1 and issubclass(said[0], meant)


@cache
def _count_parameters(method: Callable[..., Any]) -> int:
    return len(signature(method).parameters)


_Key = tuple[str, tuple[int, ...], str]
"""A step with its value as text, which tells 0 from -0."""


@lru_cache(maxsize=1024)
def _formula(inputs: int, keys: tuple[_Key, ...], outputs: tuple[int, ...]) -> Formula:
    steps = tuple(Step(function, operands, float(value)) for function, operands, value in keys)
    return Formula(inputs, steps, outputs)


def _in_order(results: Expressions) -> Iterator[Expression]:
    """Every expression that the results are made of once, behind its operands. Not recursive, however deep they are."""
    waiting, seen = [(result, False) for result in reversed(results)], set[int]()
    while waiting:
        expression, ready = waiting.pop()
        if ready:
            yield expression
        elif id(expression) not in seen:
            seen.add(id(expression))
            waiting.append((expression, True))
            waiting += [(operand, False) for operand in reversed(expression.operands)]


def _text(step: Step) -> str:
    if step.function in ("constant", "input"):
        return f"{step.function} {step.value:g}"
    return " ".join([step.function, *(f"%{operand}" for operand in step.operands)])
