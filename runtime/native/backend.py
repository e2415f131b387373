"""The native backend as a network uses it: how Programs are made for it, and how they are bound to memory."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace

from graphnet.compiler.passes.pipeline import Purpose
from graphnet.compiler.planning.batching import cut
from graphnet.compiler.planning.lowering import lower
from graphnet.compiler.planning.policy import FULL, PLAIN, Made, Policy
from graphnet.compiler.planning.program import Program, Target, short_name
from graphnet.compiler.types import BATCH, Dims
from graphnet.runtime.llvm.jit import Loaded, host
from graphnet.runtime.native.cache import kept
from graphnet.runtime.native.code import Code, write_code
from graphnet.runtime.native.emit.module import Form
from graphnet.runtime.native.executable import ARGUMENTS, Memory, NativeExecutable
from graphnet.runtime.native.known import save_what_is_known
from graphnet.runtime.native.target import NativeTarget, block_size
from graphnet.runtime.native.workers import Workers
from graphnet.runtime.session import Buffers


@dataclass
class NativePolicy(Policy):
    """Makes Programs of blocks of samples where every instruction for each of them has a native kernel.

    Attributes:
        form: what kernels are written for; what of it depends on the purpose is filled in.
    """

    form: Form = field(default_factory=lambda: Form(host().machine))
    _why: dict[Purpose, str] = field(default_factory=dict)
    _tried: dict[Purpose, Made] = field(default_factory=dict)

    def dims_of_program(self, purpose: Purpose, dims: Dims, usual: int = 0) -> Dims:
        """The same with the size of a block, if there are to be blocks."""
        if self.why_whole(purpose, dims) or dims[BATCH] == 0:
            return dims
        return {**dims, BATCH: block_size(self.stages(purpose)[-1].after, max(dims[BATCH], usual))}

    def why_whole(self, purpose: Purpose, dims: Dims) -> str:
        """Why batches are not worked off in blocks; empty if they are."""
        if purpose not in self._why:
            self._why[purpose] = self._find_why_whole(purpose, dims)
        return self._why[purpose]

    def target_for(self, purpose: Purpose, frugal: bool) -> Target:
        """Kernels for the purpose."""
        return self._target(purpose, not self.why_whole(purpose, {}), frugal)

    def _target(self, purpose: Purpose, blocked: bool, frugal: bool = False) -> NativeTarget:
        form = replace(self.form, blocked=blocked, training=self.stages(purpose)[-1].after.trains)
        return NativeTarget(form, frugal)

    def _make_thriftily(self, purpose: Purpose, dims: Dims) -> Made:
        """The fastest Program. Its memory has room for whole vectors of samples, so a plain one is no measure of it."""
        tried = self._tried.pop(purpose, None)
        if tried and tried.program.dims == dims:
            return tried
        return self._lowered(purpose, dims, FULL if self.optimize else PLAIN)

    def _find_why_whole(self, purpose: Purpose, dims: Dims) -> str:
        """Empty if samples can be told apart, and every instruction that works on them has a native kernel."""
        if not self.optimize:
            return "the network is compiled with optimize=False"
        graph = self.stages(purpose)[-1].after
        found, why = cut(graph)
        if found is None:
            return why
        target = self._target(purpose, blocked=True)
        program = lower(graph, {**dims, BATCH: block_size(graph, dims[BATCH])}, target)
        first, last = program.each or (0, 0)
        why = next((f"{short_name(program.instructions[index].op)} runs on NumPy: {why}"
                    for index, why in program.between.items() if first <= index < last), "")
        if not why:
            self._tried[purpose] = Made(self.stages(purpose), graph, program, target)
        return why


_BOUND = 32
"""Programs whose code and memory are kept."""


@dataclass(eq=False)
class _Bound:
    """A Program's code in memory, and what it works in."""

    code: Code
    loaded: Loaded
    memory: Memory


class NativeBinder:
    """Binds native Programs to memory. The code of a Program is made once.

    Args:
        workers: the threads.
        form: what kernels are written for.
    """

    def __init__(self, workers: Workers, form: Form) -> None:
        self.workers, self._form = workers, form
        self._known: OrderedDict[int, _Bound] = OrderedDict()

    def __call__(self, program: Program, buffers: Buffers, dims: Dims) -> NativeExecutable:
        """What runs a Program for batches of this size."""
        bound = self._known.get(id(program))
        if bound is None or bound.code.program is not program:
            bound = self._known[id(program)] = self._load(program)
            if len(self._known) > _BOUND:
                self._known.popitem(last=False)
        self._known.move_to_end(id(program))
        enter = bound.loaded.function("enter", *ARGUMENTS)
        return NativeExecutable(program, buffers, bound.code, enter, bound.memory, self.workers, dims.get(BATCH, 1))

    def _load(self, program: Program) -> _Bound:
        code = Code(program, replace(self._form, blocked=program.blocked, training=program.trains))
        made = kept(code.key, host(), lambda: write_code(code, host().triple))
        save_what_is_known()
        return _Bound(code, Loaded(made), Memory(program, self.workers.threads))
