"""Runs Programs: owns the buffers, binds instructions to arrays, executes them in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphnet.compiler.errors import GraphNetError
from graphnet.compiler.planning.program import ALIGNMENT, ARENA, OWN, Instruction, Program, Slot
from graphnet.compiler.types import BATCH, Array
from graphnet.runtime.kernels import bind_kernel
from graphnet.runtime.kernels.registry import Call, Run


class Buffers:
    """The flat memory that Programs of one model share.

    The arena is as large as the largest Program that was prepared; the other buffers have one size for all Programs.
    """

    def __init__(self) -> None:
        self._bytes: dict[str, NDArray[np.uint8]] = {}
        self.replaced = 0
        """Counts the buffers that were allocated anew."""
        self.version = 0
        """Counts how often weights or states may have changed."""
        self.prepared: dict[str, int] = {}
        """The version of the weights that buffers of what is made of them alone belong to."""

    def __getitem__(self, name: str) -> NDArray[np.uint8]:
        return self._bytes[name]

    def __contains__(self, name: str) -> bool:
        return name in self._bytes

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of each buffer that is allocated."""
        return {name: len(memory) for name, memory in self._bytes.items()}

    def prepare(self, sizes: Mapping[str, int]) -> None:
        """Allocates what is missing, zeroed; the arena grows if it is too small.

        Raises:
            GraphNetError: a Program wants another size of a buffer than an earlier one did.
        """
        present = self.sizes
        for name, size in sizes.items():
            if name.startswith(OWN):
                continue
            have = present.get(name, -1)
            if have not in (-1, size) and name != ARENA:
                raise GraphNetError(f"buffer {name} has {have} bytes, but a Program wants {size}")
            if have < size:
                self.replace(name, size)

    def replace(self, name: str, size: int) -> None:
        """Allocates a buffer anew, zeroed; what is bound to the old one is stale."""
        self.prepared.pop(name, None)
        self.replaced += 1
        self._bytes.pop(name, None)  # the system gets the old one back before it has to give the new one
        self._bytes[name] = aligned_bytes(size)

    def view(self, slot: Slot) -> Array:
        """The array that lies in a slot."""
        form = slot.operand
        return np.ndarray(form.shape, form.dtype, self._bytes[slot.buffer].data, slot.offset, form.strides)


class Part(NamedTuple):
    """A part of a run, which is about the samples [base, base + samples) of the batch.

    Attributes:
        instruction: its number, or -1 for what no instruction does.
        run: does it.
        base, samples: of a block of the batch, or all.
        name: of what no instruction does.
        kept: whether what it makes is kept as long as the weights stay what they are.
    """

    instruction: int
    run: Run
    base: int
    samples: int
    name: str = ""
    kept: bool = False


class Executable:
    """A Program bound to buffers.

    Raises:
        GraphNetError: the Program does not fit the buffers (see `Buffers.prepare`).

    Attributes:
        program: what it runs.
        samples: the size of a batch.
    """

    def __init__(self, program: Program, buffers: Buffers) -> None:
        self.program = program
        self.samples = program.dims.get(BATCH, 1)
        self._buffers = buffers
        self._stages: dict[str, Array] = {}
        buffers.prepare(program.buffers)
        self._bound = {name: buffers[name] for name in (ARENA, *program.buffers) if name in buffers}
        self._replaced = buffers.replaced
        self._bind()

    def _bind(self) -> None:
        view = self._buffers.view
        self.inputs = {name: view(slot) for name, slot in self.program.inputs.items()}
        self.outputs = {name: view(slot) for name, slot in self.program.outputs.items()}
        self._steps = [bind_instruction(i, self._buffers) for i in self.program.instructions]
        self._later = self._steps[self.program.each[0]:] if self.program.prepared and self.program.each else []

    def take(self, arrays: Mapping[str, Array], chosen: NDArray[np.intp] | slice) -> None:
        """Brings samples into the inputs: the chosen rows of these arrays, which are contiguous and batch first."""
        for name, array in arrays.items():
            np.copyto(self.inputs[name], self._chosen(name, array, chosen), casting="same_kind")

    def _chosen(self, name: str, array: Array, chosen: NDArray[np.intp] | slice) -> Array:
        """The chosen rows of the array for an input."""
        if isinstance(chosen, slice):
            return array[chosen]
        rows = self._stage(name, (len(chosen), *array.shape[1:]), array.dtype)
        np.take(array, chosen, 0, rows, "clip")  # "raise" would allocate a buffer
        return rows

    def _stage(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """Memory that the next batch of as many samples uses again."""
        stage = self._stages.get(name)
        if stage is None or stage.shape != shape or stage.dtype != dtype:
            stage = self._stages[name] = np.empty(shape, dtype)
        return stage

    @property
    def uses_blas(self) -> bool:
        """Whether a run may call BLAS."""
        return True

    @property
    def takes_steps(self) -> bool:
        """Whether it can do several steps of training in one call; see `run_steps`."""
        return False

    def run_steps(self, arrays: Mapping[str, Array], order: NDArray[np.intp], rates: NDArray[np.float64], first: int,
                  stops: bool) -> tuple[int, dict[str, Array]]:
        """Does one step of training after another.

        Args:
            arrays: what samples are taken from.
            order: the numbers of the samples of all steps; the last step may have fewer of them than the others.
            rates: the learning rate of each step.
            first: the number of the first step.
            stops: whether a step whose loss is not finite is the last.

        Returns:
            How many steps were done, and what each gave, by output: arrays (steps, …).
        """
        raise NotImplementedError

    def walk(self) -> Iterator[Part]:
        """What a run is made of, in order. An instruction may come several times, for parts of the batch."""
        return (Part(index, step, 0, self.samples) for index, step in enumerate(self._steps))

    def fed(self) -> Mapping[str, Array]:
        """What the inputs are in the next run."""
        return self.inputs

    def idle(self) -> None:
        """Does nothing, at the cost that each part of a run has besides its work."""

    @property
    def threads(self) -> int | None:
        """How many threads run the Program; None if that is for BLAS to say."""
        return None

    def processor_peak(self) -> float | None:
        """FLOP/s that the processor reaches with these threads; None if products of BLAS are to show it."""
        return None

    def rounding(self, index: int) -> float:
        """How many times as large as those of direct sums the rounding errors of an instruction may be."""
        return 1.0

    def run(self) -> None:
        """Executes all instructions, but what is made of weights alone only if they have changed. Inputs must have been
        written into `inputs` before; `outputs` then holds the results until the next run of any Program on the same
        buffers."""
        for step in self._later if self._is_prepared() else self._steps:
            step()

    def _is_prepared(self) -> bool:
        """Whether what is made of weights alone is there; if not, it will be after this run."""
        name, buffers = self.program.prepared, self._buffers
        before = buffers.prepared.get(name, -1) if name else -1
        if name:
            buffers.prepared[name] = buffers.version
        return before == buffers.version

    @property
    def buffers(self) -> Buffers:
        """The memory that it is bound to."""
        return self._buffers

    @property
    def stale(self) -> bool:
        """Whether a buffer is another one by now (the arena has grown, say), so that this must not be run any more."""
        if self._replaced == self._buffers.replaced:
            return False
        return any(name not in self._buffers or self._buffers[name] is not memory
                   for name, memory in self._bound.items())


def bind_instruction(instruction: Instruction, buffers: Buffers) -> Run:
    """The function that runs one instruction."""
    def views(slots: tuple[Slot, ...]) -> tuple[Array, ...]:
        return tuple(buffers.view(slot) for slot in slots)

    return bind_kernel(Call(instruction.op, views(instruction.inputs), views(instruction.outputs),
                            views(instruction.workspace), instruction.origin))


def aligned_bytes(size: int) -> NDArray[np.uint8]:
    """Zeroed memory whose address is a multiple of the alignment that Programs are planned with."""
    raw = np.zeros(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start:start + size]
