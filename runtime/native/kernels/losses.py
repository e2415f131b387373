"""Rows: losses of classes, the labels that they take, the angle between vectors; softmax, and scaling to length 1."""

from __future__ import annotations

from collections.abc import Callable

from graphnet.compiler import ops
from graphnet.compiler.ops.cosine_distance import SMALLEST
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.values import F32, Value
from graphnet.runtime.native.emit.call import Call, emitter, floats, need
from graphnet.runtime.native.emit.lines import along, by_line, measure, whole, whole_vectors, write_constants
from graphnet.runtime.native.emit.mathematics import exp, log
from graphnet.runtime.native.emit.views import View
from graphnet.runtime.native.emit.walk import Group, Place

_FLOOR = 2.0 ** -126
"""What a probability counts as at least."""


def own_class(of: Group, i: int) -> Value | None:
    """The class number of a line, input i, as a float; None if it is rows."""
    need(of.extent <= 2 ** 24, "so many classes")
    value = of.walk.views[i].element != F32 and of.own(i)
    return of.f.convert("sitofp", whole(of.f, value), F32) if value else None


def _is_chosen(of: Group, i: int) -> Callable[[Place], Value] | None:
    """A mask of the elements that class numbers, input i, choose; None if it is rows."""
    numbers = own_class(of, i)
    return (lambda at: of.f.test("oeq", at.number, numbers)) if numbers else None


def _labels(of: Group, i: int) -> Callable[[Place], Value]:
    """Labels, input i, as rows."""
    chosen = _is_chosen(of, i)
    return lambda at: of.f.select(chosen(at), of.f.splat(1.0), 0.0) if chosen else at.x(i)


@by_line(ops.SoftmaxCrossEntropy)
def softmax_cross_entropy(of: Group, call: Call) -> None:
    """log Σ exp(z - max) Σ t - Σ t (z - max), and the softmax. Of class numbers, only the z that they choose counts."""
    f, top, chosen = of.f, of.top(lambda at: at.x(0)), _is_chosen(of, 1)

    def shifted(at: Place) -> Value:
        return at.x(0) - top
    if chosen:
        weight, picked = None, of.total(lambda at: f.select(chosen(at), shifted(at), 0.0))
    else:
        weight, picked = of.totals([lambda at: at.x(1)], [lambda at: at.x(1), shifted])
    total = of.total(lambda at: at.put(exp(f, shifted(at)), 1))
    size, share = log(f, total), 1.0 / total
    of.give((size * weight if weight else size) - picked)
    of.over(lambda at: at.put(at.y(1) * share, 1))


@by_line(ops.SoftmaxCrossEntropyGrad, of=1)
def softmax_cross_entropy_grad(of: Group, call: Call) -> None:
    """g (softmax Σ t - t)."""
    g, label = of.own(0), _labels(of, 2)
    weight = of.total(label) if call.inputs[2].dtype == "float32" else 1.0
    of.over(lambda at: at.put((at.x(1) * weight - label(at)) * g))


@by_line(ops.CrossEntropy)
def cross_entropy(of: Group, call: Call) -> None:
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
def cross_entropy_grad(of: Group, call: Call) -> None:
    """-g t / p, and 0 where p < m."""
    f, g, label = of.f, of.own(0) * -1.0, _labels(of, 2)
    of.over(lambda at: at.put(g * f.select(f.test("olt", at.x(1), _FLOOR), 0.0,
                                           label(at) / f.greater(at.x(1), _FLOOR))))


@by_line(ops.NegativeEntropy)
def negative_entropy(of: Group, call: Call) -> None:
    """Σ t log t."""
    of.give(of.total(lambda at: at.x(0), lambda at: log(of.f, of.f.greater(at.x(0), _FLOOR))))


def _write_weights(f: Function, call: Call) -> None:
    """The weights of the classes as an array."""
    if call.prepared:
        with f.one_thread():
            write_constants(f, call.prepared, call.op.weights)


@emitter(ops.LabelRows, prepare=_write_weights, prepared=lambda call, _: whole_vectors(len(call.op.weights)))
def label_rows(f: Function, call: Call) -> None:
    """w ((1 - s) t + s / C)."""
    floats(*call.outputs)
    op, (form,), weights = call.op, call.outputs, call.prepared
    more = [View(weights, F32, (*[0] * (len(form.shape) - 1), 1))] if weights else []

    def line(of: Group) -> None:
        label = _labels(of, 0)

        def row(at: Place) -> Value:
            made: Value = label(at) * (1 - op.smoothing) + op.smoothing / op.classes
            return made * at.x(1) if more else made
        of.over(lambda at: at.put(row(at)))
    along(f, call, form, more=more, gathered=True).each(line)


@by_line(ops.CosineDistance)
def cosine_distance(of: Group, call: Call) -> None:
    """1 - Σ p̂ t̂."""
    of.give(1.0 - of.total(measure(of, 0, SMALLEST).unit, measure(of, 1, SMALLEST).unit))


@by_line(ops.CosineDistanceGrad, of=1)
def cosine_distance_grad(of: Group, call: Call) -> None:
    """g (c p̂ - t̂) / ‖p‖ with c = Σ p̂ t̂; without c p̂ where ‖p‖ is too small to count."""
    g, p, t = of.own(0), measure(of, 1, SMALLEST), measure(of, 2, SMALLEST)
    along = of.total(p.unit, t.unit) * p.counts
    of.over(lambda at: at.put(g * (along * p.unit(at) - t.unit(at)) / p.length * p.shift))


# Softmax and lengths -------------------------------------------------------------------------------------------------


@by_line(ops.Softmax)
def softmax(of: Group, call: Call) -> None:
    """exp(x - max) / Σ. A NaN, which is no maximum, comes into all elements by way of the sum."""
    top = of.top(lambda at: at.x(0))
    share = 1.0 / of.total(lambda at: at.put(exp(of.f, at.x(0) - top)))
    of.over(lambda at: at.put(at.y() * share))


@by_line(ops.SoftmaxGrad)
def softmax_grad(of: Group, call: Call) -> None:
    """y (g - Σ g y)."""
    pull = of.total(lambda at: at.x(0), lambda at: at.x(1))
    of.over(lambda at: at.put(at.x(1) * (at.x(0) - pull)))


@by_line(ops.LogSoftmax)
def log_softmax(of: Group, call: Call) -> None:
    """(x - max) - log Σ exp(x - max)."""
    top = of.top(lambda at: at.x(0))
    total = log(of.f, of.total(lambda at: exp(of.f, at.x(0) - top)))
    of.over(lambda at: at.put(at.x(0) - top - total))


@by_line(ops.LogSoftmaxGrad)
def log_softmax_grad(of: Group, call: Call) -> None:
    """g - exp(y) Σ g."""
    total = of.total(lambda at: at.x(0))
    of.over(lambda at: at.put(at.x(0) - exp(of.f, at.x(1)) * total))


@by_line(ops.UnitLength)
def unit_length(of: Group, call: Call) -> None:
    """x / max(‖x‖, ε)."""
    x = measure(of, 0, call.op.epsilon)
    of.over(lambda at: at.put(x.unit(at)))


@by_line(ops.UnitLengthGrad)
def unit_length_grad(of: Group, call: Call) -> None:
    """(g - x̂ Σ g x̂) / ‖x‖, and without the second term where ‖x‖ < ε."""
    x = measure(of, 1, call.op.epsilon)
    pull = of.total(lambda at: at.x(0), x.unit) * x.counts
    of.over(lambda at: at.put((at.x(0) - x.unit(at) * pull) / x.length * x.shift))
