"""The code of a Program: one function, `enter`, which runs all of it or one part, as it is told by a number.

All threads call it at once, each with its number. What a run is about (arrays of samples, how many there are) stands in
a record (record.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import accumulate, count, groupby

from graphnet.compiler.passes.attach_update import RATE, STEP
from graphnet.compiler.planning.program import PACKED, SCRATCH, Program, Slot
from graphnet.compiler.types import BATCH
from graphnet.runtime.llvm.barrier import DEFINED, claiming
from graphnet.runtime.llvm.function import PARAMETERS, Function
from graphnet.runtime.llvm.values import F64, I1, I8, I64, PTR, Value
from graphnet.runtime.native.emit.module import Form, Kernel, Module
from graphnet.runtime.native.feeding import feed, give
from graphnet.runtime.native.record import Record
from graphnet.runtime.native.sharing import WAYS, is_small, shared
from graphnet.runtime.native.target import NativeTarget

LOSS = "loss"
"""The output whose value tells whether training still makes sense."""
RUN, FEED, GIVE, FIRST = range(4)
NOTHING = -1
"""What `enter` can be told: the whole run; the samples in or out; from FIRST on an instruction, and behind them what
those that are `preparing` prepare."""
ENTRY = (("what", I64), ("places", PTR), ("record", PTR), ("thread", I64), ("threads", I64), ("memory", PTR),
         ("barrier", PTR), ("n", I64), ("base", I64), ("total", I64))
"""The arguments of `enter`. The last three are for parts alone, and say which block they are for."""


@dataclass(frozen=True)
class Code:
    """A Program's code as whoever runs it must know it, and what its text depends on.

    Attributes:
        program: whose it is.
        form: what it is written for.
    """

    program: Program
    form: Form

    @cached_property
    def kernels(self) -> tuple[Kernel | str, ...]:
        """For each instruction its kernel, or why NumPy runs it."""
        return tuple([kernel if isinstance(kernel, Kernel) else str(kernel) for kernel in self.program.kernels])

    @cached_property
    def record(self) -> Record:
        """Where what is in the record of a run."""
        program, batched = self.program, self.program.batched
        return Record(tuple(n for n in program.inputs if n in batched),
                      tuple(n for n in program.outputs if n in batched),
                      tuple(n for n in program.outputs if n not in batched))

    @cached_property
    def places(self) -> dict[tuple[str, int], int]:
        """The numbers of the operands' places, whose addresses it is given: each a buffer and the offset in bytes."""
        program = self.program
        slots = (*program.inputs.values(), *program.outputs.values(),
                 *(slot for i in program.instructions for slot in (*i.inputs, *i.outputs)))
        found = dict.fromkeys([*((slot.buffer, slot.offset) for slot in slots),
                               *((PACKED, offset) for offset in self._prepared)])
        return {place: number for number, place in enumerate(found)}

    @property
    def whole(self) -> bool:
        """Whether every instruction has a native kernel, so that a run is one call."""
        return all(isinstance(kernel, Kernel) for kernel in self.kernels)

    @cached_property
    def preparing(self) -> list[int]:
        """The instructions whose kernels have something prepared before samples come in."""
        return [i for i, kernel in enumerate(self.kernels)
                if isinstance(kernel, Kernel) and kernel.prepare and i not in self.late]

    @cached_property
    def late(self) -> frozenset[int]:
        """The instructions whose kernels have it prepared right before they run, since others make their weights."""
        start = self.program.each[0] if self.program.each else 0
        made: set[int] = set()
        late = set()
        for index, (i, kernel) in enumerate(zip(self.program.instructions, self.kernels, strict=True)):
            if isinstance(kernel, Kernel) and any(i.inputs[number].value in made for number in kernel.weights):
                late.add(index)
            made.update(slot.value for slot in i.outputs if index >= start)
        return frozenset(late)

    @property
    def key(self) -> str:
        """What its text depends on: the same for all Programs with the same text."""
        program = self.program
        calls = [(kernel.name, kernel.prepare, self.table(index)) if isinstance(kernel, Kernel) else None
                 for index, kernel in enumerate(self.kernels)]
        ends = [(name, slot.operand, self.place(slot)) for name, slot in (*program.inputs.items(),
                                                                         *program.outputs.items())]
        small = [is_small(i) for i in program.instructions]
        return repr((self.form, calls, sorted(self.late), small, ends, self.record, program.each, program.blocked,
                     program.dims.get(BATCH), program.buffers.get(SCRATCH, 0)))

    def place(self, slot: Slot) -> int:
        """The number of an operand's place."""
        return self.places[slot.buffer, slot.offset]

    @cached_property
    def addresses(self) -> list[tuple[str, int]]:
        """Where everything lies whose address it is given: the places, and behind them, for each instruction, those of
        its operands again, which its kernel finds beside each other."""
        return [*self.places, *(place for places in self._operands for place in places)]

    def table(self, index: int) -> int:
        """The number of the first address of the operands of an instruction."""
        return self._tables[index]

    @cached_property
    def _tables(self) -> list[int]:
        return list(accumulate(map(len, self._operands), initial=len(self.places)))

    @cached_property
    def _operands(self) -> list[list[tuple[str, int]]]:
        return [[*((slot.buffer, slot.offset) for slot in (*i.inputs, *i.outputs)), (PACKED, prepared)]
                for i, prepared in zip(self.program.instructions, self._prepared, strict=True)]

    @cached_property
    def _prepared(self) -> tuple[int, ...]:
        """For each instruction where in PACKED it finds what was prepared for it, in bytes."""
        sizes = [kernel.prepared * 4 if isinstance(kernel, Kernel) else 0 for kernel in self.kernels]
        return tuple(accumulate(sizes, initial=0))[:-1]


def write_code(code: Code, triple: str) -> str:
    """The text of a Program's code, for the processor that a triple names."""
    return _Writer(code).write(triple)


class _Writer:
    """Writes functions of the addresses of operands, of the record, of what every kernel is called with, of the number
    of the step's first sample, and of the rest; one after another, so that it knows which one it is at."""

    def __init__(self, code: Code) -> None:
        self.code, self.program, self.form, self.module = code, code.program, code.form, Module()
        self.entries, self.scratch = code.record, self.program.buffers.get(SCRATCH, 0)
        self.names: dict[str, str] = {}
        """Those of the functions that are called by their hints."""
        self._meets: set[int] = set()
        """The instructions within which threads meet."""
        self.f: Function
        self.places: Value
        self.record: Value
        self.offset: Value

    def write(self, triple: str) -> str:
        for index, kernel in enumerate(self.code.kernels):
            if isinstance(kernel, Kernel):
                functions, declarations = self._text(index, kernel)
                self.module.include(functions, declarations)
                if any("@meet(" in text for text in functions.values()):
                    self._meets.add(index)
        self._function("part", self._part, "what")
        for way in WAYS:
            self._function(way, partial(self._parts, way), "first", "last")
        if self.code.whole:
            self._function("run", self._run)
        return self.module.text(self._enter(), claiming(triple), defined=DEFINED)

    def _text(self, index: int, kernel: Kernel) -> tuple[dict[str, str], dict[str, str]]:
        """The functions of a kernel and what they need declared, which nobody may have written yet."""
        if not kernel.functions:
            written = NativeTarget(self.form).written(self.program, index)
            if isinstance(written, str) or written.name != kernel.name:
                raise RuntimeError(f"{kernel.name} was kept, but it is now {written}")
            kernel = written
        return kernel.functions, kernel.declarations

    def _function(self, hint: str, write: Callable[..., None], *rest: str) -> None:
        def build(f: Function, pointers: Sequence[Value], numbers: Sequence[Value]) -> None:
            self.f, (self.places, self.record), (self.offset, *others) = f, pointers, numbers[len(PARAMETERS):]
            write(*others)
        self.names[hint] = self.module.function(
            hint, self.form, 2, (*PARAMETERS, *((name, I64) for name in ("offset", *rest))), build)

    def _call(self, hint: str, offset: Value, *rest: Value, block: Sequence[Value] = ()) -> None:
        f = self.f
        f.call(self.names[hint], "void", self.places, self.record, f.scratch, f.thread, f.threads,
               *(block or (f.n, f.base, f.total)), f.barrier, offset, *rest)

    def _call_part(self, part: Value, share: Value, shares: Value) -> None:
        f = self.f
        f.call(self.names["part"], "void", self.places, self.record, f.at(f.scratch, share * self.scratch, I8), share,
               shares, f.n, f.base, f.total, f.barrier, self.offset, part)

    def _part(self, what: Value) -> None:
        """Samples in or out, or one instruction, or what it prepares."""
        cases: dict[int, Callable[[], None]] = {FEED: self._feed, GIVE: self._give}
        behind = count(FIRST + len(self.code.kernels))
        for index, kernel in enumerate(self.code.kernels):
            if isinstance(kernel, Kernel):
                cases[FIRST + index] = partial(self._instruction, index, kernel.name)
            if isinstance(kernel, Kernel) and kernel.prepare and index not in self.code.late:
                cases[next(behind)] = partial(self._instruction, index, kernel.prepare)
        self.f.choose(what, cases)

    def _parts(self, way: str, first: Value, last: Value) -> None:
        """Parts one after another."""
        with self.f.loop(first, last) as part, WAYS[way](self.f) as (share, shares):
            self._call_part(part, share, shares)

    def _instruction(self, index: int, kernel: str) -> None:
        f = self.f
        arguments = (f.at(self.places, self.code.table(index), PTR), f.scratch, f.thread, f.threads, f.n, f.base,
                     f.total, f.barrier)
        found = self.code.kernels[index]
        if index in self.code.late and isinstance(found, Kernel) and found.prepare:
            f.call(found.prepare, "void", *arguments)
            f.meet()
        f.call(kernel, "void", *arguments)

    def _slot(self, slot: Slot) -> Value:
        return self.f.scalar(self.places, self.code.place(slot), PTR)

    def _entry(self, entry: int, type: str = I64) -> Value:
        return self.f.scalar(self.record, entry, type)

    def _feed(self) -> None:
        for name in self.entries.inputs:
            slot, entry = self.program.inputs[name], self.entries.input(name)
            source, order = self._entry(entry, PTR), self._entry(entry + 1, PTR)
            feed(self.f, slot.operand, source, order, self._entry(entry + 2) + self.offset, self._slot(slot))

    def _give(self) -> None:
        for name in self.entries.outputs:
            slot = self.program.outputs[name]
            give(self.f, slot.operand, self._slot(slot), self._entry(self.entries.output(name), PTR))

    def _run(self) -> None:
        f, instructions = self.f, len(self.code.kernels)
        samples, size, begins, rates, first, kept, stops = map(self._entry, range(Record.DONE))
        with f.loop(0, (samples + size - 1) // size) as step, f.when(self._goes_on(step)):
            start = step * size
            total = f.least(size, samples - start)
            with f.when(f.compare("ne", rates, 0)), shared(f):
                self._feed_step(step, first)
            whole, (begin, end) = (total, f.constant(0), total), self.program.each or (0, instructions)
            with f.when(f.compare("ne", begins + step, 0)):
                self._run_span(start, 0, begin, whole)
                self._run_span(start, instructions, instructions + len(self.code.preparing), whole)
            most = self.program.dims[BATCH] if self.program.blocked else total
            with f.loop(0, total, most) as base:
                block = f.least(most, total - base), base, total
                self._move(start, FEED, block)
                self._run_span(start, begin, end, block)
                self._move(start, GIVE, block)
            self._run_span(start, end, instructions, whole)
            with shared(f):
                self._keep(step, kept, stops)

    def _goes_on(self, step: Value) -> Value:
        """Whether the last step is still to come. Who is late finds only that one of later steps was the last."""
        f = self.f
        f.call("begin", "void", f.barrier, f.thread, f.threads, f.constant(0))
        stops = self._entry(Record.STOPS)
        return f.bitwise("or", f.compare("sge", stops, 0), f.compare("slt", step, 0 - stops))

    def _run_span(self, offset: Value, first: int, last: int, block: Sequence[Value]) -> None:
        """Runs the instructions, and what is prepared behind them, with these numbers."""
        for way, parts in groupby(range(first, last), self._way):
            numbers = [FIRST + number for number in parts]
            self._call(way, offset, *map(self.f.constant, (numbers[0], numbers[-1] + 1)), block=block)

    def _way(self, part: int) -> str:
        """How threads share an instruction, or behind those what is prepared for one."""
        behind = part - len(self.code.kernels)
        index = part if behind < 0 else self.code.preparing[behind]
        if index in self.code.late or index in self._meets:
            return "together"
        return "alone" if behind < 0 and is_small(self.program.instructions[index]) else "apart"

    def _move(self, offset: Value, part: int, block: Sequence[Value]) -> None:
        """Brings samples in, or out."""
        if self.entries.inputs if part == FEED else self.entries.outputs:
            self._call("apart", offset, self.f.constant(part), self.f.constant(part + 1), block=block)

    def _feed_step(self, step: Value, first: Value) -> None:
        """The number of the step and its learning rate."""
        f, inputs = self.f, self.program.inputs
        for name, value in ((RATE, f.scalar(self._entry(Record.RATES, PTR), step, F64)), (STEP, first + step)):
            if name in inputs:
                f.put(value, self._slot(inputs[name]))

    def _keep(self, step: Value, kept: Value, stops: Value) -> None:
        """Copies what the step gave, counts it, and says whether it was the last."""
        f, (places, stride) = self.f, self.entries.places(self.program)
        f.put(step + 1, self.record, Record.DONE)
        with f.when(f.compare("ne", kept, 0)):
            target = f.at(self._entry(Record.KEPT, PTR), step * stride, I8)
            for name, place in places.items():
                slot = self.program.outputs[name]
                f.call("llvm.memcpy.p0.p0.i64", "void", f.at(target, place, I8), self._slot(slot),
                       f.constant(slot.operand.nbytes), f.constant(0, I1))
        if LOSS in self.entries.kept:
            loss = f.scalar(self._slot(self.program.outputs[LOSS]))
            finite = f.test("oeq", loss - loss, 0.0)
            with f.when(f.compare("ne", stops, 0)), f.when(f.bitwise("xor", finite, 1)):
                f.put(f.constant(-1) - step, self.record, Record.STOPS)

    def _enter(self) -> str:
        arguments = ", ".join(f"{type} %{name}" for name, type in ENTRY)
        given = ("ptr %places, ptr %record, ptr %memory, i64 %thread, i64 %threads, i64 %n, i64 %base, i64 %total, "
                 "ptr %barrier, i64 0")
        run = f"call void @{self.names['run']}({given})\n" if self.code.whole else ""
        return (f"define void @enter({arguments}) nounwind {{\n  %all = icmp eq i64 %what, {RUN}\n"
                f"  br i1 %all, label %run, label %part\nrun:\n  {run}  br label %done\n"
                f"part:\n  %next = add i64 %what, 1\n  call void @{self.names['together']}({given}, i64 %what, "
                "i64 %next)\n  br label %done\ndone:\n"
                "  call void @begin(ptr %barrier, i64 %thread, i64 %threads, i64 0)\n  ret void\n}\n")
