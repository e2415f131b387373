"""Formulas of element-wise ops as instructions on vectors or scalars, and chains of such ops.

`compiler/expression.py` says what formulas mean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial

from graphnet.compiler.expression import Formula, Step
from graphnet.compiler.op import formula_of
from graphnet.compiler.ops.fused import Fused
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.values import VEC, Value
from graphnet.runtime.native.emit import mathematics
from graphnet.runtime.native.emit.call import Call, Unsupported, need

_Write = Callable[..., Value]
Load = Callable[[int], Value]
"""The value that input i of the call has at a place, as a vector: of a bias, spread; of an array, what is there."""
_SMALLEST = 2.0 ** -126

_WRITE: Mapping[str, _Write] = {
    "negative": lambda f, x: _negative(f, x),
    **{name: partial(lambda called, f, *x: f.intrinsic(called, *x), called) for name, called in (
        ("absolute", "fabs"), ("floor", "floor"), ("sqrt", "sqrt"), ("copysign", "copysign"))},
    "add": lambda f, x, y: x + y,
    "subtract": lambda f, x, y: x - y,
    "multiply": lambda f, x, y: x * y,
    "divide": lambda f, x, y: x / y,
    "maximum": lambda f, x, y: f.greater(x, y),
    "minimum": lambda f, x, y: f.smaller(x, y),
    **{name: partial(lambda how, f, x, y: f.test(how, x, y), how) for name, how in (
        ("less", "olt"), ("less_equal", "ole"), ("greater", "ogt"), ("greater_equal", "oge"))},
    "logical_and": lambda f, a, b: f.bitwise("and", a, b),
    "where": lambda f, mask, a, b: f.select(mask, a, b),
    **{name: getattr(mathematics, name) for name in mathematics.FUNCTIONS},
}


def write_formula(f: Function, formula: Formula, inputs: Sequence[Value]) -> list[Value]:
    """The results of a formula of these values, all of one type of floats.

    A product that only one sum takes is joined to it, so that it is not rounded before.
    """
    type = inputs[0].type if inputs else VEC
    joined = _joined(formula)
    values: list[Value] = []
    for number, step in enumerate(formula.steps):
        operands = [values[operand] for operand in step.operands]
        if step.function == "input":
            values.append(inputs[int(step.value)])
        elif step.function in ("constant", "smallest"):
            values.append(f.constant(step.value if step.function == "constant" else _SMALLEST, type))
        elif step.function == "number":
            values.append(f.select(operands[0], f.constant(1.0, type), 0.0))
        elif number in joined:
            product = [values[factor] for factor in formula.steps[joined[number]].operands]
            values.append(_join(f, step, product, joined[number], operands))
        elif number in joined.values():
            values.append(operands[0])  # nobody reads it
        else:
            need(step.function in _WRITE, f"the function {step.function} has no native form")
            values.append(_WRITE[step.function](f, *operands))
    return [values[number] for number in formula.outputs]


@cache
def _joined(formula: Formula) -> dict[int, int]:
    """Sums and differences by the number of the product among their operands that is used there alone."""
    uses = Counter([*formula.outputs, *(operand for step in formula.steps for operand in step.operands)])
    alone = {n for n, step in enumerate(formula.steps) if step.function == "multiply" and uses[n] == 1}
    return {n: next(operand for operand in step.operands if operand in alone)
            for n, step in enumerate(formula.steps)
            if step.function in ("add", "subtract") and not alone.isdisjoint(step.operands)}


def _join(f: Function, step: Step, product: Sequence[Value], place: int, operands: Sequence[Value]) -> Value:
    """a · b ± c, or c ± a · b, rounded once."""
    a, b = product
    first = step.operands[0] == place
    other = operands[1 if first else 0]
    if step.function == "subtract":
        a, other = (a, _negative(f, other)) if first else (_negative(f, a), other)
    return f.fma(a, b, other)


def _negative(f: Function, x: Value) -> Value:
    return f.instruction(f"fneg {x.type}", x)


class Tail:
    """The epilogue of a fused op, or of an op that has none; with its `root`, all of an element-wise op.

    It reads the inputs of the call at the positions `inputs`, besides what the root, or the pooling behind it, makes.
    Its expressions have so many `steps`; it `computes` if that is more than taking what is there.

    Raises:
        Unsupported: an op has no formula, or there are sums behind a root of another kind.
    """

    def __init__(self, f: Function, call: Call, root: bool = False) -> None:
        op, given = call.op, list(range(len(call.inputs)))
        self._f, chain = f, [(op, tuple(given), -1)]
        if isinstance(op, Fused):
            need(root or not op.sums, "sums behind such a root")
            chain = [(node.op, node.inputs, node.outputs[0]) for node in op.chain]
            given = [item.value for item in op.body.inputs]
        behind = 0 if root else 2 if call.pool else 1
        self._first, self._made, self._nodes = chain[0][1][0], chain[max(behind - 1, 0)][2], chain[behind:]
        self._reads = {i: [each for each, taken, _ in self._nodes if value in taken] for i, value in enumerate(given)}
        self._values, self.inputs = given, [i for i, readers in self._reads.items() if readers]
        self._formulas = [formula_of(each, "float32") for each, _, _ in self._nodes]
        self.steps = sum(len(formula.steps) for formula in self._formulas if formula)
        self.computes = self.steps > len(self._nodes)

    @property
    def first(self) -> int:
        """The position of the root's first input."""
        return self._values.index(self._first)

    def axis(self, i: int) -> int | None:
        """Along which axis of the result input i lies if it has but one."""
        axes = {getattr(op, "axis", None) for op in self._reads[i]}
        return axes.pop() if len(axes) == 1 else None

    def __call__(self, value: Value | None, load: Load) -> Value:
        """What becomes of a vector that the root made."""
        known = {self._values[i]: load(i) for i in self.inputs} | ({} if value is None else {self._made: value})
        for formula, (op, taken, made) in zip(self._formulas, self._nodes, strict=True):
            if formula is None:
                raise Unsupported(f"{op.name} has no expression")
            (value,) = write_formula(self._f, formula, [known[v] for v in taken])
            known[made] = value
        if value is None:
            raise Unsupported("a chain without an op")
        return value
