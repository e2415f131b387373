"""A module of LLVM IR: kernels, each of which is written once however often it is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphnet.runtime.native.function import PARAMETERS, Build, Function
from graphnet.runtime.native.machine import Machine
from graphnet.runtime.native.values import I64, PTR, Value

_ATTRIBUTES = ('noinline nounwind "min-legal-vector-width"="512" "prefer-vector-width"="512" '
               '"no-trapping-math"="true"')
_METADATA = '!0 = distinct !{!0, !1}\n!1 = !{!"llvm.loop.unroll.disable"}'


class Module:
    """What is compiled in one go.

    Attributes:
        machine: the processor that it is written for.
        blocked: whether kernels are called for one block of samples after another.
    """

    def __init__(self, machine: Machine, blocked: bool = False) -> None:
        self.machine, self.blocked = machine, blocked
        self._declarations: dict[str, str] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._functions: list[str] = []
        self._defined: set[str] = set()

    def kernel(self, hint: str, pointers: int, build: Callable[[Function, list[Value]], None]) -> str:
        """The name of a function of so many pointers, and of what every kernel is called with; equal ones are one."""
        return self._function(hint, pointers, PARAMETERS, lambda f, addresses, _: build(f, addresses))

    def _helper(self, hint: str, pointers: int, integers: int, build: Build) -> str:
        return self._function(hint, pointers, [(f"i{i}", I64) for i in range(integers)], build)

    def _function(self, hint: str, pointers: int, rest: Sequence[tuple[str, str]], build: Build) -> str:
        f = Function(self._declarations, self.machine, self.blocked, self._helper)
        build(f, [Value(f, f"%a{i}", PTR) for i in range(pointers)], [Value(f, f"%{name}", type) for name, type in rest])
        parameters = ", ".join([*(f"ptr %a{i}" for i in range(pointers)), *(f"{type} %{name}" for name, type in rest)])
        key = parameters, f.body
        if key not in self._names:
            name = self._names[key] = f"{hint}_{len(self._names)}"
            self._functions.append(f"define internal void @{name}({parameters}) {_ATTRIBUTES} {{\n{f.body}\n"
                                   "  ret void\n}\n")
            self._defined.add(name)
        return self._names[key]

    def add(self, text: str, *names: str) -> None:
        """Adds functions of these names that are written out already."""
        self._functions.append(text)
        self._defined.update(names)

    @property
    def text(self) -> str:
        """All of it."""
        declared = [text for name, text in self._declarations.items() if name not in self._defined]
        return "\n".join([*declared, *self._functions, _METADATA, ""])
