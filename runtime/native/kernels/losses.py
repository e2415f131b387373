"""Losses of rows of classes, the labels that they take, and the angle between vectors."""

from __future__ import annotations

from collections.abc import Callable

from graphnet.compiler import ops
from graphnet.compiler.ops.cosine_distance import SMALLEST
from graphnet.runtime.native.call import Call, emitter, floats, need
from graphnet.runtime.native.function import Function, vectors
from graphnet.runtime.native.lengths import measure
from graphnet.runtime.native.lines import Line, Lines, Place, by_line
from graphnet.runtime.native.machine import LANES
from graphnet.runtime.native.mathematics import exp, log
from graphnet.runtime.native.values import F32, Value

_FLOOR = 2.0 ** -126
"""What a probability counts as at least."""


def _is_chosen(of: Line, i: int) -> Callable[[Place], Value] | None:
    """A mask of the elements that class numbers, input i, choose; None if it is rows."""
    if of.lines.call.inputs[i].dtype == "float32":
        return None
    need(of.lines.extent <= 2 ** 24, "so many classes")
    numbers = of.own(i)
    return lambda at: of.f.test("oeq", at.number, numbers)


def _labels(of: Line, i: int) -> Callable[[Place], Value]:
    """Labels, input i, as rows."""
    chosen = _is_chosen(of, i)
    return lambda at: of.f.select(chosen(at), of.f.splat(1.0), 0.0) if chosen else at.x(i)


@by_line(ops.SoftmaxCrossEntropy)
def softmax_cross_entropy(of: Line) -> None:
    """log Σ exp(z - max) Σ t - Σ t (z - max), and the softmax. Of class numbers, only the z that they choose counts."""
    f, top, chosen = of.f, of.top(lambda at: at.x(0)), _is_chosen(of, 1)

    def shifted(at: Place) -> Value:
        return at.x(0) - top
    if chosen:
        weight, picked = None, of.total(lambda at: f.select(chosen(at), shifted(at), 0.0))
    else:
        weight, picked = of.total(lambda at: at.x(1)), of.total(lambda at: at.x(1), shifted)
    total = of.total(lambda at: at.put(exp(f, shifted(at)), 1))
    size, share = log(f, total), 1.0 / total
    of.give((size * weight if weight else size) - picked)
    of.over(lambda at: at.put(at.y(1) * share, 1))


@by_line(ops.SoftmaxCrossEntropyGrad, of=1)
def softmax_cross_entropy_grad(of: Line) -> None:
    """g (softmax Σ t - t)."""
    g, label = of.own(0), _labels(of, 2)
    weight = 1.0 if _is_chosen(of, 2) else of.total(label)
    of.over(lambda at: at.put((at.x(1) * weight - label(at)) * g))


@by_line(ops.CrossEntropy)
def cross_entropy(of: Line) -> None:
    """-Σ t log max(p, m). Of class numbers, one logarithm is wanted; but 0 times another is NaN if that is infinite."""
    f, chosen = of.f, _is_chosen(of, 1)

    def large(at: Place) -> Value:
        return f.greater(at.x(0), _FLOOR)
    if chosen:
        logarithm = log(f, of.total(lambda at: f.select(chosen(at), large(at), large(at) * 0.0)))
    else:
        logarithm = of.total(lambda at: at.x(1), lambda at: log(f, large(at)))
    of.give(logarithm * -1.0)


@by_line(ops.CrossEntropyGrad, of=1)
def cross_entropy_grad(of: Line) -> None:
    """-g t / p, and 0 where p < m."""
    f, g, label = of.f, of.own(0) * -1.0, _labels(of, 2)

    def place(at: Place) -> Value:
        p = at.x(1)
        return at.put(g * f.select(f.test("olt", p, _FLOOR), 0.0, label(at) / f.greater(p, _FLOOR)))
    of.over(place)


@by_line(ops.NegativeEntropy)
def negative_entropy(of: Line) -> None:
    """Σ t log t."""
    of.give(of.total(lambda at: at.x(0), lambda at: log(of.f, of.f.greater(at.x(0), _FLOOR))))


def _write_weights(f: Function, call: Call) -> None:
    """The weights of the classes as an array."""
    weights = call.op.weights
    if call.prepared:
        with f.one_thread():
            for c, _ in vectors(len(weights)):
                f.store(f.list_constant((*weights[c:c + LANES], *[0.0] * LANES)[:LANES], F32), call.prepared, c)


@emitter(ops.LabelRows, prepare=_write_weights, prepared=lambda call, _: -(-len(call.op.weights) // LANES) * LANES)
def label_rows(f: Function, call: Call) -> None:
    """w ((1 - s) t + s / C)."""
    floats(*call.outputs)
    op, weights = call.op, call.prepared

    def line(of: Line) -> None:
        label = _labels(of, 0)

        def place(at: Place) -> Value:
            row = label(at) * (1 - op.smoothing) + op.smoothing / op.classes
            return at.put(row * at.along_axis(weights) if weights else row)
        of.over(place)
    Lines(f, call, call.outputs[0]).each(line)


@by_line(ops.CosineDistance)
def cosine_distance(of: Line) -> None:
    """1 - Σ p̂ t̂."""
    of.give(1.0 - of.total(measure(of, 0, SMALLEST).unit, measure(of, 1, SMALLEST).unit))


@by_line(ops.CosineDistanceGrad, of=1)
def cosine_distance_grad(of: Line) -> None:
    """g (c p̂ - t̂) / ‖p‖ with c = Σ p̂ t̂; without c p̂ where ‖p‖ is too small to count."""
    g, p, t = of.own(0), measure(of, 1, SMALLEST), measure(of, 2, SMALLEST)
    along = of.total(p.unit, t.unit) * p.counts
    of.over(lambda at: at.put(g * (along * p.unit(at) - t.unit(at)) / p.length * p.shift))
