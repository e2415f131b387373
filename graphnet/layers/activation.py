"""Activation functions as layers; `activation="relu"` in other layers names them too.

Those that join the elements along an axis stand in `softmax.py`, PReLU, which has a weight, in `prelu.py`.
"""

from __future__ import annotations

from numbers import Integral
from typing import ClassVar

from graphnet.common.checks import check_flag, check_number
from graphnet.common.registry import Registry
from graphnet.compiler import ops
from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.op import Op
from graphnet.declare.emitter import Emitter
from graphnet.declare.layer import Layer, SimpleLayer

__all__ = [
    "ELU", "GELU", "SELU", "HardSigmoid", "LeakyReLU", "Mish", "ReLU", "SiLU", "Sigmoid", "Softplus", "Softsign",
    "Tanh",
]


class ActivationLayer(SimpleLayer):
    """Base of layers that other layers can take as their `activation`. Without weights; the shape stays."""

    op: ClassVar[Op]

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the op."""
        return b.add(self.op, x)


ACTIVATIONS: Registry[ActivationLayer] = Registry("an activation layer such as ReLU()", "Activations by name")


def resolve_activation(owner: str, value: object) -> ActivationLayer | None:
    """The activation that an argument stands for; None is none, and so is "linear".

    Raises:
        ArgumentError: it is neither an activation layer nor the name of one, or it has a name, which would be lost.
    """
    if value is None or (isinstance(value, str) and value.lower() == "linear"):
        return None
    if isinstance(value, Integral):
        raise ArgumentError(owner, "activation", value, "it must be an activation; how many features come in is known "
                                                        "from the input and is not said")
    if isinstance(value, Layer) and not isinstance(value, ActivationLayer):
        raise ArgumentError(owner, "activation", value, "it must be an activation without weights; place any other "
                                                        "layer behind this one")
    activation = ACTIVATIONS.resolve(owner, "activation", value)
    if activation.name is not None:
        raise ArgumentError(owner, "activation", value, f"inside {owner} it has no name of its own: leave the name "
                                                        "out, or place the activation behind the layer")
    return activation


@ACTIVATIONS.register()
class ReLU(ActivationLayer):
    """y = max(x, 0); the gradient at 0 is 0 (Nair and Hinton 2010).

    Keras / PyTorch: `layers.ReLU` / `nn.ReLU`. Keras's `max_value` and `threshold` are missing; its `negative_slope` is
    `LeakyReLU` here.

    Example:
        >>> x = gn.Input((3,))
        >>> net = gn.compile(gn.Model(x, gn.layers.ReLU()(x)))
        >>> net.predict([[-2, 0, 3]]).tolist()
        [[0.0, 0.0, 3.0]]
        >>> gn.layers.Dense(8, activation="relu").activation
        ReLU()
    """

    op = ops.Relu()


@ACTIVATIONS.register()
class Sigmoid(ActivationLayer):
    """y = 1 / (1 + exp(-x)).

    Keras / PyTorch: `layers.Activation("sigmoid")` / `nn.Sigmoid`.

    Example:
        >>> x = gn.Input((3,))
        >>> net = gn.compile(gn.Model(x, gn.layers.Sigmoid()(x)))
        >>> print(net.predict([[-1, 0, 1]]).round(3))
        [[0.269 0.5   0.731]]
        >>> print(f"{net.predict([[-20, 0, 0]])[0, 0]:.3g}")
        2.06e-09
    """

    op = ops.Sigmoid()


@ACTIVATIONS.register()
class Tanh(ActivationLayer):
    """y = tanh(x).

    Keras / PyTorch: `layers.Activation("tanh")` / `nn.Tanh`.

    Example:
        >>> x = gn.Input((3,))
        >>> net = gn.compile(gn.Model(x, gn.layers.Tanh()(x)))
        >>> print(net.predict([[-1, 0.1, 20]]).round(3))
        [[-0.762  0.1    1.   ]]
    """

    op = ops.Tanh()


@ACTIVATIONS.register()
class Softplus(ActivationLayer):
    """y = log(1 + exp(x)) (Dugas et al. 2001), for every x.

    Keras / PyTorch: `layers.Activation("softplus")` / `nn.Softplus`, which gives x itself above `threshold=20`; its
    `beta` is missing.

    Example:
        >>> x = gn.Input((3,))
        >>> net = gn.compile(gn.Model(x, gn.layers.Softplus()(x)))
        >>> print(net.predict([[-100, 0, 100]]).round(3))
        [[  0.      0.693 100.   ]]
    """

    op = ops.Softplus()


@ACTIVATIONS.register()
class Softsign(ActivationLayer):
    """y = x / (1 + |x|) (Turian, Bergstra and Bengio 2009).

    Keras / PyTorch: `layers.Activation("softsign")` / `nn.Softsign`.

    Example:
        >>> x = gn.Input((3,))
        >>> net = gn.compile(gn.Model(x, gn.layers.Softsign()(x)))
        >>> net.predict([[-1, 0, 3]]).tolist()
        [[-0.5, 0.0, 0.75]]
    """

    op = ops.Softsign()


@ACTIVATIONS.register("swish")
class SiLU(ActivationLayer):
    """y = x / (1 + exp(-x)) (Hendrycks and Gimpel 2016); also known as Swish.

    Keras / PyTorch: `layers.Activation("silu")` / `nn.SiLU`. Keras has the name "swish" too.

    Example:
        >>> x = gn.Input((3,))
        >>> net = gn.compile(gn.Model(x, gn.layers.SiLU()(x)))
        >>> print(net.predict([[-10, -1.278, 10]]).round(3))
        [[-0.    -0.278 10.   ]]
        >>> gn.layers.Dense(8, activation="swish").activation
        SiLU()
    """

    op = ops.Silu()


@ACTIVATIONS.register()
class Mish(ActivationLayer):
    """y = x · tanh(log(1 + exp(x))) (Misra 2019, eq. 1).

    Composed of ops that are there, so it needs none of its own: the compiler derives its gradient and fuses the three.

    Keras / PyTorch: `layers.Activation("mish")` / `nn.Mish`.

    Example:
        >>> x = gn.Input((3,))
        >>> net = gn.compile(gn.Model(x, gn.layers.Mish()(x)))
        >>> print(net.predict([[-1, 0, 10]]).round(3))
        [[-0.303  0.    10.   ]]
    """

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the ops."""
        return b.add(ops.Multiply(), x, b.add(ops.Tanh(), b.add(ops.Softplus(), x)))


@ACTIVATIONS.register()
class SELU(ActivationLayer):
    """y = λ x where x > 0, else λ α (exp(x) - 1) (Klambauer et al. 2017, eq. 2).

    λ and α keep mean 0 and variance 1 from layer to layer, if the weights have mean 0 and variance 1 / fan-in (the
    initializer "lecun_normal").

    Keras / PyTorch: `layers.Activation("selu")` / `nn.SELU`.

    Example:
        >>> x = gn.Input((3,))
        >>> net = gn.compile(gn.Model(x, gn.layers.SELU()(x)))
        >>> print(net.predict([[-100, 0, 1]]).round(3))
        [[-1.758  0.     1.051]]
    """

    op = ops.Elu(alpha=1.6732632423543772, scale=1.0507009873554805)


@ACTIVATIONS.register()
class HardSigmoid(ActivationLayer):
    """y = slope · x + 1/2, kept between 0 and 1. The gradient at the kinks is 0.

    Keras / PyTorch: `layers.Activation("hard_sigmoid")` / `nn.Hardsigmoid`, both with the slope 1/6; Keras 2 had 0.2.

    Args:
        slope: > 0; 0.2 for models from Keras 2.
        name: unique in a model.

    Example:
        >>> x = gn.Input((4,))
        >>> net = gn.compile(gn.Model(x, gn.layers.HardSigmoid()(x)))
        >>> net.predict([[-3, 0, 1.5, 4]]).tolist()
        [[0.0, 0.5, 0.75, 1.0]]
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

    Keras / PyTorch: `layers.LeakyReLU` / `nn.LeakyReLU`. Both say `negative_slope`. The default is PyTorch's; Keras's
    layer has 0.3, and its string "leaky_relu" 0.2.

    Args:
        slope: ≥ 0.
        name: unique in a model.

    Example:
        >>> x = gn.Input((3,))
        >>> net = gn.compile(gn.Model(x, gn.layers.LeakyReLU(0.25)(x)))
        >>> net.predict([[-8, 0, 8]]).tolist()
        [[-2.0, 0.0, 8.0]]
        >>> gn.layers.Dense(8, activation="leaky_relu").activation
        LeakyReLU(slope=0.01)
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

    Keras / PyTorch: `layers.ELU` / `nn.ELU`.

    Args:
        alpha: ≥ 0; the gradient at 0.
        name: unique in a model.

    Example:
        >>> x = gn.Input((3,))
        >>> net = gn.compile(gn.Model(x, gn.layers.ELU(alpha=0.5)(x)))
        >>> net.predict([[-100, 0, 3]]).tolist()
        [[-0.5, 0.0, 3.0]]
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

    Keras / PyTorch: `layers.Activation("gelu")` / `nn.GELU`, exact by default in both.

    Args:
        approximate: True for x / 2 · (1 + tanh(√(2/π) (x + 0.044715 x³))), which differs by 5e-4 at most and is faster;
            PyTorch's `approximate="tanh"`.
        name: unique in a model.

    Example:
        >>> x = gn.Input((2,))
        >>> exact = gn.compile(gn.Model(x, gn.layers.GELU()(x)))
        >>> print(exact.predict([[-2, 2]]).round(4))
        [[-0.0455  1.9545]]
        >>> fast = gn.compile(gn.Model(x, gn.layers.GELU(approximate=True)(x)))
        >>> print(fast.predict([[-2, 2]]).round(4))
        [[-0.0454  1.9546]]
    """

    def __init__(self, approximate: bool = False, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.approximate = check_flag(self.kind, "approximate", approximate)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the op."""
        return b.add(ops.Gelu(self.approximate), x)
