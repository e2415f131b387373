"""The code of a Program: one function, `enter`, which runs all of it or one part, as it is told by a number.

All threads call it at once, each with its number. What a run is about (arrays of samples, how many there are) stands in
a record, of which `Record` says where what is.
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
from graphnet.runtime.native.sharing import is_small, shared, together
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
        places: where the operands lie whose addresses it is given, in order: a buffer and the offset in it, in bytes.
        record: where what is in the record of a run.
        kernels: for each instruction its kernel, or why NumPy runs it.
    """

    program: Program
    form: Form
    places: dict[tuple[str, int], int]
    record: Record
    kernels: tuple[Kernel | str, ...]

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
        calls = [(kernel.name, kernel.prepare, self.operands(index)) if isinstance(kernel, Kernel) else None
                 for index, kernel in enumerate(self.kernels)]
        ends = [(name, slot.operand, self.place(slot)) for name, slot in (*program.inputs.items(),
                                                                         *program.outputs.items())]
        small = [is_small(i) for i in program.instructions]
        return repr((self.form, calls, sorted(self.late), small, ends, self.record, program.each, program.blocked,
                     program.dims.get(BATCH), program.buffers.get(SCRATCH, 0)))

    def place(self, slot: Slot) -> int:
        """The number of an operand's place."""
        return self.places[slot.buffer, slot.offset]

    def operands(self, index: int) -> list[int]:
        """The numbers of the places that the kernel of an instruction is called with."""
        i = self.program.instructions[index]
        return [*map(self.place, (*i.inputs, *i.outputs)), self.places[PACKED, self._prepared[index]]]

    @cached_property
    def _prepared(self) -> tuple[int, ...]:
        return _prepared(self.kernels)


def plan_code(program: Program, target: NativeTarget) -> Code:
    """What the code of a Program will be, without its text."""
    kernels, batched = target.kernels(program), program.batched
    record = Record(tuple(n for n in program.inputs if n in batched), tuple(n for n in program.outputs if n in batched),
                    tuple(n for n in program.outputs if n not in batched))
    slots = (*program.inputs.values(), *program.outputs.values(),
             *(slot for i in program.instructions for slot in (*i.inputs, *i.outputs)))
    found = dict.fromkeys([*((slot.buffer, slot.offset) for slot in slots),
                           *((PACKED, offset) for offset in _prepared(kernels))])
    return Code(program, target.form, {place: number for number, place in enumerate(found)}, record, kernels)


def _prepared(kernels: Sequence[Kernel | str]) -> tuple[int, ...]:
    """For each instruction where in PACKED it finds what was prepared for it, in bytes."""
    sizes = [kernel.prepared * 4 if isinstance(kernel, Kernel) else 0 for kernel in kernels]
    return tuple(accumulate(sizes, initial=0))[:-1]


def write_code(code: Code, triple: str) -> str:
    """The text of a Program's code, for the processor that a triple names."""
    return _Writer(code).write(triple)


class _Writer:
    def __init__(self, code: Code) -> None:
        self.code, self.program, self.form, self.module = code, code.program, code.form, Module()
        self.record = code.record
        self.scratch = self.program.buffers.get(SCRATCH, 0)
        self.names: dict[str, str] = {}
        """Those of the functions that are called by their hints."""
        self._meets: dict[int, bool] = {}
        """For each instruction with a kernel whether threads meet within."""

    def write(self, triple: str) -> str:
        for index, kernel in enumerate(self.code.kernels):
            if isinstance(kernel, Kernel):
                functions, declarations = self._text(index, kernel)
                self.module.include(functions, declarations)
                self._meets[index] = any("@meet(" in text for text in functions.values())
        self.names["part"] = self._function("part", self._part, ("what", I64))
        for hint, write in (("alone", self._alone), ("apart", self._apart), ("together", self._together)):
            self.names[hint] = self._function(hint, write, ("first", I64), ("last", I64))
        if self.code.whole:
            self.names["run"] = self._function("run", self._run)
        return self.module.text(self._enter(), claiming(triple), defined=DEFINED)

    def _text(self, index: int, kernel: Kernel) -> tuple[dict[str, str], dict[str, str]]:
        """The functions of a kernel and what they need declared, which nobody may have written yet."""
        if not kernel.functions:
            written = NativeTarget(self.form).written(self.program, index)
            if isinstance(written, str) or written.name != kernel.name:
                raise RuntimeError(f"{kernel.name} was kept, but it is now {written}")
            kernel = written
        return kernel.functions, kernel.declarations

    def _function(self, hint: str, write: Callable[[Function, Value, Value, list[Value]], None],
                  *rest: tuple[str, str]) -> str:
        """Writes a function of the addresses of operands, the record, the number of the step's first sample, and the
        rest."""
        return self.module.function(hint, self.form, 2, (*PARAMETERS, ("offset", I64), *rest),
                                    lambda f, pointers, numbers: write(f, pointers[0], pointers[1],
                                                                       numbers[len(PARAMETERS):]))

    def _call(self, f: Function, name: str, places: Value, record: Value, offset: Value, *rest: Value,
              block: tuple[Value, Value, Value] | None = None, share: tuple[Value, Value] | None = None) -> None:
        n, base, total = block or (f.n, f.base, f.total)
        thread, threads = share or (f.thread, f.threads)
        scratch = f.at(f.scratch, thread * self.scratch, I8) if share else f.scratch
        f.call(self.names[name], "void", places, record, scratch, thread, threads, n, base, total, f.barrier, offset,
               *rest)

    def _part(self, f: Function, places: Value, record: Value, numbers: list[Value]) -> None:
        """Samples in or out, or one instruction, or what it prepares."""
        offset, what = numbers
        cases: dict[int, Callable[[], None]] = {
            FEED: lambda: self._feed(f, places, record, offset), GIVE: lambda: self._give(f, places, record)}
        behind = count(FIRST + len(self.code.kernels))
        for index, kernel in enumerate(self.code.kernels):
            if isinstance(kernel, Kernel):
                cases[FIRST + index] = partial(self._instruction, f, places, index, kernel.name)
            if isinstance(kernel, Kernel) and kernel.prepare and index not in self.code.late:
                cases[next(behind)] = partial(self._instruction, f, places, index, kernel.prepare)
        f.choose(what, cases)

    def _alone(self, f: Function, places: Value, record: Value, numbers: list[Value]) -> None:
        """Parts one after another."""
        offset, first, last = numbers
        with f.loop(first, last) as part, shared(f):
            self._call(f, "part", places, record, offset, part, share=(f.constant(0), f.constant(1)))

    def _apart(self, f: Function, places: Value, record: Value, numbers: list[Value]) -> None:
        offset, first, last = numbers
        with f.loop(first, last) as part, shared(f, f.threads) as share:
            self._call(f, "part", places, record, offset, part, share=(share, f.threads))

    def _together(self, f: Function, places: Value, record: Value, numbers: list[Value]) -> None:
        offset, first, last = numbers
        with f.loop(first, last) as part, together(f) as threads:
            self._call(f, "part", places, record, offset, part, share=(f.thread, threads))

    def _instruction(self, f: Function, places: Value, index: int, kernel: str) -> None:
        arguments = (*[f.scalar(places, place, PTR) for place in self.code.operands(index)],
                     f.scratch, f.thread, f.threads, f.n, f.base, f.total, f.barrier)
        found = self.code.kernels[index]
        if index in self.code.late and isinstance(found, Kernel) and found.prepare:
            f.call(found.prepare, "void", *arguments)
            f.meet()
        f.call(kernel, "void", *arguments)

    def _slot(self, f: Function, places: Value, slot: Slot) -> Value:
        return f.scalar(places, self.code.place(slot), PTR)

    def _feed(self, f: Function, places: Value, record: Value, offset: Value) -> None:
        for name in self.record.inputs:
            slot, entry = self.program.inputs[name], self.record.input(name)
            source, order = f.scalar(record, entry, PTR), f.scalar(record, entry + 1, PTR)
            feed(f, slot.operand, source, order, f.scalar(record, entry + 2, I64) + offset, self._slot(f, places, slot))

    def _give(self, f: Function, places: Value, record: Value) -> None:
        for name in self.record.outputs:
            slot = self.program.outputs[name]
            give(f, slot.operand, self._slot(f, places, slot), f.scalar(record, self.record.output(name), PTR))

    def _run(self, f: Function, places: Value, record: Value, numbers: list[Value]) -> None:
        samples, size, begins, rates, first, kept, stops = (
            f.scalar(record, entry, I64) for entry in (Record.COUNT, Record.SIZE, Record.BEGINS, Record.RATES,
                                                       Record.STEP, Record.KEPT, Record.STOPS))
        with f.loop(0, (samples + size - 1) // size) as step, f.when(self._goes_on(f, record, step)):
            start = step * size
            total = f.least(size, samples - start)
            with f.when(f.compare("ne", rates, 0)), shared(f):
                self._feed_step(f, places, record, step, first)
            instructions = len(self.code.kernels)
            whole, (begin, end) = (total, f.constant(0), total), self.program.each or (0, instructions)
            with f.when(f.compare("ne", begins + step, 0)):
                self._run_span(f, places, record, start, 0, begin, whole)
                self._run_span(f, places, record, start, instructions, instructions + len(self.code.preparing), whole)
            most = self.program.dims[BATCH] if self.program.blocked else total
            with f.loop(0, total, most) as base:
                block = f.least(most, total - base), base, total
                self._move(f, places, record, start, FEED, block)
                self._run_span(f, places, record, start, begin, end, block)
                self._move(f, places, record, start, GIVE, block)
            self._run_span(f, places, record, start, end, instructions, whole)
            with shared(f):
                self._keep(f, places, record, step, kept, stops)

    def _goes_on(self, f: Function, record: Value, step: Value) -> Value:
        """Whether the last step is still to come. Who is late finds only that one of later steps was the last."""
        f.call("begin", "void", f.barrier, f.thread, f.threads, f.constant(0))
        stops = f.scalar(record, Record.STOPS, I64)
        return f.bitwise("or", f.compare("sge", stops, 0), f.compare("slt", step, 0 - stops))

    def _run_span(self, f: Function, places: Value, record: Value, offset: Value, first: int, last: int,
                  block: tuple[Value, Value, Value]) -> None:
        """Runs the instructions, and what is prepared behind them, with these numbers."""
        for how, parts in groupby(range(first, last), self._how):
            numbers = [FIRST + number for number in parts]
            self._call(f, how, places, record, offset, *map(f.constant, (numbers[0], numbers[-1] + 1)), block=block)

    def _how(self, part: int) -> str:
        """How threads share an instruction, or behind those what is prepared for one."""
        behind = part - len(self.code.kernels)
        index = part if behind < 0 else self.code.preparing[behind]
        if index in self.code.late or self._meets.get(index):
            return "together"
        return "alone" if behind < 0 and is_small(self.program.instructions[index]) else "apart"

    def _move(self, f: Function, places: Value, record: Value, offset: Value, part: int,
              block: tuple[Value, Value, Value]) -> None:
        """Brings samples in, or out."""
        if self.record.inputs if part == FEED else self.record.outputs:
            self._call(f, "apart", places, record, offset, f.constant(part), f.constant(part + 1), block=block)

    def _feed_step(self, f: Function, places: Value, record: Value, step: Value, first: Value) -> None:
        """The number of the step and its learning rate."""
        for name, value in ((RATE, f.scalar(f.scalar(record, Record.RATES, PTR), step, F64)), (STEP, first + step)):
            if name in self.program.inputs:
                f.put(value, self._slot(f, places, self.program.inputs[name]))

    def _keep(self, f: Function, places: Value, record: Value, step: Value, kept: Value, stops: Value) -> None:
        """Copies what the step gave, counts it, and says whether it was the last."""
        f.put(step + 1, record, Record.DONE)
        with f.when(f.compare("ne", kept, 0)):
            target = f.at(f.scalar(record, Record.KEPT, PTR), step * self.record.stride(self.program), I8)
            for name, place in self.record.places(self.program).items():
                slot = self.program.outputs[name]
                f.call("llvm.memcpy.p0.p0.i64", "void", f.at(target, place, I8), self._slot(f, places, slot),
                       f.constant(slot.operand.nbytes), f.constant(0, I1))
        if LOSS in self.record.kept:
            loss = f.scalar(self._slot(f, places, self.program.outputs[LOSS]))
            finite = f.test("oeq", loss - loss, 0.0)
            with f.when(f.compare("ne", stops, 0)), f.when(f.bitwise("xor", finite, 1)):
                f.put(f.constant(-1) - step, record, Record.STOPS)

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
