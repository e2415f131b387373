"""Softmax, its logarithm, and scaling to length 1, each along any axis."""

from __future__ import annotations

from graphnet.compiler import ops
from graphnet.runtime.native.lengths import measure
from graphnet.runtime.native.lines import Line, by_line
from graphnet.runtime.native.mathematics import exp, log


@by_line(ops.Softmax)
def softmax(of: Line) -> None:
    """exp(x - max) / Σ. A NaN, which is no maximum, comes into all elements by way of the sum."""
    top = of.top(lambda at: at.x(0))
    share = 1.0 / of.total(lambda at: at.put(exp(of.f, at.x(0) - top)))
    of.over(lambda at: at.put(at.y() * share))


@by_line(ops.SoftmaxGrad)
def softmax_grad(of: Line) -> None:
    """y (g - Σ g y)."""
    pull = of.total(lambda at: at.x(0), lambda at: at.x(1))
    of.over(lambda at: at.put(at.x(1) * (at.x(0) - pull)))


@by_line(ops.LogSoftmax)
def log_softmax(of: Line) -> None:
    """(x - max) - log Σ exp(x - max)."""
    top = of.top(lambda at: at.x(0))
    total = log(of.f, of.total(lambda at: exp(of.f, at.x(0) - top)))
    of.over(lambda at: at.put(at.x(0) - top - total))


@by_line(ops.LogSoftmaxGrad)
def log_softmax_grad(of: Line) -> None:
    """g - exp(y) Σ g."""
    total = of.total(lambda at: at.x(0))
    of.over(lambda at: at.put(at.x(0) - exp(of.f, at.x(1)) * total))


@by_line(ops.UnitLength)
def unit_length(of: Line) -> None:
    """x / max(‖x‖, ε)."""
    x = measure(of, 0, of.lines.call.op.epsilon)
    of.over(lambda at: at.put(x.unit(at)))


@by_line(ops.UnitLengthGrad)
def unit_length_grad(of: Line) -> None:
    """(g - x̂ Σ g x̂) / ‖x‖, and without the second term where ‖x‖ < ε."""
    x = measure(of, 1, of.lines.call.op.epsilon)
    pull = of.total(lambda at: at.x(0), x.unit) * x.counts
    of.over(lambda at: at.put((at.x(0) - x.unit(at) * pull) / x.length * x.shift))
