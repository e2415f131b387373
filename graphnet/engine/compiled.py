"""What the compiler made of a network, to look at: no run goes through here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from graphnet.compiler.errors import GraphNetError
from graphnet.compiler.inspect.summary import Summary, summarize
from graphnet.compiler.ir import Graph
from graphnet.compiler.passes.pipeline import Stage
from graphnet.compiler.planning.program import NUMPY, Program
from graphnet.compiler.types import format_shape
from graphnet.compiler.words import LABEL, label, shorten
from graphnet.engine.backends import why_not_native
from graphnet.engine.runner import PREDICT, Runner
from graphnet.engine.sizes import check_sizes

if TYPE_CHECKING:
    from graphnet.compiler.inspect.explain import BackendReport, Explanation
    from graphnet.compiler.inspect.footprint import MemoryReport
    from graphnet.runtime.native.listing import InstructionCode


class Compiled:
    """The part of an engine that shows its graphs, Programs and memory."""

    _runner: Runner

    def __repr__(self) -> str:
        """`<Network tiny: image (N, 3) → logits (N, 2), 2 weights of 8 numbers; Huber, Adam; step 7>`."""
        graph, runner = self.graph, self._runner
        parts = (*(runner.objective.parts if runner.objective else ()), runner.optimizer)
        kinds = dict.fromkeys(type(part).__name__ for part in parts if part is not None)
        ports = (", ".join(f"{label(item.name)} {format_shape(graph.types[item.value].shape)}" for item in items)
                 for items in (graph.inputs, graph.outputs))
        numbers = sum(graph.types[parameter.value].size for parameter in graph.parameters)
        return (f"<{type(self).__name__} {label(graph.name)}: {' → '.join(shorten(port, LABEL) for port in ports)}, "
                f"{len(graph.parameters)} weights of {numbers:,} numbers; {', '.join(kinds) or 'for prediction only'}; "
                f"step {runner.step}>")

    if not TYPE_CHECKING:  # else type checkers would not find such calls
        def __call__(self, *_: object, **__: object) -> NoReturn:
            """Refuses what is done elsewhere."""
            raise TypeError("a network is not called: net.predict(x) computes, net.fit(x, y) trains")

    @property
    def graph(self) -> Graph:
        """The declared graph, in the dtype that the network computes in."""
        return self._runner.graph

    def summary(self) -> Summary:
        """Shapes, parameters, FLOPs and activation bytes of each layer; print it.

        Keras / PyTorch: `Model.summary`, which prints / –.
        """
        return summarize(self.graph)

    def program(self, mode: str = PREDICT, batch: int = 1, **dims: int) -> Program:
        """The Program for a purpose ("train", "evaluate", "predict" or "gradients") at a batch size; print it.

        Args:
            mode: the purpose. Labels are taken to be of the usual kind, e.g. class numbers.
            batch: the batch size.
            dims: numbers for other symbols of the graph, by name.

        Raises:
            GraphError: the network was compiled without what the purpose needs.
            ArgumentError: there is no such symbol, or a number is none.
            ShapeError: a symbol has no number.
        """
        purpose = self._runner.usual_purpose(mode)
        return self._runner.programs.program(purpose, check_sizes("program", self.graph, batch, dims))

    def stages(self, mode: str = PREDICT, batch: int | None = None, **dims: int) -> list[Stage]:
        """What each pass made of the graph for a purpose.

        With a batch size (and numbers for other symbols, as in `program`) it is what was done for the Program of these
        sizes, which may be less or more: passes are left out, and values computed again, where the Program would
        otherwise take more memory than without optimisation, or than `memory_limit` allows.
        """
        return self._stages("stages", mode, batch, dims)

    def _stages(self, owner: str, mode: str, batch: int | None, dims: dict[str, int]) -> list[Stage]:
        programs, purpose = self._runner.programs, self._runner.usual_purpose(mode)
        if batch is None and not dims:
            return programs.stages(purpose)
        return programs.stages_at(purpose, check_sizes(owner, self.graph, 1 if batch is None else batch, dims))

    def explain(self, mode: str = PREDICT, batch: int | None = None, **dims: int) -> Explanation:
        """What each pass changed, and why neighbours were fused or not; print it, or take `to_json()`.

        With a batch size (and numbers for other symbols) it is about the Program of these sizes; see `stages`.
        """
        from graphnet.compiler.inspect.explain import explain

        every, used = self.stages(mode), self._stages("explain", mode, batch, dims)
        names = {stage.applied.name for stage in used}
        left_out = [stage.applied.name for stage in every if stage.applied.name not in names]
        return explain(self.graph.name, mode, used, tuple(dict.fromkeys(left_out)), self._backend(mode, batch, dims))

    def _backend(self, mode: str, batch: int | None, dims: dict[str, int]) -> BackendReport | None:
        """How the backend runs the Program of these sizes; without a batch, that of one sample."""
        from graphnet.compiler.inspect.explain import explain_backend

        programs, purpose = self._runner.programs, self._runner.usual_purpose(mode)
        if programs.backend == NUMPY or (batch is None and set(self.graph.free_dims) - set(dims)):
            return None
        sizes = check_sizes("explain", self.graph, 1 if batch is None else batch, dims)
        return explain_backend(programs.program(purpose, sizes), sizes, programs.policy.why_whole(purpose, sizes))

    def machine_code(self, mode: str = PREDICT, batch: int = 1, **dims: int) -> list[InstructionCode]:
        """The native code of each instruction of a Program: `llvm` is the kernel in LLVM IR, `asm` in assembler.

        Keras / PyTorch: – / `torch._inductor.utils.run_and_get_code`, on code that ran. Nothing runs here.

        Arguments and errors are those of `program`.

        Raises:
            GraphNetError: the network runs on NumPy.
        """
        programs, purpose = self._runner.programs, self._runner.usual_purpose(mode)
        sizes = check_sizes("machine_code", self.graph, batch, dims)
        if programs.backend == NUMPY:
            fix = why_not_native(self.graph, programs.policy.optimize)
            raise GraphNetError("the network runs on NumPy, so there is no code of its own to show; "
                                + (f"the native backend {fix}" if fix else "compile it with backend='native'"))
        from graphnet.runtime.native.listing import list_code

        return list_code(programs.made(purpose, sizes))

    def memory(self, mode: str = PREDICT, batch: int = 1, **dims: int) -> MemoryReport:
        """The bytes that a purpose takes at a batch size and what for, computed without running; print it.

        Arguments and errors are those of `program`.
        """
        from graphnet.compiler.inspect.footprint import measure_memory

        programs, purpose = self._runner.programs, self._runner.usual_purpose(mode)
        sizes = check_sizes("memory", self.graph, batch, dims)
        return measure_memory(programs.program(purpose, sizes), sizes, programs.threads or 1)
