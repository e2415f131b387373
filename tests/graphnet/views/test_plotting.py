import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import small_networks
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.patches import FancyBboxPatch

import graphnet as gn
from graphnet.models import resnet


def ink(path: Path) -> float:
    """The share of the picture that is not background."""
    pixels = imread(path)[..., :3]
    return float((np.abs(pixels - pixels[0, 0]).max(-1) > 0.05).mean())


@pytest.fixture(scope="module")
def net() -> gn.Network:
    return small_networks.image_network()


@pytest.mark.parametrize("mode", [None, "predict", "train"])
def test_graph(net: gn.Network, tmp_path: Path, mode: str | None) -> None:
    net.plot(tmp_path / "graph.png", mode=mode)
    assert 0.05 < ink(tmp_path / "graph.png") < 0.8


@pytest.mark.parametrize("view", ["graph", "memory", "time"])
def test_a_figure_comes_back_with_and_without_a_file(net: gn.Network, tmp_path: Path, view: str) -> None:
    """And a notebook shows it."""
    figure, written = net.plot(view=view), net.plot(tmp_path / "a.png", view=view)
    for made in (figure, written):
        assert isinstance(made, Figure)
        assert made._repr_png_().startswith(b"\x89PNG\r\n")  # type: ignore[attr-defined]
    again = imread(io.BytesIO(written._repr_png_()))  # type: ignore[attr-defined]
    assert imread(tmp_path / "a.png").shape == again.shape
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_fusion_makes_the_picture_smaller(net: gn.Network, tmp_path: Path) -> None:
    net.plot(tmp_path / "before.png")
    net.plot(str(tmp_path / "after.png"), mode="predict")
    assert imread(tmp_path / "after.png").shape[0] < imread(tmp_path / "before.png").shape[0]


def test_memory_and_time(net: gn.Network, tmp_path: Path) -> None:
    net.plot(tmp_path / "memory.png", view="memory", batch=16)
    net.plot(tmp_path / "time.png", view="time", batch=4)
    net.plot(tmp_path / "predict.png", view="time", mode="predict")
    for name in ("memory", "time", "predict"):
        assert 0.03 < ink(tmp_path / f"{name}.png") < 0.95


def test_the_layers(net: gn.Network, tmp_path: Path) -> None:
    figure = net.plot(tmp_path / "layers.png", level="layers")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts[0] == "image layer by layer"
    assert {"conv", "Conv2D: kernel 3x3, padding 1, relu", "Nx4x8x8 · 40 parameters"} <= set(texts)
    assert 0.05 < ink(tmp_path / "layers.png") < 0.8
    with pytest.raises(gn.ArgumentError, match="plot: level is 'layer', but it must be one of ops, layers"):
        net.plot(tmp_path / "x.png", level="layer")
    for name, value in (("mode", "train"), ("view", "memory")):
        options: dict[str, Any] = {name: value}
        with pytest.raises(gn.ArgumentError, match=f"plot: {name} is '{value}', but layers are drawn as they were "
                                                   f"declared: leave {name} out, or say level='ops'"):
            net.plot(tmp_path / "x.png", level="layers", **options)
    assert not (tmp_path / "x.png").exists()


def test_resnet_fits_a_screen(tmp_path: Path) -> None:
    net = gn.compile(resnet.model())
    net.plot(tmp_path / "predict.png", mode="predict")
    height, width = imread(tmp_path / "predict.png").shape[:2]
    assert width <= 1600
    assert height <= 2000


@pytest.mark.parametrize("level", ["ops", "layers"])
def test_text_as_matplotlib_draws_it_fits_its_box(net: gn.Network, level: str) -> None:
    figure = net.plot(level=level)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    axes = figure.axes[0]
    boxes = [patch.get_window_extent() for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    inside = [text for text in axes.texts if text.get_ha() == "center"]
    assert len(inside) >= 2 * len(boxes)
    for text in inside:
        extent = text.get_window_extent()
        assert any(box.x0 <= extent.x0 and extent.x1 <= box.x1 and box.y0 <= extent.y0 and extent.y1 <= box.y1
                   for box in boxes), text


@pytest.mark.parametrize("name", ["a", "WWWW_is_a_wide_letter_indeed", "m" * 180])
def test_the_title_fits_the_picture(name: str) -> None:
    x = gn.Input((3,), name="x")
    figure = gn.Model(x, gn.layers.ReLU(name="r")(x), name=name).plot()
    FigureCanvasAgg(figure).draw()
    for text in figure.axes[0].texts:
        assert text.get_window_extent().x1 <= figure.bbox.x1


def test_free_dims_and_networks_without_a_loss(tmp_path: Path) -> None:
    net = gn.compile(small_networks.sequence_model())
    net.plot(tmp_path / "memory.png", view="memory", batch=2, T=5)
    net.plot(tmp_path / "time.png", view="time", batch=2, T=5)
    assert ink(tmp_path / "memory.png") > 0.03


def test_svg_is_text(net: gn.Network, tmp_path: Path) -> None:
    net.plot(tmp_path / "graph.svg")
    assert "<svg" in (tmp_path / "graph.svg").read_text()


def test_refusals(net: gn.Network, tmp_path: Path) -> None:
    with pytest.raises(gn.ArgumentError, match="plot: view is 'graf', but it must be one of graph, memory, time"):
        net.plot(tmp_path / "x.png", view="graf")
    with pytest.raises(gn.ArgumentError, match=r"but the file must end in \.png, \.svg, \.pdf"):
        net.plot(tmp_path / "x.gif")
    with pytest.raises(gn.ArgumentError, match="mode is 'evaluate', but times are measured for train and predict"):
        net.plot(tmp_path / "x.png", view="time", mode="evaluate")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
@pytest.mark.parametrize("failing", ["drawing", "writing"])
def test_a_picture_that_fails_halfway_leaves_the_old_one(
        net: gn.Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, failing: str) -> None:
    path = tmp_path / f"graph.{ending}"
    path.write_text("old")

    def draw(figure: Figure, file: BinaryIO, **options: Any) -> None:
        file.write(b"half of a picture")
        raise OSError("No space left on device")

    def write(descriptor: int, data: memoryview, real: Callable[[int, memoryview], int] = os.write) -> int:
        if len(data) < 1000:
            raise OSError("No space left on device")
        return real(descriptor, data[:-100])

    if failing == "drawing":
        monkeypatch.setattr(Figure, "savefig", draw)
    else:
        monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="No space left"):
        net.plot(path)
    monkeypatch.undo()
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == [(f"graph.{ending}", "old")]
    net.plot(path)
    assert path.stat().st_size > 1000


def test_a_picture_needs_its_folder(net: gn.Network, tmp_path: Path) -> None:
    with pytest.raises(gn.ArgumentError, match=r"plot: path is .*, but its folder must exist; create it first"):
        net.plot(tmp_path / "nowhere" / "graph.png")


def test_pyplot_is_left_alone(tmp_path: Path) -> None:
    code = ("import sys, graphnet as gn; x = gn.Input((3,)); net = gn.compile(gn.Model(x, gn.layers.Dense(2)(x)));"
            f"net.plot({str(tmp_path / 'x.png')!r}); print('matplotlib.pyplot' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_long_names_leave_room_for_the_bars() -> None:
    x = gn.Input((2,))
    net = gn.compile(gn.Model(x, gn.layers.Dense(1, name="n" * 500)(x), name="m" * 500))
    figure = net.plot(view="time")
    figure._repr_png_()  # type: ignore[attr-defined]
    assert figure.axes[0].get_position().width > 0.2
