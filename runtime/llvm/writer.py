"""Writes the text of one LLVM function: instructions, constants, blocks, loops, variables. It knows no op.

A variable is a slot on the stack, which LLVM's `sroa` turns into registers, so nobody writes a phi for an accumulator.
There is no fast mathematics anywhere: LLVM neither reorders sums nor joins products to them by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from graphnet.runtime.llvm.values import F32, F64, I1, I64, PTR, Index, Value, element_of, lanes_of, spelled


class Variable:
    """A mutable value."""

    __slots__ = ("_pointer", "type", "writer")

    def __init__(self, writer: Writer, pointer: str, type: str) -> None:
        self.writer, self._pointer, self.type = writer, pointer, type

    def get(self) -> Value:
        """What it holds now."""
        return self.writer.assign(f"load {self.type}, ptr {self._pointer}", self.type)

    def set(self, value: Value) -> None:
        """Gives it another value."""
        self.writer.line(f"store {self.type} {value.text}, ptr {self._pointer}")


class Writer:
    """The text of a function, from its entry on. `declarations` collects what it calls, by name."""

    def __init__(self, declarations: dict[str, str]) -> None:
        self._declarations = declarations
        self._slots: list[str] = []
        self._lines: list[str] = []
        self._block = "entry"
        self._count = 0

    @property
    def body(self) -> str:
        """All blocks, without the last one's end."""
        return "\n".join(["entry:", *self._slots, *self._lines])

    def line(self, text: str) -> None:
        """Writes a line as it is."""
        self._lines.append(f"  {text}")

    def assign(self, text: str, type: str) -> Value:
        """Writes an instruction that makes a value of a type."""
        self._count += 1
        name = f"%t{self._count}"
        self._lines.append(f"  {name} = {text}")
        return Value(self, name, type)

    def instruction(self, head: str, *operands: Value, type: str = "") -> Value:
        """`head a, b`; the type is that of the first operand if none is given."""
        return self.assign(f"{head} {', '.join([operand.text for operand in operands])}", type or operands[0].type)

    def call(self, name: str, type: str, *operands: Value) -> Value:
        """The result of a function that is declared by its use; with type "void", nothing that may be used."""
        given = ", ".join([f"{operand.type} {operand.text}" for operand in operands])
        self._declarations[name] = f"declare {type} @{name}({', '.join([operand.type for operand in operands])})"
        if type == "void":
            self.line(f"call void @{name}({given})")
            return Value(self, "", type)
        return self.assign(f"call {type} @{name}({given})", type)

    def intrinsic(self, name: str, *operands: Value) -> Value:
        """One of LLVM's functions on numbers of the first operand's type, such as `fma` or `sqrt`."""
        type = operands[0].type
        count, element = lanes_of(type), element_of(type)
        suffix = (f"v{count}" if count else "") + {F32: "f32", F64: "f64"}.get(element, element)
        return self.call(f"llvm.{name}.{suffix}", type, *operands)

    # Constants ---------------------------------------------------------------------------------------------------

    def constant(self, number: Value | float, type: str = I64) -> Value:
        """A number as a value of a type, in every lane; a Value stays."""
        if isinstance(number, Value):
            return number
        if type == I64:
            return Value(self, str(int(number)), type, int(number))
        element = element_of(type)
        one = spelled(number, element)
        return Value(self, f"splat ({element} {one})" if element != type else one, type)

    def list_constant(self, numbers: Sequence[float], element: str) -> Value:
        """A vector of these numbers."""
        text = ", ".join([f"{element} {spelled(number, element)}" for number in numbers])
        return Value(self, f"<{text}>", f"<{len(numbers)} x {element}>")

    # Blocks ------------------------------------------------------------------------------------------------------

    def label(self, name: str) -> None:
        """Begins a block."""
        self._lines.append(f"{name}:")
        self._block = name

    def _fresh(self) -> int:
        self._count += 1
        return self._count

    @contextmanager
    def loop(self, start: Index, stop: Index, step: Index = 1) -> Iterator[Value]:
        """Runs what is written within for start, start + step, … below stop.

        What runs once, as known by now, is no loop; what never runs must not be written.
        """
        first, last, by = self.constant(start), self.constant(stop), self.constant(step)
        if first.known is not None and last.known is not None:
            if last.known <= first.known:
                raise ValueError(f"a loop from {first.known} to {last.known} never runs")
            if by.known is not None and last.known - first.known <= by.known:
                yield first
                return
        number = self._fresh()
        head, body, end = f"head{number}", f"body{number}", f"end{number}"
        before = self._block
        self.line(f"br label %{head}")
        self.label(head)
        slot = len(self._lines)
        index = self.assign("", I64)
        more = self.instruction(f"icmp slt {I64}", index, last, type=I1)
        self.line(f"br i1 {more.text}, label %{body}, label %{end}")
        self.label(body)
        yield index
        following = self.instruction(f"add nsw {I64}", index, by)
        self._lines[slot] = (f"  {index.text} = phi i64 [ {first.text}, %{before} ], "
                             f"[ {following.text}, %{self._block} ]")
        self.line(f"br label %{head}, !llvm.loop !0")
        self.label(end)

    @contextmanager
    def when(self, condition: Value | bool) -> Iterator[None]:
        """Runs what is written within if a condition (i1) holds; known by now, it is written or it is dropped."""
        if condition is True:
            yield
            return
        if condition is False:
            kept, block = len(self._lines), self._block
            yield
            del self._lines[kept:]
            self._block = block
            return
        number = self._fresh()
        self.line(f"br i1 {condition.text}, label %then{number}, label %after{number}")
        self.label(f"then{number}")
        yield
        self.line(f"br label %after{number}")
        self.label(f"after{number}")

    def choose(self, number: Value, cases: Mapping[int, Callable[[], None]]) -> None:
        """Runs what is written for a number, and nothing for any other."""
        own = self._fresh()
        labels = " ".join(f"i64 {case}, label %case{own}_{case}" for case in cases)
        self.line(f"switch i64 {number.text}, label %end{own} [ {labels} ]")
        for case, write in cases.items():
            self.label(f"case{own}_{case}")
            write()
            self.line(f"br label %end{own}")
        self.label(f"end{own}")

    def array(self, count: int, type: str) -> Value:
        """The address of so many elements on the stack."""
        self._count += 1
        self._slots.append(f"  %v{self._count} = alloca [{count} x {type}], align 64")
        return Value(self, f"%v{self._count}", PTR)

    def variable(self, initial: Value) -> Variable:
        """A mutable value that begins as this one."""
        self._count += 1
        name = f"%v{self._count}"
        self._slots.append(f"  {name} = alloca {initial.type}")
        made = Variable(self, name, initial.type)
        made.set(initial)
        return made
