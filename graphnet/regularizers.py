"""Regularizers: what weights or activations add to the loss.

The reported loss holds these terms, and the gradients are those of the reported loss. Layers take them for their
weights and activations; `gn.compile(…, regularizer=…)` takes one for a whole model.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from graphnet.common.answers import answer_names
from graphnet.common.checks import check_number
from graphnet.common.frozen import Kept
from graphnet.common.registry import Registry
from graphnet.compiler import ops
from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.ir import Graph
from graphnet.compiler.roles import DECAYED, roles_by_value

__all__ = ["L1", "L1L2", "L2", "REGULARIZERS", "Regularizer"]
answer_names(globals())


@dataclass(frozen=True)
class Regularizer(Kept):
    """Base of all regularizers: λ₁ Σ |w| + λ₂ Σ w² over the elements w of a weight or an activation.

    One of your own is a frozen dataclass with `shares`, registered by `@gn.regularizers.REGULARIZERS.register()`.

    Keras / PyTorch: `regularizers.Regularizer` / –, where one adds to the loss what one wants. Keras's loss holds the
    terms too.

    Example:
        >>> x = gn.Input((2,))
        >>> y = gn.layers.Dense(1, kernel_initializer="ones")(x)
        >>> penalty = gn.regularizers.L2(0.5)  # for all kernels of a model
        >>> net = gn.compile(gn.Model(x, y), loss="mse", regularizer=penalty)
        >>> net.loss_and_gradients([[0, 0]], [[0]])[1]["dense/weight"].tolist()
        [[1.0], [1.0]]
    """

    _instead = "a regularizer stays as it was declared: declare a new {kind} and layers with it, kernel_regularizer=…"

    @property
    @abstractmethod
    def shares(self) -> tuple[float, float]:
        """λ₁ and λ₂."""

    def emit(self, b: Builder, value: int, per_sample: bool = False) -> int:
        """Adds the penalty of a value and returns its id, a scalar.

        Args:
            b: where the node goes.
            value: id of a weight or an activation.
            per_sample: whether to divide by the number of samples, as for activations.
        """
        return b.add(ops.Penalty(*self.shares, per_sample), value)

    def _check(self, *names: str) -> None:
        numbers = {name: check_number(type(self).__name__, name, getattr(self, name), 0) for name in names}
        if not any(self.shares):
            raise ArgumentError(type(self).__name__, names[0], getattr(self, names[0]),
                                "it must be greater than 0; for no regularization give None")
        for name, number in numbers.items():
            self.keep(name, number)


REGULARIZERS: Registry[Regularizer] = Registry("a Regularizer such as L2(1e-4)", "Regularizers by name")
"""All regularizers by name; `.names` lists them, and `@REGULARIZERS.register()` above a class of your own adds it."""


@REGULARIZERS.register()
@dataclass(frozen=True)
class L1(Regularizer):
    """λ₁ Σ |w|, whose derivative at 0 is taken to be 0; makes weights sparse (Tibshirani 1996).

    Keras / PyTorch: `regularizers.L1` / –, where one adds `l1 * w.abs().sum()` to the loss.

    Args:
        l1: λ₁ > 0.

    Example:
        >>> x = gn.Input((3,))
        >>> y = gn.layers.Dense(1, kernel_initializer="ones",
        ...     kernel_regularizer=gn.regularizers.L1(0.5))(x)
        >>> net = gn.compile(gn.Model(x, y), loss="mse")
        >>> net.evaluate([[0, 0, 0]], [[0]])  # 0.5 · (|1| + |1| + |1|)
        {'loss': 1.5}
    """

    l1: float = 0.01

    def __post_init__(self) -> None:
        self._check("l1")

    @property
    def shares(self) -> tuple[float, float]:
        """λ₁ and 0."""
        return float(self.l1), 0.0


@REGULARIZERS.register()
@dataclass(frozen=True)
class L2(Regularizer):
    """λ₂ Σ w², with the gradient 2 λ₂ w (ridge regression, Hoerl and Kennard 1970).

    Keras / PyTorch: `regularizers.L2` / –, where `weight_decay=d` of SGD and Adam is `L2(d / 2)` here: there is no
    factor ½, as in Keras. PyTorch decays biases too, and its decay is not part of the loss that is reported.

    Args:
        l2: λ₂ > 0.

    Example:
        >>> x = gn.Input((3,))
        >>> y = gn.layers.Dense(1, kernel_initializer="ones",
        ...     kernel_regularizer=gn.regularizers.L2(0.5))(x)
        >>> net = gn.compile(gn.Model(x, y), loss="mse")
        >>> net.evaluate([[0, 0, 0]], [[0]])  # 0.5 · (1² + 1² + 1²)
        {'loss': 1.5}
    """

    l2: float = 0.01

    def __post_init__(self) -> None:
        self._check("l2")

    @property
    def shares(self) -> tuple[float, float]:
        """0 and λ₂."""
        return 0.0, float(self.l2)


@REGULARIZERS.register("l1_l2")
@dataclass(frozen=True)
class L1L2(Regularizer):
    """λ₁ Σ |w| + λ₂ Σ w² (the elastic net, Zou and Hastie 2005).

    Keras / PyTorch: `regularizers.L1L2` / –. Keras's defaults are 0 each, so that `L1L2(l2=0.1)` has no λ₁ there.

    Args:
        l1: λ₁ ≥ 0.
        l2: λ₂ ≥ 0; one of the two is greater than 0.

    Example:
        >>> x = gn.Input((3,))
        >>> y = gn.layers.Dense(1, kernel_initializer="ones",
        ...     kernel_regularizer=gn.regularizers.L1L2(l1=0.5, l2=0.25))(x)
        >>> net = gn.compile(gn.Model(x, y), loss="mse")
        >>> net.evaluate([[0, 0, 0]], [[0]])  # 0.5 · 3 + 0.25 · 3
        {'loss': 2.25}
    """

    l1: float = 0.01
    l2: float = 0.01

    def __post_init__(self) -> None:
        self._check("l1", "l2")

    @property
    def shares(self) -> tuple[float, float]:
        """λ₁ and λ₂."""
        return float(self.l1), float(self.l2)


def regularize(graph: Graph, regularizer: Regularizer) -> Graph:
    """The graph with a penalty for each trainable weight with one of the `DECAYED` roles, on top of those of layers.

    Biases, the scales and shifts of normalizations and slopes are left alone, of whatever shape they are.
    """
    b, roles = Builder(graph.name, graph), roles_by_value(graph)
    for p in graph.parameters:
        if p.trainable and roles[p.value] in DECAYED:
            with b.at(p.origin):
                b.penalty(f"{p.name}:regularizer", regularizer.emit(b, p.value))
    return b.build(graph.outputs)
