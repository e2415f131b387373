"""`net.plot`: one picture of a network, as a figure and in a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.passes.pipeline import Stage
from graphnet.compiler.types import BATCH
from graphnet.drawing.declared import LAYERS, OPS, check_level, paint_declared, plot_declared
from graphnet.drawing.figures import draw_picture
from graphnet.drawing.graph_drawing import draw_graph
from graphnet.drawing.timeline import make_timeline
from graphnet.engine.engine import Engine
from graphnet.engine.runner import PREDICT, TRAIN
from graphnet.engine.sizes import check_dims
from graphnet.inspect.profile import profile_network
from graphnet.inspect.random_samples import random_samples

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GRAPH, MEMORY, TIME = "graph", "memory", "time"


def plot(network: Engine, path: str | os.PathLike[str] | None, mode: str | None, view: str, level: str,
         batch: int, dims: Mapping[str, int]) -> Figure:
    """Draws a view of a network, and into a file if there is a path; see `Network.plot`.

    Raises:
        ArgumentError: the view, the level or the ending of the file is unknown, there is no such picture, or the path
            is of no file or in no folder.
        OSError: the file cannot be written; an old one stays.
    """
    if view not in (GRAPH, MEMORY, TIME):
        raise ArgumentError("plot", "view", view, f"it must be one of {GRAPH}, {MEMORY}, {TIME}")
    check_level("plot", level)
    if level == LAYERS and (view != GRAPH or mode is not None):
        name, value = ("view", view) if view != GRAPH else ("mode", mode)
        raise ArgumentError("plot", name, value, f"layers are drawn as they were declared: leave {name} out, or say "
                                                 f"level={OPS!r}")
    check_dims("plot", network.graph, dims, "path", "view", "level")
    if level == LAYERS:
        return plot_declared(network.graph, path, level)
    draw = {GRAPH: _graph, MEMORY: _memory, TIME: _time}[view]
    return draw_picture("plot", path, lambda: draw(network, mode, batch, dims))


def _graph(network: Engine, mode: str | None, batch: int, dims: Mapping[str, int]) -> Figure:
    from graphnet.drawing.pictures import paint_graph

    if mode is None:
        return paint_declared(network.graph, OPS)
    graph = _stages(network, mode, batch, dims)[-1].after
    return paint_graph(draw_graph(graph), f"{graph.name} {mode}, after all passes")


def _memory(network: Engine, mode: str | None, batch: int, dims: Mapping[str, int]) -> Figure:
    from graphnet.drawing.pictures import paint_timeline

    mode = mode or _usual_mode(network)
    program = network.program(mode, batch, **dims)
    title = f"{program.name}, {mode}, {BATCH}={batch}: arena of {program.peak:,} bytes"
    return paint_timeline(make_timeline(program), title)


def _time(network: Engine, mode: str | None, batch: int, dims: Mapping[str, int]) -> Figure:
    from graphnet.drawing.pictures import paint_times

    mode = mode or _usual_mode(network)
    if mode not in (TRAIN, PREDICT):
        raise ArgumentError("plot", "mode", mode, f"times are measured for {TRAIN} and {PREDICT}")
    x, y = random_samples(network, batch, dims=dims)
    profile = profile_network(network, x, y if mode == TRAIN else None)
    return paint_times(profile, f"{profile.name}, {mode}, {BATCH}={batch}: {profile.step_seconds * 1e3:.2f} ms a step, "
                                f"{profile.share_of_peak:.0%} of peak{', the machine was busy' * profile.busy}")


def _stages(network: Engine, mode: str, batch: int, dims: Mapping[str, int]) -> list[Stage]:
    """What the passes did at these sizes if they are complete, and else for all sizes."""
    complete = dims.keys() >= set(network.graph.free_dims)
    return network.stages(mode, batch, **dims) if complete else network.stages(mode)


def _usual_mode(network: Engine) -> str:
    return PREDICT if network.objective is None or network.optimizer is None else TRAIN
