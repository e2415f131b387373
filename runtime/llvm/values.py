"""Values of the function that is being written: `a + b` writes an instruction, and numbers known by now are folded.

Whoever writes kernels works with these and with what `Function` has; IR text is written nowhere else.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Protocol

from graphnet.runtime.llvm.machine import LANES

F32, F64, I1, I8, I32, I64, PTR = "float", "double", "i1", "i8", "i32", "i64", "ptr"
VEC = f"<{LANES} x float>"
"""The type of vectors."""
MASK, INTS, POINTERS = f"<{LANES} x i1>", f"<{LANES} x i32>", f"<{LANES} x ptr>"
"""The types of a vector's masks, of 32-bit integers and of addresses, one a lane."""
_INTEGER_OPS = {"add": "add nsw", "sub": "sub nsw", "mul": "mul nsw"}
_FOLD: Mapping[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
    "sdiv": lambda a, b: a // b, "srem": lambda a, b: a % b}


class Emitter(Protocol):
    """What a value needs of whoever writes the function that it belongs to."""

    def constant(self, number: Value | float, type: str = ...) -> Value:
        """A number as a value."""
        ...

    def instruction(self, head: str, *operands: Value, type: str = ...) -> Value:
        """Writes an instruction."""
        ...


def _operator(name: str, swapped: bool = False) -> Callable[[Value, Value | float], Value]:
    def operator(self: Value, other: Value | float) -> Value:
        return self.writer.constant(other, self.type).apply(name, self) if swapped else self.apply(name, other)
    return operator


class Value:
    """A value with its type. Arithmetic is that of the type; an operand that is a Python number becomes a constant.

    Attributes:
        writer: writes the function that it belongs to.
        text: how IR spells it.
        type: its type in IR.
        known: its number, if it is an i64 that is known while code is written.
    """

    __slots__ = ("known", "text", "type", "writer")

    def __init__(self, writer: Emitter, text: str, type: str, known: int | None = None) -> None:
        self.writer, self.text, self.type, self.known = writer, text, type, known

    @property
    def is_constant(self) -> bool:
        """Whether it is written out as it is, not made by an instruction."""
        return not self.text.startswith("%")

    __add__ = __radd__ = _operator("add")
    __sub__, __rsub__ = _operator("sub"), _operator("sub", swapped=True)
    __mul__ = __rmul__ = _operator("mul")
    __truediv__, __rtruediv__ = _operator("div"), _operator("div", swapped=True)
    __floordiv__, __mod__ = _operator("sdiv"), _operator("srem")
    """Of integers that are not negative."""

    def apply(self, name: str, other: Value | float) -> Value:
        """An operator by its name."""
        if "float" in self.type or "double" in self.type:
            return self.writer.instruction(f"f{name} {self.type}", self, self.writer.constant(other, self.type))
        b = self.writer.constant(other, self.type)
        if self.known is not None and b.known is not None:
            return self.writer.constant(int(_FOLD[name](self.known, b.known)), self.type)
        if (b.known == 0 and name in ("add", "sub")) or (b.known == 1 and name in ("mul", "sdiv")):
            return self
        if (name == "add" and self.known == 0) or (name == "mul" and self.known == 1):
            return b
        if name == "mul" and 0 in (self.known, b.known):
            return self.writer.constant(0, self.type)
        return self.writer.instruction(f"{_INTEGER_OPS.get(name, name)} {self.type}", self, b)


Index = Value | int
"""An i64, or a number known by now."""


def lanes_of(type: str) -> int:
    """How many elements a vector type has; 0 for scalars."""
    return int(type[1:].split(" ", 1)[0]) if type.startswith("<") else 0


def element_of(type: str) -> str:
    """The type of a vector's elements; of a scalar, its own."""
    return type[1:-1].split(" x ", 1)[1] if type.startswith("<") else type


def with_elements(type: str, element: str) -> str:
    """The type of as many elements of another type."""
    count = lanes_of(type)
    return f"<{count} x {element}>" if count else element


def spelled(number: float, element: str) -> str:
    """A constant as IR spells it. A float is rounded to float32 first; LLVM reads it as the double of that value."""
    if element == F32:
        number = struct.unpack("<f", struct.pack("<f", number))[0]
    if element in (F32, F64):
        return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"
    return str(int(number))
