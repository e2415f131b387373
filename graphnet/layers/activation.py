"""Activation functions as layers; `activation="relu"` in other layers names them too.

PReLU, which has a weight, stands in `prelu.py`.
"""

from __future__ import annotations

from typing import ClassVar

from graphnet.common.checks import check_flag, check_number
from graphnet.common.registry import Registry
from graphnet.compiler import ops
from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.op import Op
from graphnet.declare.emitter import Emitter
from graphnet.declare.layer import SimpleLayer
from graphnet.layers.axis import check_axis_argument, resolve_axis

__all__ = [
    "ELU", "GELU", "SELU", "HardSigmoid", "LeakyReLU", "LogSoftmax", "Mish", "ReLU", "SiLU", "Sigmoid", "Softmax",
    "Softplus", "Softsign", "Tanh",
]


class ActivationLayer(SimpleLayer):
    """Base of layers that other layers can take as their `activation`. Without weights; the shape stays."""

    op: ClassVar[Op]

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the op."""
        return b.add(self.op, x)


ACTIVATIONS: Registry[ActivationLayer] = Registry("an activation layer such as ReLU()", "Activations by name")


def resolve_activation(owner: str, value: object) -> ActivationLayer | None:
    """The activation that an argument stands for; None is none.

    Raises:
        ArgumentError: it is neither an activation layer nor the name of one, or it has a name, which would be lost.
    """
    if value is None:
        return None
    activation = ACTIVATIONS.resolve(owner, "activation", value)
    if activation.name is not None:
        raise ArgumentError(owner, "activation", value, f"inside {owner} it has no name of its own: leave the name "
                                                        "out, or place the activation behind the layer")
    return activation


@ACTIVATIONS.register()
class ReLU(ActivationLayer):
    """y = max(x, 0); the gradient at 0 is 0 (Nair and Hinton 2010)."""

    op = ops.Relu()


@ACTIVATIONS.register()
class Sigmoid(ActivationLayer):
    """y = 1 / (1 + exp(-x))."""

    op = ops.Sigmoid()


@ACTIVATIONS.register()
class Tanh(ActivationLayer):
    """y = tanh(x)."""

    op = ops.Tanh()


@ACTIVATIONS.register()
class Softplus(ActivationLayer):
    """y = log(1 + exp(x)) (Dugas et al. 2001), for every x; PyTorch's is y = x from x = 20 on."""

    op = ops.Softplus()


@ACTIVATIONS.register()
class Softsign(ActivationLayer):
    """y = x / (1 + |x|) (Turian, Bergstra and Bengio 2009)."""

    op = ops.Softsign()


@ACTIVATIONS.register("swish")
class SiLU(ActivationLayer):
    """y = x / (1 + exp(-x)) (Hendrycks and Gimpel 2016); also known as Swish."""

    op = ops.Silu()


@ACTIVATIONS.register()
class Mish(ActivationLayer):
    """y = x · tanh(log(1 + exp(x))) (Misra 2019, eq. 1).

    Composed of ops that are there, so it needs none of its own: the compiler derives its gradient and fuses the three.
    """

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the ops."""
        return b.add(ops.Multiply(), x, b.add(ops.Tanh(), b.add(ops.Softplus(), x)))


@ACTIVATIONS.register()
class SELU(ActivationLayer):
    """y = λ x where x > 0, else λ α (exp(x) - 1) (Klambauer et al. 2017, eq. 2).

    λ and α keep mean 0 and variance 1 from layer to layer, if the weights have mean 0 and variance 1 / fan-in (the
    initializer "lecun_normal").
    """

    op = ops.Elu(alpha=1.6732632423543772, scale=1.0507009873554805)


@ACTIVATIONS.register()
class HardSigmoid(ActivationLayer):
    """y = x / 6 + 1/2, kept between 0 and 1; as PyTorch and Keras 3 have it.

    Keras 2 had slope 0.2 instead of 1/6. The gradient at the kinks is 0.

    Args:
        slope: > 0; 0.2 for models from Keras 2.
        name: unique in a model.
    """

    def __init__(self, slope: float = 1 / 6, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.slope = check_number(self.kind, "slope", slope, above=0)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the op."""
        return b.add(ops.HardSigmoid(self.slope), x)


@ACTIVATIONS.register()
class LeakyReLU(ActivationLayer):
    """y = x where x > 0, else slope · x (Maas, Hannun and Ng 2013). The gradient at 0 is the slope.

    Args:
        slope: ≥ 0. The default is PyTorch's; Keras has 0.3.
        name: unique in a model.
    """

    def __init__(self, slope: float = 0.01, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.slope = check_number(self.kind, "slope", slope, 0)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the op."""
        return b.add(ops.LeakyRelu(self.slope), x)


@ACTIVATIONS.register()
class ELU(ActivationLayer):
    """y = x where x > 0, else alpha (exp(x) - 1) (Clevert, Unterthiner and Hochreiter 2016, eq. 15).

    Args:
        alpha: ≥ 0; the gradient at 0.
        name: unique in a model.
    """

    def __init__(self, alpha: float = 1.0, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.alpha = check_number(self.kind, "alpha", alpha, 0)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the op."""
        return b.add(ops.Elu(self.alpha), x)


@ACTIVATIONS.register()
class GELU(ActivationLayer):
    """y = x Φ(x), Φ the standard normal distribution (Hendrycks and Gimpel 2016).

    Args:
        approximate: True for x / 2 · (1 + tanh(√(2/π) (x + 0.044715 x³))), which differs by 5e-4 at most and is faster;
            PyTorch's `approximate="tanh"`.
        name: unique in a model.
    """

    def __init__(self, approximate: bool = False, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.approximate = check_flag(self.kind, "approximate", approximate)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the op."""
        return b.add(ops.Gelu(self.approximate), x)


class _AlongAxis(ActivationLayer):
    """An activation that joins the elements along an axis."""

    along: ClassVar[type[ops.Softmax | ops.LogSoftmax]]

    def __init__(self, axis: int = -1, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.axis = check_axis_argument(self.kind, axis)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the op."""
        return b.add(self.along(resolve_axis(self.kind, self.axis, b.types[x])), x)


@ACTIVATIONS.register()
class Softmax(_AlongAxis):
    """y_i = exp(x_i) / Σ_j exp(x_j) over `axis` (Bridle 1990).

    Args:
        axis: counted with the batch as 0, which it must not be; -1 is the last.
        name: unique in a model.
    """

    along = ops.Softmax


@ACTIVATIONS.register()
class LogSoftmax(_AlongAxis):
    """y_i = x_i - log Σ_j exp(x_j) over `axis`, computed so that it neither overflows nor becomes -∞.

    Args:
        axis: counted with the batch as 0, which it must not be; -1 is the last.
        name: unique in a model.
    """

    along = ops.LogSoftmax
