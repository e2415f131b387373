"""The code of each instruction of a Program, to be read: LLVM IR, and what the code generator makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphnet.compiler.planning.policy import Made
from graphnet.compiler.planning.program import Instruction, layers_of, short_name
from graphnet.compiler.words import label, visible
from graphnet.runtime.llvm.jit import assembly, host
from graphnet.runtime.native.emit.module import Kernel, Module
from graphnet.runtime.native.target import NativeTarget

CODE = ("llvm", "asm")
"""The kinds of text: IR, and assembler for this processor."""


@dataclass(frozen=True)
class InstructionCode:
    """The native code of an instruction.

    Attributes:
        index: the number of the instruction.
        op: the names of what it runs.
        phase: that it belongs to.
        layers: whose work it does, each with the line that declared it.
        why: why NumPy runs it; empty if it has a kernel.
        llvm: the text of the kernel; empty if there is none.
    """

    index: int
    op: str
    phase: str
    layers: tuple[str, ...]
    why: str
    llvm: str

    @property
    def asm(self) -> str:
        """Assembler for this processor; empty if there is no kernel."""
        return assembly(self.llvm, host()) if self.llvm else ""

    @property
    def title(self) -> str:
        """What it runs, and for which layers."""
        return f"instruction {self.index}: {visible(self.op)}, {self.phase}; {'; '.join(self.layers)}"

    def text(self, kind: str) -> str:
        """The title, and one kind of code under it."""
        return f"{self.title}\n{getattr(self, kind) or f'NumPy runs it: {self.why}' + chr(10)}"

    def to_json(self, *kinds: str) -> dict[str, Any]:
        """As plain values, with these kinds of code."""
        return {"index": self.index, "op": self.op, "phase": self.phase, "layers": list(self.layers), "why": self.why,
                **{kind: getattr(self, kind) for kind in kinds}}


def list_code(made: Made) -> list[InstructionCode]:
    """The code of each instruction of a Program that was made for native kernels.

    Raises:
        TypeError: it was made for others.
    """
    if not isinstance(made.target, NativeTarget):
        raise TypeError(f"{made.program.name} was made for {type(made.target).__name__}")
    return [_code_of(index, i, made.target.written(made.program, index))
            for index, i in enumerate(made.program.instructions)]


def _code_of(index: int, i: Instruction, kernel: Kernel | str) -> InstructionCode:
    layers = tuple(label(str(origin)) for origin in layers_of(i.op, i.origin))
    if isinstance(kernel, str):
        return InstructionCode(index, short_name(i.op), i.phase, layers, kernel, "")
    module = Module()
    module.include(kernel.functions, kernel.declarations)
    return InstructionCode(index, short_name(i.op), i.phase, layers, "", module.text())
