"""Programs of graphs, native ones for any machine and number of threads; and what rounding may make of results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from graphnet.compiler.inspect.rounding import DRAWS, mover, spread
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import Graph
from graphnet.compiler.passes.attach_update import RATE, STEP
from graphnet.compiler.passes.pipeline import Assembly, PassManager, Purpose
from graphnet.compiler.types import BATCH
from graphnet.engine.programs import Programs
from graphnet.runtime.llvm.machine import Machine
from graphnet.runtime.native.backend import NativeBinder, NativePolicy
from graphnet.runtime.native.emit.module import Form
from graphnet.runtime.native.target import NativeTarget
from graphnet.runtime.native.workers import Workers
from tests.runtime.native.harness import WIDE, Array

FACTOR = 16
"""What one rounding error of every number makes of a result may be as many times as large."""
Arrays = dict[str, Array]


def native_programs(machine: Machine = WIDE, threads: int = 1) -> Programs:
    """What makes native Programs, for a machine that need not be this one."""
    form, workers = Form(machine), Workers(threads)
    return Programs(NativePolicy(lambda frugal: NativeTarget(form, frugal), form=form), backend="native",
                    threads=threads, bind=NativeBinder(workers, form))


@dataclass(frozen=True)
class Job:
    """A graph, what it is run on, and how often.

    Attributes:
        assembly: makes the Program of a graph.
        graph: in float64.
        feeds: an array for each input and parameter.
        steps: how often it runs; it is a step of training if there are several.
    """

    assembly: Callable[[Graph], Assembly]
    graph: Graph
    feeds: Arrays
    batch: int
    steps: int = 1

    def run(self, programs: Programs) -> tuple[Arrays, float]:
        """All results in float32, and how many times those of direct sums the rounding errors of a kernel may be."""
        purpose = Purpose("job", (id(self),), assemble=lambda: self.assembly(self.graph))
        executable = programs.executable(purpose, {BATCH: self.batch})
        program, buffers, results = executable.program, programs.buffers, Arrays()
        given = {**program.parameters, **program.states}
        for name, slot in given.items():
            buffers.view(slot)[...] = self.feeds.get(name, 0)
        for step in range(1, self.steps + 1):
            feeds = self._feeds(self.feeds, step)
            for name in program.inputs.keys() - program.batched:
                executable.inputs[name][...] = feeds[name]
            taken = {name: feeds[name].astype(program.inputs[name].operand.dtype)
                     for name in program.inputs if name in program.batched}
            executable.take(taken, slice(0, self.batch))
            buffers.version += 1
            programs.run(executable)
            results |= {f"{name} of step {step}": np.array(y) for name, y in executable.outputs.items()}
        kept = {name: buffers.view(slot).copy() for name, slot in given.items()}
        return results | kept, max(map(executable.rounding, range(len(program.instructions))), default=1)

    def reference(self, change: Callable[[Array], Array] = lambda x: x) -> Arrays:
        """The same results by the reference interpreter, in the dtype of the graph."""
        assembly = self.assembly(self.graph)
        plain = PassManager(assembly.pipeline(optimize=False)).run(assembly.graph)
        feeds, results = dict(self.feeds), Arrays()
        for step in range(1, self.steps + 1):
            with np.errstate(all="ignore"):
                values = interpret(plain, self._feeds(feeds, step), change)
            results |= {f"{o.name} of step {step}": values[o.value] for o in plain.outputs}
            kept = {item.name: values[item.value if item.next is None else item.next]
                    for item in (*plain.parameters, *plain.states)}
            feeds |= kept
        return results | kept

    @staticmethod
    def _feeds(feeds: Mapping[str, Array], step: int) -> Arrays:
        return {**feeds, RATE: np.float64(0.01), STEP: np.int64(step)}  # type: ignore[dict-item]


def bounds(single: Job, expected: Mapping[str, Array]) -> dict[str, float]:
    """How far results of a job in float32 may be from those in float64; see `graphnet/inspect/backend_check.py`."""
    plain = single.reference()
    draws = [single.reference(mover(seed)) for seed in range(DRAWS)]
    return {name: FACTOR * (spread(y, [draw[name] for draw in draws])
                            + np.finfo(np.float32).eps * float(np.abs(expected[name]).max(initial=0)))
            for name, y in plain.items()}
