"""What a network shows of itself: graphs, Programs, memory, time, gradients. Views are imported when asked for."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphnet.assembly import Objective
from graphnet.checks import check_whole
from graphnet.compiler.ir import Graph
from graphnet.compiler.pipeline import Stage
from graphnet.compiler.program import Program
from graphnet.compiler.types import BATCH, TensorType
from graphnet.programs import Key, Programs
from graphnet.runtime.session import Executable
from graphnet.summary import Summary, summarize

if TYPE_CHECKING:
    from graphnet.compiler.explain import Explanation
    from graphnet.compiler.footprint import MemoryReport
    from graphnet.gradient_check import GradientCheck
    from graphnet.network import Network
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
            ShapeError: a symbol has no number.
        """
        sizes = {BATCH: check_whole("program", "batch", batch)} | dims
        return self._programs.program(*self._declared(mode), sizes)

    def stages(self, mode: str = PREDICT) -> list[Stage]:
        """What each pass made of the graph for a purpose."""
        return self._programs.stages(*self._declared(mode))

    def explain(self, mode: str = PREDICT) -> Explanation:
        """What each pass changed, and why neighbours were fused or not; print it, or take `to_json()`."""
        from graphnet.compiler.explain import explain

        return explain(self.graph.name, mode, self.stages(mode))

    def memory(self, mode: str = PREDICT, batch: int = 1, **dims: int) -> MemoryReport:
        """The bytes that a purpose takes at a batch size and what for, computed without running; print it.

        Arguments and errors are those of `program`.
        """
        from graphnet.compiler.footprint import measure_memory

        return measure_memory(self.program(mode, batch, **dims))

    def profile(self, x: object, y: object = None, steps: int = 20) -> Profile:
        """Times training steps on a batch (or predictions, without labels) layer by layer; print it.

        Weights, states and the optimizer are afterwards what they were.

        Args:
            x: the inputs of one batch, as `train_on_batch` takes them.
            y: their labels; None to time predictions.
            steps: how many runs to time, ≥ 1.
        """
        from graphnet.step_profile import profile_network

        return profile_network(self._network(), x, y, check_whole("profile", "steps", steps))

    def gradcheck(self, x: object, y: object, *, samples: int = 8, tolerance: float = 1e-5,
                  seed: int = 0) -> GradientCheck:
        """Compares symbolic gradients with numerical ones, in float64; print it.

        Arguments and errors are those of `graphnet.gradient_check.check_gradients`.
        """
        from graphnet.gradient_check import check_gradients

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

    def _declared(self, mode: str) -> tuple[Key, Any]:
        """A purpose with labels of the usual kind, where it takes any."""
        return self._purpose(mode, {} if mode == PREDICT or self.objective is None else self._usual_labels())
