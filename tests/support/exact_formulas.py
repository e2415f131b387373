"""The right value of every element-wise op and every loss, from mpmath, and the largest summand where there are sums.

A formula takes numbers of mpmath and gives the value, or the value and the size of the largest summand of its sum. What
an element-wise op makes must be within 4 units in the last place of the value; and where it is a sum, or a loss is, of
the largest summand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from graphnet.compiler import ops
from graphnet.compiler.op import Op

Value = Any
Formula = Callable[..., Value]
ANY, SLOPE, SHARE, POSITIVE = "any", "± 1e-6 to 1e6", "1e-6 to 1", "≥ 0"
UNIT, SIGNED_UNIT, LABEL, SIGN = "[0, 1]", "[-1, 1]", "labels in [0, 1]", "labels ±1"
"""What an input is drawn from. The gradient of an element of a loss is its share of the mean."""


@dataclass(frozen=True)
class Exact:
    """An op with its formula, the domains of its inputs, and what it makes of -∞ and ∞ as its last input."""

    op: Op
    formula: Formula
    domains: tuple[str, ...]
    limits: tuple[float, float] | None = None

    def value(self, *numbers: Value) -> tuple[Value, Value]:
        """The value, and the size of what rounding is compared with."""
        made = self.formula(*numbers)
        value, summand = made if isinstance(made, tuple) else (made, made)
        return mp.mpf(value), abs(summand)


@dataclass(frozen=True)
class ExactRows:
    """An op of rows: `values` gives a value and the largest summand for each number that a row of inputs makes."""

    op: Op
    values: Callable[..., list[tuple[Value, Value]]]
    draw: Callable[[np.random.Generator, str, int], list[Any]]


def sigma(x: Value) -> Value:
    return 1 / (1 + mp.exp(-x))


def softplus(x: Value) -> Value:
    return mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x))


def phi(x: Value) -> Value:
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def normal(x: Value) -> Value:
    if abs(x) > 1000:
        return mp.mpf(x > 0)
    return mp.erfc(-x / mp.sqrt(2)) / 2


def cubic() -> Value:
    """0.044715, at the precision that is set."""
    return mp.mpf(44715) / 10**6


def inner(x: Value) -> Value:
    return mp.sqrt(8 / mp.pi) * (x + cubic() * x**3)


def total(*summands: Value) -> tuple[Value, Value]:
    """A sum, and its largest summand."""
    return mp.fsum(summands), max(abs(s) for s in summands)


def product(factor: Value, *summands: Value) -> tuple[Value, Value]:
    """A sum times a factor."""
    return total(*(factor * s for s in summands))


def elu(alpha: float, scale: float) -> Formula:
    return lambda x: mp.mpf(scale) * (x if x > 0 else mp.mpf(alpha) * mp.expm1(x))


def elu_grad(alpha: float, scale: float) -> Formula:
    return lambda g, y: g * mp.mpf(scale) if y > 0 else product(g, y, mp.mpf(alpha) * mp.mpf(scale))


_smallest: list[Value] = [mp.mpf(0)]


def set_smallest(dtype: str) -> None:
    """Says which dtype's smallest normal number formulas cut off at."""
    _smallest[0] = mp.mpf(float(np.finfo(dtype).tiny))


def log_of(p: Value) -> Value:
    return mp.log(max(p, _smallest[0]))


def log_rest(p: Value) -> Value:
    return mp.log1p(-p) if 1 - p > _smallest[0] else mp.log(_smallest[0])


def quotient(a: Value, b: Value) -> Value:
    return mp.mpf(0) if b < _smallest[0] else a / b


def binary(no: float, yes: float) -> Formula:
    return lambda p, t: total(-yes * t * log_of(p), -no * (1 - t) * log_rest(p))


def binary_grad(no: float, yes: float) -> Formula:
    return lambda g, p, t: product(g, no * quotient(1 - t, 1 - p), -yes * quotient(t, p))


def logits(no: float, yes: float) -> Formula:
    return lambda z, t: total(yes * t * softplus(-z), no * (1 - t) * softplus(z))


def logits_grad(no: float, yes: float) -> Formula:
    return lambda g, z, t: product(g, no * (1 - t) * sigma(z), -yes * t * sigma(-z))


def huber(delta: float) -> Formula:
    def loss(p: Value, t: Value) -> Value:
        d = abs(p - t)
        return d * d / 2 if d <= delta else delta * (d - mp.mpf(delta) / 2)
    return loss


INFINITY = float("inf")
SELU = (1.6732632423543772, 1.0507009873554805)

EXACT: tuple[Exact, ...] = (
    Exact(ops.Relu(), lambda x: max(x, mp.mpf(0)), (ANY,), (0, INFINITY)),
    Exact(ops.ReluGrad(), lambda g, y: g if y > 0 else mp.mpf(0), (SLOPE, ANY)),
    Exact(ops.LeakyRelu(0.3), lambda x: x if x > 0 else x * mp.mpf(0.3), (ANY,), (-INFINITY, INFINITY)),
    Exact(ops.LeakyReluGrad(0.3), lambda g, y: g if y > 0 else g * mp.mpf(0.3), (SLOPE, ANY)),
    Exact(ops.PRelu(1), lambda x, s: x if x > 0 else x * s, (ANY, ANY)),
    Exact(ops.PReluGrad(1), lambda g, x, s: g if x > 0 else g * s, (SLOPE, ANY, ANY)),
    Exact(ops.Elu(), elu(1, 1), (ANY,), (-1, INFINITY)),
    Exact(ops.Elu(*SELU), elu(*SELU), (ANY,)),
    Exact(ops.EluGrad(), elu_grad(1, 1), (SLOPE, ANY)),
    Exact(ops.EluGrad(*SELU), elu_grad(*SELU), (SLOPE, ANY)),
    Exact(ops.HardSigmoid(0.2), lambda x: total(x * mp.mpf(0.2), 0.5) if -2.5 < x < 2.5 else mp.mpf(x > 0), (ANY,),
          (0, 1)),
    Exact(ops.HardSigmoidGrad(0.2), lambda g, y: g * mp.mpf(0.2) if 0 < y < 1 else mp.mpf(0), (SLOPE, UNIT)),
    Exact(ops.Sigmoid(), sigma, (ANY,), (0, 1)),
    Exact(ops.SigmoidGrad(), lambda g, y: g * y * (1 - y), (SLOPE, UNIT)),
    Exact(ops.Tanh(), mp.tanh, (ANY,), (-1, 1)),
    Exact(ops.TanhGrad(), lambda g, y: g * (1 - y * y), (SLOPE, SIGNED_UNIT)),
    Exact(ops.Softplus(), softplus, (ANY,), (0, INFINITY)),
    Exact(ops.SoftplusGrad(), lambda g, y: -g * mp.expm1(-y), (SLOPE, POSITIVE)),
    Exact(ops.Softsign(), lambda x: x / (1 + abs(x)), (ANY,), (-1, 1)),
    Exact(ops.SoftsignGrad(), lambda g, y: g * (1 - abs(y))**2, (SLOPE, SIGNED_UNIT)),
    Exact(ops.Silu(), lambda x: x * sigma(x), (ANY,), (0, INFINITY)),
    Exact(ops.SiluGrad(), lambda g, x: product(g, sigma(x), x * sigma(x) * sigma(-x)), (SLOPE, ANY), (0, 1)),
    Exact(ops.Gelu(), lambda x: x * normal(x), (ANY,), (0, INFINITY)),
    Exact(ops.GeluGrad(), lambda g, x: product(g, normal(x), x * phi(x)), (SLOPE, ANY), (0, 1)),
    Exact(ops.Gelu(True), lambda x: x * sigma(inner(x)), (ANY,), (0, INFINITY)),
    Exact(ops.GeluGrad(True), lambda g, x: product(
        g, sigma(inner(x)), x * sigma(inner(x)) * sigma(-inner(x)) * mp.sqrt(8 / mp.pi) * (1 + 3 * cubic() * x * x)),
        (SLOPE, ANY), (0, 1)),
    Exact(ops.InverseRoot(1e-3), lambda x: 1 / mp.sqrt(x + mp.mpf(1e-3)), (POSITIVE,)),
    Exact(ops.InverseRootGrad(), lambda g, y: -g * y**3 / 2, (SLOPE, POSITIVE)),
    Exact(ops.Add(), total, (ANY, ANY)),
    Exact(ops.BiasAdd(-1), total, (ANY, ANY)),
    Exact(ops.Subtract(), lambda a, b: total(a, -b), (ANY, ANY)),
    Exact(ops.Multiply(), lambda a, b: a * b, (ANY, ANY)),
    Exact(ops.Scale(-0.3), lambda x: mp.mpf(-0.3) * x, (ANY,)),
    Exact(ops.ScaleAxis(-1), lambda x, s: x * s, (ANY, ANY)),
    Exact(ops.Copy(), lambda x: x, (ANY,)),
    Exact(ops.Maximum(), max, (ANY, ANY)),
    Exact(ops.Minimum(), min, (ANY, ANY)),
    Exact(ops.AbsoluteError(), lambda p, t: total(max(p, t), -min(p, t)), (ANY, ANY)),
    Exact(ops.AbsoluteErrorGrad(), lambda g, p, t: g * mp.sign(p - t), (SLOPE, ANY, ANY)),
    Exact(ops.Huber(0.7), huber(0.7), (ANY, ANY)),
    Exact(ops.HuberGrad(0.7), lambda g, p, t: g * max(min(p - t, mp.mpf(0.7)), -mp.mpf(0.7)), (SLOPE, ANY, ANY)),
    Exact(ops.Hinge(), lambda p, t: total(1, -t * p) if t * p < 1 else mp.mpf(0), (ANY, SIGN)),
    Exact(ops.HingeGrad(), lambda g, p, t: -g * t if t * p < 1 else mp.mpf(0), (SLOPE, ANY, SIGN)),
    Exact(ops.SmoothLabels(0.2), lambda t: t * mp.mpf(0.8) + mp.mpf(0.1), (LABEL,)),
    Exact(ops.BinaryCrossEntropy((0.5, 2.0)), binary(0.5, 2.0), (UNIT, LABEL)),
    Exact(ops.BinaryCrossEntropyGrad((0.5, 2.0)), binary_grad(0.5, 2.0), (SHARE, UNIT, LABEL)),
    Exact(ops.SigmoidCrossEntropy((0.7, 3.0)), logits(0.7, 3.0), (ANY, LABEL)),
    Exact(ops.SigmoidCrossEntropyGrad((0.7, 3.0)), logits_grad(0.7, 3.0), (SHARE, ANY, LABEL)),
)


def _numbers(rng: np.random.Generator, dtype: str, count: int) -> np.ndarray[Any, Any]:
    """Numbers of all sizes, a half of them where exponentials neither are 1 nor vanish."""
    info = np.finfo(dtype)
    low, high = np.log10(float(info.smallest_subnormal)), np.log10(float(info.max))
    size = np.concatenate([10 ** rng.uniform(low, high, count // 4), 10 ** rng.uniform(-4, 4, count // 4)])
    plain = rng.uniform(-1, 1, count - len(size)) * rng.choice([2, 16, 1.2 * abs(np.log(info.tiny))], count - len(size))
    return np.concatenate([size * rng.choice([-1, 1], len(size)), plain]).astype(dtype)


def draw(domain: str, rng: np.random.Generator, dtype: str, count: int) -> np.ndarray[Any, Any]:
    """So many numbers of a domain, in random order."""
    x = _numbers(rng, dtype, count)
    if domain == SHARE:
        x = (10 ** rng.uniform(-6, 0, count)).astype(dtype)
    if domain == SLOPE:
        x = (10 ** rng.uniform(-6, 6, count) * rng.choice([-1, 1], count)).astype(dtype)
    if domain == POSITIVE:
        x = abs(x)
    if domain in (UNIT, SIGNED_UNIT):
        inverse = 1 / np.where(abs(x) <= 1, 1, x)
        x = np.where(abs(x) <= 1, x, np.where(rng.random(count) < 0.5, inverse, np.sign(x) - inverse)).astype(dtype)
        x = abs(x) if domain == UNIT else x
    if domain == LABEL:
        x = rng.choice([0.0, 1.0, 0.25, 1 / 3], count).astype(dtype)
    if domain == SIGN:
        x = rng.choice([-1.0, 1.0], count).astype(dtype)
    return rng.permutation(x)


def _exact(row: Any) -> list[Value]:
    return [mp.mpf(x) for x in row]


def _softmax(z: list[Value]) -> tuple[list[Value], Value]:
    """The probabilities, and the logarithm of the sum of exp(z - max z)."""
    powers = [mp.exp(x - max(z)) for x in z]
    return [e / mp.fsum(powers) for e in powers], mp.log(mp.fsum(powers))


def softmax_cross_entropy(z: Any, t: Any) -> list[tuple[Value, Value]]:
    z, t = _exact(z), _exact(t)
    _, log_total = _softmax(z)
    terms = [(t_i * (max(z) - x), t_i * log_total) for x, t_i in zip(z, t, strict=True)]
    # exp(z - max z) is 1 once, in the sum that the logarithm is taken of
    return [(mp.fsum(a + b for a, b in terms), max(1, *(max(abs(a), abs(b)) for a, b in terms)))]


def softmax_cross_entropy_grad(g: Any, p: Any, t: Any) -> list[tuple[Value, Value]]:
    g, p, t = mp.mpf(g), _exact(p), _exact(t)
    whole = mp.fsum(t)
    return [product(g, p_i * whole, -t_i) for p_i, t_i in zip(p, t, strict=True)]


def cross_entropy(p: Any, t: Any) -> list[tuple[Value, Value]]:
    return [total(*(-t_i * log_of(p_i) for p_i, t_i in zip(_exact(p), _exact(t), strict=True)))]


def cross_entropy_grad(g: Any, p: Any, t: Any) -> list[tuple[Value, Value]]:
    made = [-mp.mpf(g) * quotient(t_i, p_i) for p_i, t_i in zip(_exact(p), _exact(t), strict=True)]
    return [(value, abs(value)) for value in made]


def negative_entropy(t: Any) -> list[tuple[Value, Value]]:
    return [total(*(t_i * log_of(t_i) for t_i in _exact(t)))]


def log_softmax(z: Any) -> list[tuple[Value, Value]]:
    z = _exact(z)
    _, log_total = _softmax(z)
    return [(x - max(z) - log_total, max(1, max(z) - x, log_total)) for x in z]


def cosine_distance(p: Any, t: Any) -> list[tuple[Value, Value]]:
    p, t = _exact(p), _exact(t)
    lengths = mp.sqrt(mp.fsum(x * x for x in p)) * mp.sqrt(mp.fsum(x * x for x in t))
    return [total(1, *(-a * b / lengths for a, b in zip(p, t, strict=True)))]


def _logits(rng: np.random.Generator, dtype: str, count: int) -> Any:
    return (rng.normal(0, 1, (count, 4)) * 10 ** rng.uniform(-2, 3, (count, 1))).astype(dtype)


def _chances(rng: np.random.Generator, dtype: str, count: int) -> Any:
    p = np.exp(-10 ** rng.uniform(-3, 2.5, (count, 4)))
    return (p / p.sum(-1, keepdims=True)).astype(dtype)


def _targets(rng: np.random.Generator, dtype: str, count: int) -> Any:
    rows = np.where(rng.random((count, 1)) < 0.5, np.eye(4)[rng.integers(0, 4, count)], [[0.5, 0.25, 0.25, 0]])
    return rows.astype(dtype)


def _shares(rng: np.random.Generator, dtype: str, count: int) -> Any:
    return (10 ** rng.uniform(-6, 0, count)).astype(dtype)


def _drawing(*kinds: Callable[[np.random.Generator, str, int], Any]) -> Callable[..., list[Any]]:
    return lambda rng, dtype, count: [kind(rng, dtype, count) for kind in kinds]


ROWS: tuple[ExactRows, ...] = (
    ExactRows(ops.SoftmaxCrossEntropy(), softmax_cross_entropy, _drawing(_logits, _targets)),
    ExactRows(ops.SoftmaxCrossEntropyGrad(), softmax_cross_entropy_grad, _drawing(_shares, _chances, _targets)),
    ExactRows(ops.CrossEntropy(), cross_entropy, _drawing(_chances, _targets)),
    ExactRows(ops.CrossEntropyGrad(), cross_entropy_grad, _drawing(_shares, _chances, _targets)),
    ExactRows(ops.NegativeEntropy(), negative_entropy, _drawing(_chances)),
    ExactRows(ops.LogSoftmax(-1), log_softmax, _drawing(_logits)),
    ExactRows(ops.CosineDistance(), cosine_distance, _drawing(_logits, _logits)),
)
