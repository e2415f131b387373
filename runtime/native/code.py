"""The code of a Program: one function, `enter`, which runs all of it or one part, as it is told by a number.

All threads call it at once, each with its number. What a run is about (arrays of samples, how many there are) stands in
a record, of which `Record` says where what is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from graphnet.compiler.passes.attach_update import RATE, STEP
from graphnet.compiler.planning.program import OWN, PACKED, SCRATCH, Program, Slot
from graphnet.compiler.types import BATCH
from graphnet.runtime.native.barrier import meeting
from graphnet.runtime.native.feeding import feed, give
from graphnet.runtime.native.function import PARAMETERS, Function
from graphnet.runtime.native.module import Kernel, Module
from graphnet.runtime.native.target import NativeTarget
from graphnet.runtime.native.values import F64, I1, I8, I64, PTR, Value

LOSS = "loss"
"""The output whose value tells whether training still makes sense."""
RUN, BEGIN, EACH, END, FEED, GIVE, FIRST = range(7)
NOTHING = -1
"""What `enter` can be told: the whole run; a stage; the samples in or out; from FIRST on an instruction, and from
FIRST + their number on what it prepares."""
ENTRY = (("what", I64), ("bases", PTR), ("record", PTR), ("thread", I64), ("threads", I64), ("memory", PTR),
         ("barrier", PTR), ("n", I64), ("base", I64), ("total", I64))
"""The arguments of `enter`. The last three are for parts alone, and say which block they are for."""


@dataclass(frozen=True)
class Record:
    """Where what is in the record of a run, an array of int64.

    Attributes:
        inputs, outputs: the names of those that have a row for each sample; of an input there are the address of its
            array, that of an order (0 if there is none) and the number of the first sample, of an output that of its
            array.
        kept: the names of the other outputs, whose values after each step are kept where the record says.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    kept: tuple[str, ...]

    COUNT = 0
    """Samples of all steps."""
    SIZE = 1
    """Samples of a step; the last one may have fewer."""
    BEGINS = 2
    """Whether what depends on weights alone is to be made at the first step."""
    RATES = 3
    """The address of the learning rates of the steps."""
    STEP = 4
    """The number of the first step."""
    KEPT = 5
    """The address of where what each step gives is kept; 0 for nowhere."""
    STOPS = 6
    """Whether a step whose loss is not finite is the last."""
    DONE = 7
    """How many steps were done."""
    _FIRST = 8

    def input(self, name: str) -> int:
        """Where the entries of an input begin."""
        return self._FIRST + 3 * self.inputs.index(name)

    def places(self, program: Program) -> dict[str, int]:
        """Where in the bytes that are kept of a step each output is."""
        sizes = [-(-program.outputs[name].operand.nbytes // 8) * 8 for name in self.kept]
        return dict(zip(self.kept, accumulate(sizes, initial=0), strict=False))

    def stride(self, program: Program) -> int:
        """How many bytes are kept of a step."""
        return sum(-(-program.outputs[name].operand.nbytes // 8) * 8 for name in self.kept)

    def output(self, name: str) -> int:
        """Where the entry of an output is."""
        return self._FIRST + 3 * len(self.inputs) + self.outputs.index(name)

    @property
    def length(self) -> int:
        """How many entries there are."""
        return self._FIRST + 3 * len(self.inputs) + len(self.outputs)


@dataclass(frozen=True)
class Code:
    """The text of a Program's code, and what whoever runs it must know.

    Attributes:
        text: LLVM IR.
        bases: the names of the buffers whose addresses it is given, in order.
        record: where what is in the record of a run.
        kernels: for each instruction its kernel, or why NumPy runs it.
        prepared: for each instruction where in PACKED it finds what was prepared for it, in bytes.
    """

    text: str
    bases: tuple[str, ...]
    record: Record
    kernels: tuple[Kernel | str, ...]
    prepared: tuple[int, ...]

    @property
    def whole(self) -> bool:
        """Whether every instruction has a native kernel, so that a run is one call."""
        return all(isinstance(kernel, Kernel) for kernel in self.kernels)


def write_code(program: Program, target: NativeTarget, triple: str) -> Code:
    """Writes the code of a Program for the processor that a triple names."""
    return _Writer(program, target).write(triple)


class _Writer:
    def __init__(self, program: Program, target: NativeTarget) -> None:
        self.program, self.form, self.module = program, target.form, Module()
        self.kernels = target.kernels(program)
        self.bases = (*(name for name in program.buffers if not name.startswith(OWN)), PACKED)
        batched = program.batched
        self.record = Record(tuple(n for n in program.inputs if n in batched),
                             tuple(n for n in program.outputs if n in batched),
                             tuple(n for n in program.outputs if n not in batched))
        sizes = [kernel.prepared * 4 if isinstance(kernel, Kernel) else 0 for kernel in self.kernels]
        self.prepared = tuple(accumulate(sizes, initial=0))[:-1]
        self.scratch = program.buffers.get(SCRATCH, 0)
        self.parts: dict[int, str] = {}

    def write(self, triple: str) -> Code:
        count = len(self.kernels)
        for index, kernel in enumerate(self.kernels):
            if not isinstance(kernel, Kernel):
                continue
            self.module.include(kernel.functions, kernel.declarations)
            self.parts[FIRST + index] = self._instruction(index, kernel.name)
            if kernel.prepare:
                self.parts[FIRST + count + index] = self._instruction(index, kernel.prepare)
        self.parts[FEED], self.parts[GIVE] = self._part("feed", self._feed), self._part("give", self._give)
        if all(isinstance(kernel, Kernel) for kernel in self.kernels):
            start, stop = self.program.each or (0, count)
            preparing = [n for n in self.parts if n >= FIRST + count]
            self.parts[BEGIN] = self._sequence("begin", [*range(FIRST, FIRST + start), *preparing])
            self.parts[EACH] = self._sequence("each", [FEED, *range(FIRST + start, FIRST + stop), GIVE])
            self.parts[END] = self._sequence("end", [*range(FIRST + stop, FIRST + count)])
            self.parts[RUN] = self._part("run", self._run)
        text = self.module.text(self._enter(), meeting(triple), defined=("meet",))
        return Code(text, self.bases, self.record, self.kernels, self.prepared)

    def _part(self, hint: str, write: Callable[[Function, Value, Value, Value], None]) -> str:
        """Writes a function of the addresses of buffers, the record, and the number of the step's first sample."""
        return self.module.function(hint, self.form, 2, (*PARAMETERS, ("offset", I64)),
                                    lambda f, pointers, numbers: write(f, *pointers, numbers[-1]))

    def _sequence(self, hint: str, parts: Sequence[int]) -> str:
        """Parts one after another; threads meet behind each."""
        def write(f: Function, bases: Value, record: Value, offset: Value) -> None:
            for number in parts:
                self._call(f, number, bases, record, offset)
                f.meet()
        return self._part(hint, write)

    def _call(self, f: Function, part: int, bases: Value, record: Value, offset: Value,
              block: tuple[Value, Value, Value] | None = None) -> None:
        n, base, total = block or (f.n, f.base, f.total)
        f.call(self.parts[part], "void", bases, record, f.scratch, f.thread, f.threads, n, base, total, f.barrier,
               offset)

    def _address(self, f: Function, bases: Value, buffer: str, offset: int) -> Value:
        return f.at(f.scalar(bases, self.bases.index(buffer), PTR), offset, I8)

    def _slot(self, f: Function, bases: Value, slot: Slot) -> Value:
        return self._address(f, bases, slot.buffer, slot.offset)

    def _instruction(self, index: int, kernel: str) -> str:
        i = self.program.instructions[index]

        def write(f: Function, bases: Value, record: Value, offset: Value) -> None:
            operands = [self._slot(f, bases, slot) for slot in (*i.inputs, *i.outputs)]
            prepared = self._address(f, bases, PACKED, self.prepared[index])
            f.call(kernel, "void", *operands, prepared, f.scratch, f.thread, f.threads, f.n, f.base, f.total, f.barrier)
        return self._part(f"instruction{index}", write)

    def _feed(self, f: Function, bases: Value, record: Value, offset: Value) -> None:
        for name in self.record.inputs:
            slot, entry = self.program.inputs[name], self.record.input(name)
            source, order = f.scalar(record, entry, PTR), f.scalar(record, entry + 1, PTR)
            feed(f, slot.operand, source, order, f.scalar(record, entry + 2, I64) + offset, self._slot(f, bases, slot))

    def _give(self, f: Function, bases: Value, record: Value, offset: Value) -> None:
        for name in self.record.outputs:
            slot = self.program.outputs[name]
            give(f, slot.operand, self._slot(f, bases, slot), f.scalar(record, self.record.output(name), PTR))

    def _run(self, f: Function, bases: Value, record: Value, offset: Value) -> None:
        count, size, begins, rates, first, kept, stops = (
            f.scalar(record, entry, I64) for entry in (Record.COUNT, Record.SIZE, Record.BEGINS, Record.RATES,
                                                       Record.STEP, Record.KEPT, Record.STOPS))
        going = f.variable(f.constant(1))
        with f.loop(0, (count + size - 1) // size) as step, f.when(f.compare("eq", going.get(), 1)):
            start = step * size
            total = f.least(size, count - start)
            with f.when(f.compare("ne", rates, 0)):
                self._feed_step(f, bases, record, step, first)
                f.meet()
            nothing = f.constant(0)
            with f.when(f.compare("ne", begins + step, 0)):
                self._call(f, BEGIN, bases, record, start, (total, nothing, total))
            block = self.program.dims[BATCH] if self.program.blocked else total
            with f.loop(0, total, block) as base:
                self._call(f, EACH, bases, record, start, (f.least(block, total - base), base, total))
            self._call(f, END, bases, record, start, (total, nothing, total))
            self._keep(f, bases, record, step, kept)
            if LOSS in self.record.kept:
                loss = f.scalar(self._slot(f, bases, self.program.outputs[LOSS]))
                finite = f.test("oeq", loss - loss, 0.0)
                with f.when(f.compare("ne", stops, 0)), f.when(f.instruction(f"xor {I1}", finite, f.constant(1, I1))):
                    going.set(f.constant(0))
                f.meet()

    def _feed_step(self, f: Function, bases: Value, record: Value, step: Value, first: Value) -> None:
        """The number of the step and its learning rate."""
        with f.one_thread():
            for name, value in ((RATE, f.scalar(f.scalar(record, Record.RATES, PTR), step, F64)),
                                (STEP, first + step)):
                if name in self.program.inputs:
                    f.put(value, self._slot(f, bases, self.program.inputs[name]))

    def _keep(self, f: Function, bases: Value, record: Value, step: Value, kept: Value) -> None:
        """Copies what the step gave, and counts it."""
        with f.one_thread():
            f.put(step + 1, record, Record.DONE)
            with f.when(f.compare("ne", kept, 0)):
                target = f.at(f.scalar(record, Record.KEPT, PTR), step * self.record.stride(self.program), I8)
                for name, place in self.record.places(self.program).items():
                    slot = self.program.outputs[name]
                    f.call("llvm.memcpy.p0.p0.i64", "void", f.at(target, place, I8), self._slot(f, bases, slot),
                           f.constant(slot.operand.nbytes), f.constant(0, I1))

    def _enter(self) -> str:
        cases = "\n".join(f"    i64 {number}, label %part{number}" for number in self.parts)
        calls = "\n".join(
            f"part{number}:\n  call void @{name}(ptr %bases, ptr %record, ptr %own, i64 %thread, i64 %threads, i64 %n, "
            f"i64 %base, i64 %total, ptr %barrier, i64 0)\n  br label %done" for number, name in self.parts.items())
        arguments = ", ".join(f"{type} %{name}" for name, type in ENTRY)
        return (f"define void @enter({arguments}) nounwind {{\n  %skipped = mul i64 %thread, {self.scratch}\n"
                f"  %own = getelementptr i8, ptr %memory, i64 %skipped\n"
                f"  switch i64 %what, label %done [\n{cases}\n  ]\n{calls}\ndone:\n"
                "  call void @meet(ptr %barrier, i64 %threads)\n  ret void\n}\n")
