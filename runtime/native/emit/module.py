"""The text of LLVM modules: kernels that are written once each, with the helpers that they call, and put together.

Functions are named by what they do and a hash of their text, so that the same kernel has the same name everywhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from graphnet.compiler.op import Op
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.llvm.function import PARAMETERS, Build, Function
from graphnet.runtime.llvm.machine import LANES, Machine
from graphnet.runtime.llvm.values import I64, PTR, Value
from graphnet.runtime.native.emit.call import Call, Emit, Unsupported, emitter_of

_ATTRIBUTES = ('noinline nounwind "min-legal-vector-width"="512" "prefer-vector-width"="512" '
               '"no-trapping-math"="true"')
_METADATA = '!0 = distinct !{!0, !1}\n!1 = !{!"llvm.loop.unroll.disable"}'


@dataclass(frozen=True, slots=True)
class Form:
    """What the code of a kernel depends on, besides the op and the forms of its operands.

    Attributes:
        machine: the processor that it is written for.
        blocked: whether it is called for one block of samples after another.
        training: whether it belongs to a step of training.
        winograd: see `Call`.
    """

    machine: Machine
    blocked: bool = False
    training: bool = False
    winograd: bool = True


class Module:
    """Functions and what they call, as text."""

    def __init__(self) -> None:
        self.functions: dict[str, str] = {}
        self.declarations: dict[str, str] = {}

    def include(self, functions: dict[str, str], declarations: dict[str, str]) -> None:
        """Adds what was written elsewhere."""
        self.functions |= functions
        self.declarations |= declarations

    def function(self, hint: str, form: Form, pointers: int, rest: Sequence[tuple[str, str]], build: Build) -> str:
        """Writes a function of so many pointers, and of values of the given names and types; returns its name."""
        def helper(hint: str, pointers: int, integers: int, build: Build) -> str:
            return self.function(hint, form, pointers, [(f"i{i}", I64) for i in range(integers)], build)

        f = Function(self.declarations, form.machine, form.blocked, helper)
        build(f, [Value(f, f"%a{i}", PTR) for i in range(pointers)],
              [Value(f, f"%{name}", type) for name, type in rest])
        parameters = ", ".join([*(f"ptr %a{i}" for i in range(pointers)), *(f"{type} %{name}" for name, type in rest)])
        name = f"{hint}_{hashlib.sha256((parameters + f.body).encode()).hexdigest()[:12]}"
        self.functions[name] = (f"define internal void @{name}({parameters}) {_ATTRIBUTES} {{\n{f.body}\n"
                                "  ret void\n}\n")
        return name

    def kernel(self, hint: str, form: Form, operands: int, build: Callable[[Function, list[Value]], None]) -> str:
        """Writes a function of a table of so many addresses, and of what every kernel is called with; returns its
        name."""
        return self.function(hint, form, 1, PARAMETERS, lambda f, table, _: build(
            f, [f.scalar(table[0], number, PTR) for number in range(operands)]))

    def text(self, *others: str, defined: Iterable[str] = ()) -> str:
        """All of it, and other functions behind it, of which those that are called are named."""
        known = {*self.functions, *defined}
        declared = [text for name, text in self.declarations.items() if name not in known]
        return "\n".join([*declared, *self.functions.values(), *others, _METADATA, ""])


@dataclass(frozen=True, slots=True)
class Kernel:
    """The kernel of an op on operands of certain forms.

    Attributes:
        name: of its function, which takes a table of the addresses of inputs, outputs and of what was prepared, and
            then `PARAMETERS`.
        prepare: of the function, with the same arguments, that prepares what depends on weights alone; None if there
            is none.
        scratch: floats that each thread needs.
        prepared: floats that are prepared.
        rounding: see `Emitter`.
        functions, declarations: what to include in a module.
        weights: the numbers of the inputs that `prepare` reads.
    """

    name: str
    prepare: str | None
    scratch: int
    prepared: int
    functions: dict[str, str]
    declarations: dict[str, str]
    rounding: float = 1.0
    weights: tuple[int, ...] = ()


@lru_cache(maxsize=4096)
def _written(op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...], form: Form,
             text: str) -> Kernel | str:  # the text tells 0.0 from -0.0, which are equal
    call = Call(op, inputs, outputs, form.training, form.winograd)
    module, pointers = Module(), len(inputs) + len(outputs) + 1

    def build(emit: Emit) -> Callable[[Function, list[Value]], None]:
        def body(f: Function, addresses: list[Value]) -> None:
            call.x, call.y = addresses[:len(inputs)], addresses[len(inputs):-1]
            call.prepared = addresses[-1] if prepared else None
            emit(f, call)
        return body

    try:
        found = emitter_of(call)
        prepared = found.prepared(call, form.machine)
        scratch = found.scratch(call, form.machine)
        name = module.kernel(call.root.name, form, pointers, build(found.emit))
        prepare = (module.kernel(f"prepare_{call.root.name}", form, pointers, build(found.prepare))
                   if prepared and found.prepare else None)
    except Unsupported as why:
        return str(why)
    read = [number for number, x in enumerate(call.x)
            if prepare and len(re.findall(rf"{x.text}\b", module.functions[prepare])) > 1]
    return Kernel(name, prepare, _rounded(scratch), _rounded(prepared), module.functions, module.declarations,
                  found.rounding(call), tuple(read))


def full_text(op: Op) -> str:
    """All that there is to know of an op: the same for no two that need different kernels."""
    return op.body.text if isinstance(op, Fused) else repr(op)


def write_kernel(op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...], form: Form) -> Kernel:
    """The kernel of an op; written once.

    Raises:
        Unsupported: it has none; the text says why.
    """
    found = _written(op, inputs, outputs, form, full_text(op))
    if isinstance(found, str):
        raise Unsupported(found)
    return found


def _rounded(floats: int) -> int:
    """A multiple of what a vector holds."""
    return -(-floats // LANES) * LANES
