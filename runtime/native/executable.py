"""A native Program bound to buffers: it takes samples from a caller's arrays and runs as one call, or step by step."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphnet.compiler.errors import GraphNetError
from graphnet.compiler.planning.program import PACKED, SCRATCH, Operand, Program
from graphnet.compiler.types import BATCH, Array
from graphnet.runtime.native.code import ENTRY, FEED, FIRST, GIVE, NOTHING, RUN, Code
from graphnet.runtime.native.emit.module import Kernel
from graphnet.runtime.native.fallback import bind_between
from graphnet.runtime.native.peak import measure_peak
from graphnet.runtime.native.record import Record
from graphnet.runtime.native.sharing import useful_threads
from graphnet.runtime.native.workers import Workers, new_barrier
from graphnet.runtime.session import Buffers, Executable, Part, aligned_bytes

SAMPLES_IN, SAMPLES_OUT, WEIGHTS = "samples in", "samples out", "weights prepared"
"""What a run does besides its instructions."""
ARGUMENTS = tuple(ctypes.c_void_p if type == "ptr" else ctypes.c_int64 for _, type in ENTRY)


class Memory:
    """What a Program's code works in besides the buffers of all: packed weights, and scratch for each thread."""

    def __init__(self, program: Program, threads: int) -> None:
        self.packed = aligned_bytes(program.buffers.get(PACKED, 0))
        self.scratch = aligned_bytes(program.buffers.get(SCRATCH, 0) * threads)
        self.version = -1
        """That of the weights that `packed` was made of."""


class NativeExecutable(Executable):
    """A Program, its code and memory, for batches of one size.

    Args:
        program: what it runs; of blocks, if it is made for such.
        buffers: the memory that Programs share.
        code: of the Program.
        enter: the function of the code.
        memory: of its own, but shared by those for other sizes of batch.
        workers: threads.
        samples: the size of a batch.
    """

    def __init__(self, program: Program, buffers: Buffers, code: Code, enter: Any, memory: Memory, workers: Workers,
                 samples: int) -> None:
        self._code, self._enter, self._memory, self._workers = code, enter, memory, workers
        self._numbers = np.zeros(code.record.length, np.int64)
        self._record = self._numbers.data  # whose items are set in a fraction of the time
        self._entries = {name: (code.record.input(name), np.dtype(program.inputs[name].operand.dtype))
                         for name in code.record.inputs}
        self._taken: dict[str, tuple[Array, int, NDArray[np.intp] | None]] = {}
        self._alone = new_barrier()
        self._samples, self._whole = samples, code.whole
        super().__init__(program, buffers)

    def _bind(self) -> None:
        program, view = self.program, self._buffers.view
        self.samples = self._samples
        self.inputs = {name: view(slot) for name, slot in program.inputs.items() if name not in program.batched}
        self._rows = {name: np.empty((self.samples, *slot.operand.shape[1:]), slot.operand.dtype)
                      for name, slot in program.outputs.items() if name in program.batched}
        self.outputs = {name: self._rows[name] if name in self._rows else view(slot)
                        for name, slot in program.outputs.items()}
        packed = self._memory.packed.ctypes.data
        begins = {name: packed if name == PACKED else self._buffers[name].ctypes.data
                  for name in dict.fromkeys(name for name, _ in self._code.places)}
        self._places = np.array([begins[name] + offset for name, offset in self._code.addresses], np.int64)
        record = self._record
        record[Record.COUNT] = record[Record.SIZE] = self.samples
        for name, array in self._rows.items():
            record[self._code.record.output(name)] = array.ctypes.data
        self._call = self._workers.bind(self._enter, self._places.ctypes.data, self._numbers.ctypes.data,
                                        self._memory.scratch.ctypes.data, self._alone.ctypes.data,
                                        useful_threads(program, self.samples))
        self._numpy = {index: bind_between(program.instructions[index], self._buffers)
                       for index, kernel in enumerate(self._code.kernels) if not isinstance(kernel, Kernel)}

    def take(self, arrays: Mapping[str, Array], chosen: NDArray[np.intp] | slice) -> None:
        """Says which samples the next run is about: rows of these arrays, which must stay as they are until then."""
        record = self._record
        for name, array in arrays.items():
            entry, dtype = self._entries[name]
            start, order = (chosen.start, None) if isinstance(chosen, slice) else (0, chosen)
            if array.dtype != dtype or not array.flags.c_contiguous:
                array, start, order = self._staged(name, array, chosen, dtype), 0, None
            self._taken[name] = array, start, order
            record[entry] = array.__array_interface__["data"][0]
            record[entry + 1] = 0 if order is None else order.__array_interface__["data"][0]
            record[entry + 2] = start

    def _staged(self, name: str, array: Array, chosen: NDArray[np.intp] | slice, dtype: np.dtype[Any]) -> Array:
        """The chosen rows in another dtype."""
        rows = self._chosen(name, array, chosen)
        stage = self._stage(f"{name} as {dtype}", rows.shape, dtype)
        np.copyto(stage, rows, casting="same_kind")
        return stage

    def run(self) -> None:
        """Executes all instructions on the samples that were taken.

        Raises:
            GraphNetError: none were.
        """
        if len(self._taken) < len(self._entries):
            raise GraphNetError(f"{self.program.name}: no samples were taken for "
                                f"{', '.join(self._entries.keys() - self._taken.keys())}; call take before run")
        if not self._whole:
            for part in self.walk():
                part.run()
            return
        memory, version = self._memory, self._buffers.version
        self._record[Record.BEGINS] = memory.version != version
        self._call(RUN, 0, 0, 0)
        memory.version = version  # not before: what an interrupt kept from being made must be made by the next run

    @property
    def uses_blas(self) -> bool:
        """Whether NumPy runs an instruction."""
        return not self._whole

    @property
    def takes_steps(self) -> bool:
        """Whether all of it is native, and it gives nothing for single samples."""
        return self._whole and not self._rows

    def run_steps(self, arrays: Mapping[str, Array], order: NDArray[np.intp], rates: NDArray[np.float64], first: int,
                  stops: bool) -> tuple[int, dict[str, Array]]:
        """Does one step of training after another, in one call."""
        self.take(arrays, order)
        places, stride = self._code.record.places(self.program)
        kept = np.empty((len(rates), stride), np.uint8)
        record, before = self._numbers, self._numbers[:Record.DONE].copy()
        record[:Record.DONE] = (len(order), self.samples, 1, rates.ctypes.data, first, kept.ctypes.data, stops)
        try:
            self._call(RUN, 0, 0, 0)
            done = int(record[Record.DONE])
        finally:  # also if a second interrupt comes, which does not wait for the end of the step
            record[:Record.DONE] = before
        return done, {name: _column(kept[:done], start, self.program.outputs[name].operand)
                      for name, start in places.items()}

    def walk(self) -> Iterator[Part]:
        """What a run is made of: instructions, each on a block, bringing samples in and out, packing weights."""
        program, count, total = self.program, len(self.program.instructions), self.samples
        first, last = program.each or (0, count)
        block = program.dims[BATCH] if program.blocked else total

        def part(number: int, n: int, base: int, index: int = -1, name: str = "", kept: bool = False) -> Part:
            run = self._numpy.get(index) or (lambda: self._call(number, n, base, total))
            return Part(index, run, base, n, name, kept)

        yield from (part(FIRST + index, total, 0, index) for index in range(first))
        yield from (part(FIRST + count + index, total, 0, name=WEIGHTS, kept=not program.trains)
                    for index in range(len(self._code.preparing)))
        for base in range(0, total, block):
            n = min(block, total - base)
            yield part(FEED, n, base, name=SAMPLES_IN)
            yield from (part(FIRST + index, n, base, index) for index in range(first, last))
            yield part(GIVE, n, base, name=SAMPLES_OUT)
        yield from (part(FIRST + index, total, 0, index) for index in range(last, count))

    def fed(self) -> Mapping[str, Array]:
        """What the inputs are in the next run; samples as they were taken."""
        return self.inputs | {name: array[slice(start, start + self.samples) if order is None else order]
                              for name, (array, start, order) in self._taken.items()}

    def idle(self) -> None:
        """A call of all threads."""
        self._call(NOTHING, self.samples, 0, self.samples)

    @property
    def threads(self) -> int:
        """How many threads run the Program."""
        return self._workers.threads

    def processor_peak(self) -> float:
        """FLOP/s that the processor reaches with these threads."""
        return measure_peak(self.threads)

    def rounding(self, index: int) -> float:
        """How many times as large as those of direct sums the rounding errors of an instruction may be."""
        kernel = self._code.kernels[index]
        return kernel.rounding if isinstance(kernel, Kernel) else 1.0


def _column(kept: NDArray[np.uint8], start: int, form: Operand) -> Array:
    """An output of each step, from the bytes that were kept of them."""
    return np.ndarray((len(kept), *form.shape), form.dtype, kept.data, start, (kept.strides[0], *form.strides))
