"""What a network shows of itself: graphs, Programs, memory, time, gradients. Views are imported when asked for."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphnet.common.checks import check_whole
from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.inspect.summary import Summary, summarize
from graphnet.compiler.ir import Graph
from graphnet.compiler.passes.pipeline import Stage
from graphnet.compiler.planning.program import Program
from graphnet.compiler.types import BATCH, TensorType
from graphnet.engine.assembly import Objective
from graphnet.engine.programs import Key, Programs
from graphnet.runtime.session import Executable

if TYPE_CHECKING:
    from graphnet.compiler.inspect.explain import Explanation
    from graphnet.compiler.inspect.footprint import MemoryReport
    from graphnet.inspect.gradient_check import GradientCheck
    from graphnet.network.network import Network
    from graphnet.runtime.profiling import Profile

PREDICT, EVALUATE, TRAIN, GRADIENTS = "predict", "evaluate", "train", "gradients"


class Inspection(ABC):
    """The part of a Network that is for looking at it."""

    graph: Graph
    objective: Objective | None
    _programs: Programs

    @abstractmethod
    def _purpose(self, mode: str, labels: Mapping[str, TensorType],
                 inputs: tuple[str, ...] = ()) -> tuple[Key, Any]:
        """The key of a purpose, and what makes its graph."""

    @abstractmethod
    def _usual_labels(self) -> dict[str, TensorType]:
        """The types of labels that the losses usually take."""

    @abstractmethod
    def _network(self) -> Network:
        """The network itself."""

    @property
    def optimized(self) -> bool:
        """Whether it was compiled with `optimize=True`."""
        return self._programs.optimize

    def summary(self) -> Summary:
        """Shapes, parameters, FLOPs and activation bytes of each layer; print it."""
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
        return self._program("program", mode, batch, dims)

    def _program(self, owner: str, mode: str, batch: int, dims: Mapping[str, int]) -> Program:
        return self._programs.program(*self._declared(mode), self._check_sizes(owner, batch, dims))

    def stages(self, mode: str = PREDICT, batch: int | None = None, **dims: int) -> list[Stage]:
        """What each pass made of the graph for a purpose.

        With a batch size (and numbers for other symbols, as in `program`) it is what was done for the Program of these
        sizes, which may be less or more: passes are left out, and values computed again, where the Program would
        otherwise take more memory than without optimisation, or than `memory_limit` allows.
        """
        return self._stages("stages", mode, batch, dims)

    def _stages(self, owner: str, mode: str, batch: int | None, dims: Mapping[str, int]) -> list[Stage]:
        if batch is None and not dims:
            return self._programs.stages(*self._declared(mode))
        sizes = self._check_sizes(owner, 1 if batch is None else batch, dims)
        return self._programs.stages_at(*self._declared(mode), sizes)

    def stages_for(self, mode: str, batch: int, dims: Mapping[str, int]) -> list[Stage]:
        """The same at these sizes if they are complete, and else for all sizes."""
        complete = dims.keys() >= self._free_dims()
        return self.stages(mode, batch, **dims) if complete else self.stages(mode)

    def explain(self, mode: str = PREDICT, batch: int | None = None, **dims: int) -> Explanation:
        """What each pass changed, and why neighbours were fused or not; print it, or take `to_json()`.

        With a batch size (and numbers for other symbols) it is about the Program of these sizes; see `stages`.
        """
        from graphnet.compiler.inspect.explain import explain

        every, used = self.stages(mode), self._stages("explain", mode, batch, dims)
        names = {stage.applied.name for stage in used}
        left_out = [stage.applied.name for stage in every if stage.applied.name not in names]
        return explain(self.graph.name, mode, used, tuple(dict.fromkeys(left_out)))

    def memory(self, mode: str = PREDICT, batch: int = 1, **dims: int) -> MemoryReport:
        """The bytes that a purpose takes at a batch size and what for, computed without running; print it.

        Arguments and errors are those of `program`.
        """
        from graphnet.compiler.inspect.footprint import measure_memory

        return measure_memory(self._program("memory", mode, batch, dims))

    def profile(self, x: object, y: object = None, steps: int = 20) -> Profile:
        """Times training steps on a batch (or predictions, without labels) layer by layer; print it.

        Weights, states and the optimizer are afterwards what they were.

        Args:
            x: the inputs of one batch, as `train_on_batch` takes them.
            y: their labels; None to time predictions.
            steps: how many runs to time, ≥ 1.
        """
        from graphnet.inspect.profile import profile_network

        return profile_network(self._network(), x, y, check_whole("profile", "steps", steps))

    def gradcheck(self, x: object, y: object, *, samples: int = 8, tolerance: float = 1e-5,
                  seed: int = 0) -> GradientCheck:
        """Compares symbolic gradients with numerical ones, in float64; print it.

        Arguments and errors are those of `graphnet.inspect.gradient_check.check_gradients`.
        """
        from graphnet.inspect.gradient_check import check_gradients

        return check_gradients(self._network(), x, y, samples=samples, tolerance=tolerance, seed=seed)

    def plot(self, path: str | os.PathLike[str], mode: str | None = None, view: str = "graph", batch: int = 1,
             **dims: int) -> None:
        """Draws a picture.

        Args:
            path: where to; the ending says the format: .png, .svg or .pdf.
            mode: the purpose whose graph is drawn as the compiler made it; None for the graph as declared (in the views
                "memory" and "time": training, or prediction for a network without a loss).
            view: "graph", "memory" (the arena over the instructions) or "time" (bars for each layer, measured on
                random samples).
            batch: the batch size, for "memory" and "time".
            dims: numbers for other symbols of the graph, by name.

        Raises:
            ArgumentError: an argument is not allowed.
        """
        from graphnet.views import plot

        plot(self._network(), path, mode, view, check_whole("plot", "batch", batch), dims)

    def executable(self, mode: str, labels: Mapping[str, TensorType], dims: Mapping[str, int],
                   inputs: tuple[str, ...] = ()) -> Executable:
        """The Program for a purpose, for labels of these types and these dims, bound and ready to run."""
        return self._programs.executable(*self._purpose(mode, labels, inputs), dims)

    def _free_dims(self) -> set[str]:
        """The symbols of the inputs beside the batch."""
        types = self.graph.types
        return {dim for i in self.graph.inputs for dim in types[i.value].shape if isinstance(dim, str)} - {BATCH}

    def _check_sizes(self, owner: str, batch: object, dims: Mapping[str, object]) -> dict[str, int]:
        """A number for each symbol.

        Raises:
            ArgumentError: there is no such symbol, or a number is none.
            ShapeError: one has no number.
        """
        free = self._free_dims()
        for name in dims:
            if name not in free:
                raise ArgumentError(owner, name, dims[name], f"the free dims of {self.graph.name} are: "
                                                             f"{', '.join(sorted(free)) or 'none'}")
        sizes = {name: check_whole(owner, name, size) for name, size in dims.items()}
        if missing := sorted(free - sizes.keys()):
            raise ShapeError(f"{owner}: the dim {missing[0]} of {self.graph.name} has no number",
                             f"give one, e.g. {owner}(…, {missing[0]}=20)")
        return {BATCH: check_whole(owner, "batch", batch)} | sizes

    def _declared(self, mode: str) -> tuple[Key, Any]:
        """A purpose with labels of the usual kind, where it takes any."""
        return self._purpose(mode, {} if mode == PREDICT or self.objective is None else self._usual_labels())
