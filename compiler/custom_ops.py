"""Registers ops that callers define: by class, in this process. Files only ever hold their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import TypeVar

from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.op import Op, add_to_registry, is_custom
from graphnet.compiler.roles import ROLES

_NAME = re.compile(r"[a-z]\w*(\.[a-z]\w*)+", re.ASCII)
_Class = TypeVar("_Class", bound=type[Op])
_TRAITS = frozenset(vars(Op)) - {"name"}


def register_op(cls: _Class) -> _Class:
    """A class decorator that makes an op known by its name, so that models with it can be saved and loaded.

    Keras / PyTorch: `saving.register_keras_serializable` / `torch.library.custom_op`. Files hold the name and the
    attributes alone: whoever loads one registers the op first.

    Args:
        cls: a frozen dataclass that derives from `Op`, with `infer`, `forward` and either a `pullback` or
            `differentiable = False`. Its `name` has a dot in it, `owner.op`, so that it never clashes with a built-in
            op, of now or later.

    Raises:
        ArgumentError: it is no such class; the text says what is missing.
        GraphError: another class has been registered under the name.

    Example:
        >>> from dataclasses import dataclass
        >>> @gn.register_op
        ... @dataclass(frozen=True)
        ... class Cube(gn.Op):
        ...     name = "docs.cube"
        ...     differentiable = False
        ...     def infer(self, x): return (x,)
        ...     def forward(self, x): return (x**3,)
        >>> x = gn.Input((2,))
        >>> net = gn.compile(gn.Model(x, gn.layers.Apply(Cube())(x)))
        >>> net.predict([[2, 3]])
        array([[ 8., 27.]], dtype=float32)
    """
    owner = getattr(cls, "__name__", "register_op")
    if not (isinstance(cls, type) and issubclass(cls, Op)):
        raise ArgumentError("register_op", "cls", cls, "it must be a class that derives from gn.Op")
    params = vars(cls).get("__dataclass_params__")  # its own, not those of a base
    if params is None or not params.frozen:
        raise ArgumentError("register_op", "cls", owner, "it must be a frozen dataclass: put @dataclass(frozen=True) "
                                                         "between @gn.register_op and the class")
    name = vars(cls).get("name")
    if not isinstance(name, str) or not is_custom(name) or not _NAME.fullmatch(name):
        raise ArgumentError(owner, "name", name, "a custom op's name must have the form 'owner.op', in letters, digits "
                                                 "and '_'; names without a dot belong to the built-in ops")
    for field in fields(cls):
        if field.name in _TRAITS:
            raise ArgumentError(owner, field.name, "a field", "Op has a member of that name; give it another"
                                                          " name")
    if not isinstance(cls.roles, Mapping):
        raise ArgumentError(owner, "roles", cls.roles, "it must be a dict of roles by the inputs' numbers")
    for position, role in cls.roles.items():
        if type(position) is not int or position < 0:
            raise ArgumentError(owner, "roles", dict(cls.roles), "its keys must be the inputs' numbers, from 0")
        if role not in ROLES:
            raise ArgumentError(owner, f"roles[{position}]", role, f"it must be one of {', '.join(ROLES)}")
    for method in ("infer", "forward"):
        if getattr(cls, method) is getattr(Op, method):
            raise ArgumentError(owner, method, None, "every op must define it")
    if cls.differentiable and cls.pullback is Op.pullback:
        raise ArgumentError(owner, "pullback", None, "an op must define it, or say differentiable = False")
    add_to_registry(cls)
    return cls
