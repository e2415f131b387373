"""The base of all layers: a layer checks its arguments, infers shapes when it is called, and emits IR nodes.

A layer holds no arrays. It declares its weights on its first call; the arrays belong to the compiled network.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from graphnet.common.answers import refuse_unknown
from graphnet.common.checks import check_choice, check_flag, check_name
from graphnet.common.frozen import LIBRARY, Guarded, ReadOnly, completing, freeze, is_library
from graphnet.common.source import user_source
from graphnet.compiler.errors import ArgumentError, GraphError, ShapeError
from graphnet.compiler.ir import Origin
from graphnet.compiler.roles import ROLES
from graphnet.compiler.types import TensorType
from graphnet.declare.emitter import Emitter, Weight
from graphnet.declare.options import WeightOptions, WeightRules
from graphnet.declare.redeclaring import Given, declared_with, known_arguments
from graphnet.declare.tensor import Call, SymbolicTensor, Tensors, next_serial
from graphnet.initializers import INITIALIZERS, Fans, Initializer

_NO_EMIT = ("has no emit(self, b, x): it adds the ops that Keras's call and PyTorch's forward would compute; see the "
            "example of gn.layers.Layer")
_KEPT_BY_THE_BASE = ("name", "trainable", *WeightOptions.__optional_keys__)


class Layer(Guarded):
    """A step of a model. Call it on tensors to place it; call it again to share its weights.

    Until its first call its arguments may be set, as if they had been declared so; from then on it stays as it is.

    A subclass passes `name`, `trainable` and `options` on to this class, keeps its own arguments under their own names
    (`self.units = …`), implements `emit`, and sets `arity` or `takes_integers` where it differs.

    Keras / PyTorch: `layers.Layer` / `nn.Module`. A layer computes nothing: what `call` or `forward` does there, `emit`
    declares here, and its weights are arrays only in a compiled network. Models are layers too in both; here they are
    not.

    Args:
        name: unique in a model; by default the class's name in snake case, numbered by the order of calls.
        trainable: False freezes the layer's weights.
        options: what is said about the weights: `kernel_regularizer`, `bias_regularizer`, `activity_regularizer`,
            `kernel_constraint`, `bias_constraint`, `learning_rate_multiplier`; see `WeightOptions` in
            `graphnet/declare/options.py`.

    Example:
        >>> from graphnet.custom import ops
        >>> class Cube(gn.layers.Layer):
        ...     def emit(self, b, x):
        ...         return b.add(ops.Multiply(), x, b.add(ops.Multiply(), x, x))
        >>> x = gn.Input((3,))
        >>> gn.compile(gn.Model(x, Cube()(x))).predict([[1, 2, 3]]).tolist()
        [[1.0, 8.0, 27.0]]
    """

    _habits = "Methods and attributes of a layer"

    name: str | None
    trainable: bool
    rules: WeightRules
    arity: int | None = 1
    """How many inputs a call takes; None for two or more."""
    takes_integers: ClassVar[bool] = False
    """Whether inputs may have integer or bool dtypes."""
    _given: Given | None = None  # to `__init__`, once that is done
    _instead = ("{kind} has been called, and graphs hold it as it was: declare a new layer, with the arguments that it "
                "is to have, build the model with it, and carry the weights over with set_weights(net.weights)")

    def __init__(self, *, name: str | None = None, trainable: bool = True, **options: Unpack[WeightOptions]) -> None:
        self.kind = type(self).__name__
        self._refuse_unknown(options)
        self._say(name, trainable, options)
        self.source = user_source()
        self._weights: dict[str, Weight] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            cls.__init__ = completing(cls.__init__)  # type: ignore[method-assign]

    def _guarded_set(self, name: str, value: Any) -> None:
        if self._given is None or self._frozen or name[0] == "_":
            super()._guarded_set(name, value)
        elif is_library(self) or (_has_library_init(type(self)) and name in known_arguments(type(self))):
            vars(self).update(declared_with(self, self._given, name, value) | {"source": self.source})
        elif self._is_kept_by_the_base(name):
            said = {"name": self.name, "trainable": self.trainable, **self.rules.config(), name: value}
            self._say(said.pop("name"), said.pop("trainable"), said)
        else:
            super()._guarded_set(name, value)

    def _is_kept_by_the_base(self, name: str) -> bool:
        """Whether an attribute of a class of the user's own is this class's, since that one does not keep it itself."""
        return name in _KEPT_BY_THE_BASE and not hasattr(type(self), name) and (
            name not in vars(self) or name not in WeightOptions.__optional_keys__)

    def _say(self, name: str | None, trainable: bool, options: Mapping[str, Any]) -> None:
        vars(self).update(name=None if name is None else check_name(self.kind, name),
                          trainable=check_flag(self.kind, "trainable", trainable),
                          rules=WeightRules.check(self.kind, **options))

    @classmethod
    def _known_arguments(cls) -> list[str] | None:
        return known_arguments(cls) if cls.__module__.startswith(LIBRARY) else super()._known_arguments()

    @property
    def weights(self) -> ReadOnly[str, Weight]:
        """The weights by their names in the layer, as its first call declared them."""
        return ReadOnly(self._weights, f"{self.kind}: a layer's weights are declared by its first call; to set their "
                                       "numbers call set_weights({name: array}) of the compiled network")

    def emit(self, b: Emitter, *inputs: Any, **_: Any) -> int | tuple[int, ...]:
        """Adds the layer's nodes to `b` and returns the id of the result (or of several).

        Runs at every call for inference and once more for each model, so it keeps nothing.

        Args:
            b: where the nodes go; `b.types` has the types of the inputs.
            inputs: ids of the inputs.

        Raises:
            ShapeError: an input does not fit.
        """
        raise GraphError(f"{self.kind} {_NO_EMIT}")

    def config(self) -> dict[str, Any]:
        """The arguments that the layer was declared with, by name: those of its `__init__`, as it keeps them.

        Without `name`, `trainable` and what is said about the weights. A class that derives from a layer with arguments
        need not keep those of its own that it turns into the other's.

        Raises:
            GraphError: an argument is not kept under its name.
        """
        names = [name for name in self._argument_names() if name not in _KEPT_BY_THE_BASE]
        base = next(cls for cls in type(self).__mro__ if cls.__module__.startswith(LIBRARY))
        kept = [name for name in names if name in vars(self) or isinstance(getattr(type(self), name, None), property)]
        for name in names:
            if name not in kept and base in (Layer, SimpleLayer):
                raise GraphError(f"{self.kind} does not keep its argument {name}; write self.{name} = {name} in its "
                                 "__init__, or give it a method config that returns its arguments by name")
        return {name: getattr(self, name) for name in kept}

    def __call__(self, *inputs: Tensors) -> SymbolicTensor:
        """Places the layer behind its inputs, given one by one or as one list or tuple.

        Returns:
            The result, its shape inferred.

        Raises:
            ShapeError: an input does not fit.
            GraphError: an input is not a symbolic tensor, or there are too many or too few.
        """
        if type(self).emit is Layer.emit:  # said here, too, since Keras's layers have a `call` of their own
            raise GraphError(f"{self.kind} {_NO_EMIT}")
        return self.call(*inputs)[0]

    def call(self, *inputs: Any) -> tuple[SymbolicTensor, ...]:
        """Like calling the layer, for layers with several results."""
        source = user_source()
        tensors = self._check_inputs(inputs, source)
        b = Emitter(self.kind)
        ids = []
        for number, tensor in enumerate(tensors):
            with b.at(tensor.origin):
                ids.append(b.input(f"input_{number}", tensor.type))
        results = b.emit(self, Origin(self.name or "", self.kind, source), ids)
        for (layer, _), weight in b.declared.items():  # only now: a call that failed declares nothing
            layer.declare(weight)
        freeze(self, *self.rules.config().values())
        call = Call(self, tensors, source, next_serial())
        return tuple(SymbolicTensor(b.types[value], call, index) for index, value in enumerate(results))

    def weight(self, b: Emitter, name: str, type: TensorType, initializer: str | Initializer, fans: Fans | None = None,
               *, role: str | None = None, incoming: tuple[int, ...] | None = None) -> int:
        """The id of a weight of this layer in `b`, declared by the first call.

        Args:
            b: what `emit` was given.
            name: unique in the layer; the parameter is called `<layer name>/<name>`.
            type: shape and dtype, all dims known.
            initializer: what fills it, an object or a name such as "zeros".
            fans: what scales Glorot and He initializers; needed for weights that have any.
            role: what it is for, one of `ROLES` in `compiler/roles.py`: regularizers, constraints and decay go by it.
                By default what the first op that takes it says (a matrix product: "kernel", `BiasAdd`: "bias", your
                own: its `roles`), and "kernel" if none says anything.
            incoming: the axes along which what comes in to one output lies, for constraints on norms; by default 0 of
                matrices (in, out) and vectors, and all but 0 of more dims.

        Raises:
            ShapeError: an earlier call declared it with another type.
            ArgumentError: an argument is not allowed.

        Example:
            >>> from graphnet.custom import ops
            >>> class Shift(gn.layers.Layer):
            ...     def emit(self, b, x):
            ...         size = b.types[x].with_shape(b.types[x].shape[1:])
            ...         shift = self.weight(b, "shift", size, "ones")
            ...         return b.add(ops.BiasAdd(1), x, shift)
            >>> x = gn.Input((2,))
            >>> gn.compile(gn.Model(x, Shift()(x))).predict([[1, 2]]).tolist()
            [[2.0, 3.0]]
        """
        if not isinstance(type, TensorType):
            raise ArgumentError(self.kind, f"the type of the weight {name!r}", type,
                                "it must be a TensorType, as b.types[x].with_shape((3,)) is")
        filler = initializer if isinstance(initializer, Initializer) else (
            INITIALIZERS.resolve(self.kind, "initializer", initializer))
        bound = filler if fans is None else filler.with_fans(fans)
        checked = None if role is None else check_choice(self.kind, "role", role, ROLES)
        return b.weight(self, Weight(name, type, bound, self.trainable, b.origin.source, checked, incoming))

    def declare(self, weight: Weight) -> None:
        """Keeps a weight as the first call declared it."""
        self._weights.setdefault(weight.name, weight)

    def check_types(self, *types: TensorType) -> None:
        """Refuses dtypes that the layer cannot compute with.

        Raises:
            ShapeError: an input is not of floats.
        """
        for t in types:
            if not (self.takes_integers or t.is_float):
                raise ShapeError(f"{self.kind} computes with float32 or float64, but its input is {t.dtype}",
                                 'declare the Input with dtype="float32" and feed floats')

    def __repr__(self) -> str:
        named = {} if self.name is None else {"name": self.name}
        frozen = {} if self.trainable else {"trainable": False}
        try:
            given = self.config() | named | frozen | self.rules.config()
        except GraphError:  # an error text that shows a layer of a user's own must not fail over it
            return f"{self.kind}(…)"
        arguments = ", ".join(f"{key}={value!r}" for key, value in given.items())
        return f"{self.kind}({arguments})"

    def _refuse_unknown(self, options: Mapping[str, object]) -> None:
        """Refuses arguments that the layer does not have: they arrive among the options."""
        unknown = [name for name in options if name not in WeightOptions.__optional_keys__]
        if not unknown:
            return
        known = self._argument_names() + sorted(WeightOptions.__optional_keys__)
        refuse_unknown(self.kind, {name: options[name] for name in unknown}, known)

    def _argument_names(self) -> list[str]:
        """Those of the class's `__init__`, and those of the bases that it passes on what else it is given to."""
        found: dict[str, None] = {}
        for cls in (cls for cls in type(self).__mro__ if "__init__" in vars(cls)):
            _, *parameters = inspect.signature(vars(cls)["__init__"]).parameters.values()
            named = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
            found |= dict.fromkeys(named)
            if cls.__module__.startswith(LIBRARY) or len(named) == len(parameters):
                break
        return list(found)

    def _check_inputs(self, inputs: tuple[Any, ...], source: str) -> tuple[SymbolicTensor, ...]:
        if len(inputs) == 1 and isinstance(inputs[0], list | tuple):
            inputs = tuple(inputs[0])
        owner = Origin(self.name or "", self.kind, source)
        for value in inputs:
            if not isinstance(value, SymbolicTensor):
                raise GraphError(f"{owner} is called on a {type(value).__name__}, but layers are called on "
                                 f"what gn.Input or another layer returned; {_hint(value)}")
        self._check_count(owner, len(inputs))
        return inputs

    def _check_count(self, owner: Origin, count: int) -> None:
        if self.arity is None and count < 2:
            raise GraphError(f"{owner} joins at least 2 inputs, got {count}; call it on a list: "
                             f"{self.kind}(…)([a, b])")
        if self.arity is not None and count != self.arity:
            raise GraphError(f"{owner} takes {self.arity} input{'s' * (self.arity > 1)}, got {count}")


class SimpleLayer(Layer):
    """Base of layers that are declared with nothing but a name."""

    def __init__(self, *inputs: object, name: str | None = None) -> None:
        if inputs:
            kind = type(self).__name__
            raise GraphError(f"{kind} is given a {type(inputs[0]).__name__} as it is made, but it has no arguments "
                             f"besides its name; make the layer first, then call it on its input: {kind}()(x)")
        super().__init__(name=name)


def _has_library_init(cls: type[Layer]) -> bool:
    return next(base for base in cls.__mro__ if "__init__" in vars(base)).__module__.startswith(LIBRARY)


def _hint(value: object) -> str:
    if isinstance(value, Layer):
        return f"call the {value.kind} on its own input first"
    return "to run numbers through a model, compile it and use predict"
