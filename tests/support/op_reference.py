"""Writes runtime/gnet/OPS.md: what a reader of `.gnet` files in another language needs to know of each op.

    python tests/support/op_reference.py > runtime/gnet/OPS.md
"""

from __future__ import annotations

import inspect
from dataclasses import MISSING, Field, fields
from typing import Any, get_type_hints

from graphnet.compiler.op import Op, arity, registered_ops
from graphnet.compiler.types import Dim
from graphnet.runtime.gnet.ops import NEVER_STORED

HEAD = """# The ops of opset 1

What stands here is taken from the classes in `compiler/ops/`, where each op also has its reference implementation, and
a test holds it to them. For each op: how many inputs it takes, its attributes with their types (an attribute without a
default is always written), and what it means. N, C, H, W are batch, channels, height and width. "Outside training"
is what evaluation and prediction do.
"""


def reference() -> str:
    """The text of OPS.md."""
    ops = {name: cls for name, cls in sorted(registered_ops().items())
           if not issubclass(cls, NEVER_STORED) and cls.__module__.startswith("graphnet.")}
    return "\n".join([HEAD, *(_entry(name, cls) for name, cls in ops.items())])


def _entry(name: str, cls: type[Op]) -> str:
    least, most = arity(cls)
    inputs = f"{least}" if least == most else f"{least} or more" if most is None else f"{least} to {most}"
    hints = get_type_hints(cls)
    lines = [f"## {name}", "", f"Inputs: {inputs}."]
    lines += [f"- `{field.name}`: {_type(hints[field.name])}{_default(field)}" for field in fields(cls)]
    return "\n".join([*lines, "", inspect.getdoc(cls) or "", ""])


def _type(hint: Any) -> str:
    if hint == Dim:
        return "dim"
    if isinstance(hint, type) and not hasattr(hint, "__args__"):
        return hint.__name__
    return str(hint).replace("typing.", "").replace("int | str", "dim")


def _default(field: Field[Any]) -> str:
    value = field.default if field.default_factory is MISSING else field.default_factory()
    return "" if value is MISSING else f" = {value!r}"


if __name__ == "__main__":
    print(reference(), end="")
