"""The function of a kernel: what it is called with, vectors, masks, memory. It knows no op.

A kernel is called by every thread at once, for a block of samples, and does its share of the work. Offsets are counted
in elements of what they lead to. Where a sum over samples is taken, a kernel adds to what earlier blocks left: it
begins with `earlier`, and takes only the first `n` samples, unless the others' share is 0 as it is for gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from graphnet.runtime.llvm.machine import LANES, Machine
from graphnet.runtime.llvm.values import (
    F32,
    I1,
    I8,
    I32,
    I64,
    INTS,
    MASK,
    POINTERS,
    PTR,
    VEC,
    Index,
    Value,
    element_of,
    lanes_of,
    with_elements,
)
from graphnet.runtime.llvm.writer import Writer

Lanes = Value | int | None
"""How many lanes of a vector count: a number, or an i64; None for all."""
PARAMETERS = (("scratch", PTR), ("thread", I64), ("threads", I64), ("n", I64), ("base", I64), ("total", I64),
              ("barrier", PTR))
"""What every kernel is called with behind the addresses of its operands."""
_COMMON = 9
"""Where behind the barrier, in addresses, there is room for one."""
_BYTES = {F32: 4, "double": 8, I64: 8, I32: 4, I8: 1, "i16": 2}


Build = Callable[["Function", list[Value], list[Value]], None]
"""Writes the body of a function, given its pointers and its integers."""
Helper = Callable[[str, int, int, Build], str]


class Function(Writer):
    """A kernel that is being written.

    Attributes:
        machine: what it is written for.
        blocked: whether it is called for one block of samples after another. If not, all samples are in one block.
        scratch: the address of this thread's own memory, of a multiple of 64 bytes.
        thread, threads: the number of this thread, and how many there are.
        n: how many samples of the block are real; memory holds room for more, see `Operand.batch`.
        base: the number of the block's first sample.
        total: how many samples there are in all blocks.
        barrier: where threads meet.
    """

    def __init__(self, declarations: dict[str, str], machine: Machine, blocked: bool,
                 helper: Helper | None = None) -> None:
        super().__init__(declarations)
        self._helper = helper
        self.machine, self.blocked = machine, blocked
        self.scratch, self.thread, self.threads, self.n, base, self.total, self.barrier = (
            Value(self, f"%{name}", type) for name, type in PARAMETERS)
        self.base = base if blocked else self.constant(0)

    # Blocks and threads ------------------------------------------------------------------------------------------

    @property
    def first(self) -> Value | bool:
        """Whether this is the first block."""
        return self.compare("eq", self.base, 0) if self.blocked else True

    @property
    def last(self) -> Value | bool:
        """Whether this is the last block."""
        return self.compare("eq", self.base + self.n, self.total) if self.blocked else True

    def earlier(self, load: Callable[[], Value], zero: Value | None = None) -> Value:
        """What a sum over samples begins with: 0 in the first block, what earlier blocks left in the others."""
        begun = self.variable(self.zero() if zero is None else zero)
        with self.when(self.blocked and self.compare("ne", self.base, 0)):
            begun.set(load())
        return begun.get()

    def share(self, count: Index) -> tuple[Value, Value]:
        """This thread's part [lo, hi) of so many pieces of work. It must not decide about the order of a sum."""
        return self.thread * count // self.threads, (self.thread + 1) * count // self.threads

    @contextmanager
    def one_thread(self) -> Iterator[None]:
        """What is written within is done by one thread alone."""
        with self.when(self.compare("eq", self.thread, 0)):
            yield

    def meet(self) -> None:
        """Waits until all threads are here. Every thread must come by as often."""
        self.call("meet", "void", self.barrier, self.threads)

    def of_first(self, address: Value) -> Value:
        """The address that thread 0 gives, for all of them: of memory in which they work together.

        They meet here, and must meet once more before it is asked for again.
        """
        with self.one_thread():
            self.put(address, self.barrier, _COMMON)
        self.meet()
        return self.scalar(self.barrier, _COMMON, PTR)

    def shared(self, hint: str, pointers: Sequence[Value], integers: Sequence[Index],
               build: Build) -> None:
        """Calls a function that is written once for all kernels: `build(function, pointers, integers)` writes it."""
        if self._helper is None:
            raise ValueError(f"there is no module to write {hint} in")
        name = self._helper(hint, len(pointers), len(integers), build)
        self.call(name, "void", *pointers, *(self.constant(number) for number in integers))

    # Integers and conditions -------------------------------------------------------------------------------------

    def compare(self, how: str, a: Index, b: Index) -> Value:
        """i1: `eq`, `ne`, `slt`, `sle`, `sgt`, `sge` of integers."""
        return self.instruction(f"icmp {how} {I64}", self.constant(a), self.constant(b), type=I1)

    def least(self, a: Index, b: Index) -> Value:
        """The smaller of two i64."""
        return self._extreme("smin", min, a, b)

    def most(self, a: Index, b: Index) -> Value:
        """The greater of two i64."""
        return self._extreme("smax", max, a, b)

    def _extreme(self, name: str, fold: Callable[[int, int], int], a: Index, b: Index) -> Value:
        a, b = self.constant(a), self.constant(b)
        if a.known is not None and b.known is not None:
            return self.constant(fold(a.known, b.known))
        return self.intrinsic(name, a, b)

    # Memory ------------------------------------------------------------------------------------------------------

    def at(self, pointer: Value, offset: Index, element: str = F32) -> Value:
        """The address of an element."""
        offset = self.constant(offset)
        if offset.known == 0:
            return pointer
        return self.assign(f"getelementptr {element}, ptr {pointer.text}, i64 {offset.text}", PTR)

    def scalar(self, pointer: Value, offset: Index = 0, type: str = F32) -> Value:
        """One element."""
        return self.assign(f"load {type}, ptr {self.at(pointer, offset, type).text}", type)

    def put(self, value: Value, pointer: Value, offset: Index = 0) -> None:
        """Writes one element."""
        self.line(f"store {value.type} {value.text}, ptr {self.at(pointer, offset, value.type).text}")

    def add_shared(self, value: Value, pointer: Value, offset: Index = 0) -> None:
        """Adds to a float that all threads add to, in any order: for whole numbers, whose sums are exact."""
        target = self.at(pointer, offset, value.type)
        self.assign(f"atomicrmw fadd ptr {target.text}, {value.type} {value.text} monotonic", value.type)

    def load(self, pointer: Value, offset: Index = 0, lanes: Lanes = None, element: str = F32) -> Value:
        """A vector; what lies behind `lanes` is not read, and 0."""
        source, type = self.at(pointer, offset, element), with_elements(VEC, element)
        if self._whole(lanes):
            return self.assign(f"load {type}, ptr {source.text}, align {_BYTES[element]}", type)
        name = f"llvm.masked.load.v{LANES}{_short(element)}.p0"
        return self.call(name, type, source, self.constant(_BYTES[element], I32), self.mask(lanes),
                         self.constant(0, type))

    def store(self, value: Value, pointer: Value, offset: Index = 0, lanes: Lanes = None) -> None:
        """Writes a vector; what lies behind `lanes` is left as it is."""
        element = element_of(value.type)
        target = self.at(pointer, offset, element)
        if self._whole(lanes):
            self.line(f"store {value.type} {value.text}, ptr {target.text}, align {_BYTES[element]}")
            return
        if isinstance(lanes, int) and self.machine.lanes < LANES:
            self._store_parts(value, target, lanes)
            return
        name = f"llvm.masked.store.v{LANES}{_short(element)}.p0"
        self.call(name, "void", value, target, self.constant(_BYTES[element], I32), self.mask(lanes))

    def _store_parts(self, value: Value, target: Value, lanes: int) -> None:
        """Parts of 8, 4, 2 and 1 lanes: without registers for masks, some processors take long over masked stores."""
        done, element = 0, element_of(value.type)
        for size in (8, 4, 2, 1):
            if lanes & size:
                part = self.shuffle(value, value, range(done, done + size))
                self.line(f"store {part.type} {part.text}, ptr {self.at(target, done, element).text}, "
                          f"align {_BYTES[element]}")
                done += size

    def prefetch(self, pointer: Value, offset: Index = 0) -> None:
        """Has a cache line fetched that is needed soon. It may lie outside of what the pointer leads to."""
        self.call("llvm.prefetch.p0", "void", self.at(pointer, offset), *(self.constant(i, I32) for i in (0, 3, 1)))

    def gather(self, pointer: Value, stride: int | Value, lanes: Lanes = None) -> Value:
        """A vector of floats that lie `stride` elements apart, or at these offsets, one a lane."""
        if not isinstance(stride, Value) and not isinstance(lanes, Value):
            made = self.zero()
            for lane in range(LANES if lanes is None else lanes):
                one = self.scalar(pointer, lane * stride)
                made = self.assign(f"insertelement {VEC} {made.text}, float {one.text}, i32 {lane}", VEC)
            return made
        name = f"llvm.masked.gather.v{LANES}f32.v{LANES}p0"
        return self.call(name, VEC, self._apart(pointer, stride), self.constant(4, I32), self.mask(lanes),
                         self.zero())

    def scatter(self, value: Value, pointer: Value, stride: int, lanes: Lanes = None) -> None:
        """Writes the floats of a vector `stride` elements apart."""
        if not isinstance(lanes, Value):
            for lane in range(LANES if lanes is None else lanes):
                one = self.assign(f"extractelement {VEC} {value.text}, i32 {lane}", F32)
                self.put(one, pointer, lane * stride)
            return
        name = f"llvm.masked.scatter.v{LANES}f32.v{LANES}p0"
        self.call(name, "void", value, self._apart(pointer, stride), self.constant(4, I32), self.mask(lanes))

    def _apart(self, pointer: Value, stride: int | Value) -> Value:
        places = (stride if isinstance(stride, Value)
                  else self.list_constant([lane * stride for lane in range(LANES)], I64))
        return self.assign(f"getelementptr float, ptr {pointer.text}, {places.type} {places.text}", POINTERS)

    @staticmethod
    def _whole(lanes: Lanes) -> bool:
        return lanes is None or lanes == LANES if not isinstance(lanes, Value) else lanes.known == LANES

    def mask(self, lanes: Lanes) -> Value:
        """True in the first lanes."""
        if isinstance(lanes, Value) and lanes.known is not None:
            lanes = lanes.known
        if not isinstance(lanes, Value):
            return self.list_constant([int(lane < (LANES if lanes is None else lanes)) for lane in range(LANES)], I1)
        return self.instruction(f"icmp slt {INTS}", self.list_constant(list(range(LANES)), I32),
                                self.narrow(lanes), type=MASK)

    def narrow(self, value: Value) -> Value:
        """An i64 in every lane of a vector of i32."""
        return self.splat(self.assign(f"trunc i64 {value.text} to i32", I32))

    # Vectors -----------------------------------------------------------------------------------------------------

    def zero(self) -> Value:
        """A vector of 0."""
        return Value(self, "zeroinitializer", VEC)

    def splat(self, value: Value | float) -> Value:
        """A scalar in every lane; a vector stays."""
        if not isinstance(value, Value):
            return self.constant(value, VEC)
        if lanes_of(value.type):
            return value
        type = f"<{LANES} x {value.type}>"
        one = self.assign(f"insertelement {type} poison, {value.type} {value.text}, i32 0", type)
        return self.assign(f"shufflevector {type} {one.text}, {type} poison, <{LANES} x i32> zeroinitializer", type)

    def fma(self, a: Value | float, b: Value | float, c: Value | float) -> Value:
        """a · b + c, rounded once; at least one is a Value, whose type is that of all."""
        type = next(v.type for v in (a, b, c) if isinstance(v, Value))
        return self.intrinsic("fma", *(self.constant(v, type) for v in (a, b, c)))

    def test(self, how: str, a: Value, b: Value | float) -> Value:
        """Compares floats: `oeq`, `olt`, `ogt`, … are False for NaN, `ueq`, `ult`, … True."""
        return self.instruction(f"fcmp {how} {a.type}", a, self.constant(b, a.type), type=with_elements(a.type, I1))

    def select(self, condition: Value, a: Value | float, b: Value | float) -> Value:
        """a where the condition holds, else b; at least one is a Value."""
        type = next(v.type for v in (a, b) if isinstance(v, Value))
        a, b = self.constant(a, type), self.constant(b, type)
        return self.assign(f"select {condition.type} {condition.text}, {type} {a.text}, {type} {b.text}", type)

    def greater(self, a: Value | float, b: Value | float) -> Value:
        """The greater of two; NaN if either is. At least one is a Value."""
        return self._picked("ogt", a, b)

    def smaller(self, a: Value | float, b: Value | float) -> Value:
        """The smaller of two; NaN if either is. At least one is a Value."""
        return self._picked("olt", a, b)

    def _picked(self, how: str, a: Value | float, b: Value | float) -> Value:
        """One instruction gives b if either is NaN; where a may be NaN and b not, two more look at it."""
        type = next(v.type for v in (a, b) if isinstance(v, Value))
        a, b = self.constant(a, type), self.constant(b, type)
        if b.is_constant:
            a, b = b, a
        picked = self.select(self.test(how, a, b), a, b)
        return picked if a.is_constant else self.select(self.test("uno", a, a), a, picked)

    def bits(self, value: Value, element: str) -> Value:
        """The same bits as elements of another type."""
        return self.convert("bitcast", value, element)

    def convert(self, how: str, value: Value, element: str) -> Value:
        """Elements as another type: `zext`, `trunc`, `uitofp`, `sitofp`, `bitcast`."""
        type = with_elements(value.type, element)
        return self.assign(f"{how} {value.type} {value.text} to {type}", type)

    def bitwise(self, how: str, a: Value, b: Value | int) -> Value:
        """Integers or masks: `and`, `or`, `xor`, `shl`, `lshr`, `ashr`, and `add`, `sub`, `mul` that wrap around."""
        return self.instruction(f"{how} {a.type}", a, self.constant(b, a.type))

    def shuffle(self, a: Value, b: Value, lanes: Sequence[int]) -> Value:
        """A vector of these lanes of a, and b behind it."""
        text = ", ".join([f"i32 {lane}" for lane in lanes])
        return self.assign(f"shufflevector {a.type} {a.text}, {b.type} {b.text}, <{len(lanes)} x i32> <{text}>",
                           f"<{len(lanes)} x {element_of(a.type)}>")

    def total_of(self, vector: Value, join: Callable[[Value, Value], Value] = lambda a, b: a + b) -> Value:
        """The sum of the lanes, or what joining two gives: halves are joined until one is left."""
        count = lanes_of(vector.type)
        while count > 1:
            count //= 2
            low = self.shuffle(vector, vector, range(count))
            vector = join(low, self.shuffle(vector, vector, range(count, 2 * count)))
        return self.assign(f"extractelement {vector.type} {vector.text}, i32 0", element_of(vector.type))


def _short(element: str) -> str:
    """An element type as the names of intrinsics spell it."""
    return {F32: "f32", "double": "f64"}.get(element, element)


def vectors(count: int) -> list[tuple[int, int | None]]:
    """(offset, lanes) of the vectors that cover so many elements; lanes None for all."""
    return [(start, None if count - start >= LANES else count - start) for start in range(0, count, LANES)]
