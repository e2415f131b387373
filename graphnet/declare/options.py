"""What every layer with weights can be told about them: regularizers, constraints, how fast they learn."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, TypedDict, TypeVar

from graphnet.common.checks import check_number
from graphnet.common.registry import Registry
from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.roles import BIAS
from graphnet.constraints import CONSTRAINTS, Constraint
from graphnet.regularizers import REGULARIZERS, Regularizer

T = TypeVar("T")


class WeightOptions(TypedDict, total=False):
    """Arguments that every layer with weights takes, beside its own.

    `bias_*` act on the weights with the role of a bias, which are those that are added: also the shift of a
    normalization. `kernel_*` act on all others: kernels, recurrent kernels and embeddings, but also the scale of a
    normalization and the slope of a PReLU. Roles are declared (see `compiler/roles.py`), whatever a weight's name is.

    Attributes:
        learning_rate_multiplier: > 0; multiplies the learning rate for the layer's weights. To freeze them say
            `trainable=False`.
        kernel_regularizer: a Regularizer or its name ("l2"), added to the loss for each kernel; None for none.
        bias_regularizer: the same for biases.
        activity_regularizer: the same for the layer's (first) result; its penalty is the mean over the samples, as in
            Keras.
        kernel_constraint: a Constraint or its name ("non_negative"), which puts each kernel back after each step.
        bias_constraint: the same for biases.
    """

    learning_rate_multiplier: float
    kernel_regularizer: str | Regularizer | None
    bias_regularizer: str | Regularizer | None
    activity_regularizer: str | Regularizer | None
    kernel_constraint: str | Constraint | None
    bias_constraint: str | Constraint | None


@dataclass(frozen=True, slots=True)
class WeightRules:
    """Checked `WeightOptions`."""

    learning_rate_multiplier: float = 1.0
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    @classmethod
    def check(cls, owner: str, *, learning_rate_multiplier: float = 1.0,
              kernel_regularizer: str | Regularizer | None = None, bias_regularizer: str | Regularizer | None = None,
              activity_regularizer: str | Regularizer | None = None, kernel_constraint: str | Constraint | None = None,
              bias_constraint: str | Constraint | None = None) -> WeightRules:
        """The rules that a layer was declared with.

        Raises:
            ArgumentError: one is not allowed; the text names the layer's class, `owner`.
        """
        return cls(
            check_number(owner, "learning_rate_multiplier", learning_rate_multiplier, above=0),
            _resolve(REGULARIZERS, owner, "kernel_regularizer", kernel_regularizer),
            _resolve(REGULARIZERS, owner, "bias_regularizer", bias_regularizer),
            _resolve(REGULARIZERS, owner, "activity_regularizer", activity_regularizer),
            _resolve(CONSTRAINTS, owner, "kernel_constraint", kernel_constraint),
            _resolve(CONSTRAINTS, owner, "bias_constraint", bias_constraint))

    def regularizer(self, role: str) -> Regularizer | None:
        """The regularizer of a weight with this role."""
        return self.bias_regularizer if role == BIAS else self.kernel_regularizer

    def constraint(self, role: str) -> Constraint | None:
        """The constraint of a weight with this role."""
        return self.bias_constraint if role == BIAS else self.kernel_constraint

    def joined(self, owner: str, inner: WeightRules) -> WeightRules:
        """These rules with those of a layer that `owner` wraps, whose activity is not the wrapper's.

        Raises:
            ArgumentError: both say the same thing differently.
        """
        said = {name: value for name, value in inner.config().items() if name != "activity_regularizer"}
        for name, value in self.config().items():
            if said.get(name, value) != value:
                raise ArgumentError(owner, name, value, f"the layer inside says {said[name]!r}: say it in one place")
        return replace(self, **said)

    def config(self) -> dict[str, Any]:
        """What differs from the defaults, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)
                if getattr(self, field.name) != field.default}


def _resolve(registry: Registry[T], owner: str, name: str, value: object) -> T | None:
    return None if value is None else registry.resolve(owner, name, value)
