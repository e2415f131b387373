"""The native backend as lowering sees it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from graphnet.compiler.ir import Graph
from graphnet.compiler.op import Op
from graphnet.compiler.ops.recurrent import Walk
from graphnet.compiler.planning.layout import batch_last_values
from graphnet.compiler.planning.program import PACKED, SCRATCH, Operand, Program
from graphnet.compiler.types import TensorType
from graphnet.runtime.kernels import NumpyTarget
from graphnet.runtime.llvm.machine import LANES
from graphnet.runtime.native.emit.module import Form, Kernel
from graphnet.runtime.native.known import find_kernel, find_written

BLOCKS = (1, LANES, 32, 64)
"""Sizes of blocks where samples lie innermost: one of 64 stays in the second-level cache."""
WALK_BLOCKS = (1, LANES)
"""Sizes of blocks where sequences are walked through: what steps save and weights stay in the second-level cache."""
ROW_BLOCKS = (1, LANES, 64, 256)
"""Sizes of blocks where samples are rows, of which only as many are worked off as there are."""


@dataclass(frozen=True, slots=True)
class NativeTarget:
    """Native kernels where there are some, and NumPy's where not.

    Attributes:
        form: what kernels are written for.
        frugal: whether NumPy's kernels get as little scratch memory as they can do with.
    """

    form: Form
    frugal: bool = False

    @property
    def blocked(self) -> bool:
        """Whether batches are worked off in blocks."""
        return self.form.blocked

    def room(self, samples: int) -> int:
        """Whole vectors, or one sample."""
        return samples if samples <= 1 else -(-samples // LANES) * LANES

    def workspace(self, op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
        """What NumPy's kernel needs where there is no other. Native ones have memory of their own for each thread."""
        if isinstance(find_kernel(op, inputs, outputs, self.form), Kernel):
            return ()
        return NumpyTarget(self.frugal).workspace(op, inputs, outputs)

    @property
    def backend(self) -> str:
        """Its name."""
        return "native"

    def completed(self, program: Program) -> Program:
        """With the native kernel of each instruction, maybe without its text, or why it has none; and with buffers for
        what kernels have prepared, and for what one thread works in."""
        found = [find_kernel(*self._asked(program, index)) for index in range(len(program.instructions))]
        kernels = [kernel for kernel in found if isinstance(kernel, Kernel)]
        sizes = {PACKED: sum(kernel.prepared for kernel in kernels) * 4,
                 SCRATCH: max([kernel.scratch for kernel in kernels], default=0) * 4}
        return replace(program, kernels=found,
                       buffers={**program.buffers, **{name: size for name, size in sizes.items() if size}},
                       between={index: kernel for index, kernel in enumerate(found) if isinstance(kernel, str)})

    def written(self, program: Program, index: int) -> Kernel | str:
        """The kernel of an instruction with its text."""
        return find_written(*self._asked(program, index))

    def _asked(self, program: Program, index: int) -> tuple[Op, tuple[Operand, ...], tuple[Operand, ...], Form]:
        """What kernel an instruction needs. What needs no samples is not for a block."""
        first, last = program.each or (0, len(program.instructions))
        form = self.form if first <= index < last else replace(self.form, blocked=False)
        i = program.instructions[index]
        return i.op, tuple(slot.operand for slot in i.inputs), tuple(slot.operand for slot in i.outputs), form


def block_size(graph: Graph, samples: int) -> int:
    """How many samples a block of the Programs of a graph has that serve batches of this size.

    It depends on nothing else, so that a number of samples always gets the same bits.
    """
    walks = any(isinstance(node.op, Walk) for node in graph.nodes)
    sizes = WALK_BLOCKS if walks else BLOCKS if batch_last_values(graph) else ROW_BLOCKS
    return next((size for size in sizes if size >= samples), sizes[-1])
