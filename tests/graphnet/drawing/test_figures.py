import io
import threading
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pytest
import small_networks
from matplotlib.figure import Figure
from PIL import Image

import graphnet as gn
from graphnet.drawing.figures import figure_bytes, new_figure, picture_style

OF_USERS = {"text.usetex": True, "text.parse_math": False, "figure.facecolor": "black", "axes.facecolor": "black",
            "text.color": "white", "font.size": 30, "path.sketch": (1, 100, 2), "figure.constrained_layout.use": True,
            "savefig.transparent": True, "savefig.dpi": 30, "savefig.bbox": "tight", "hatch.color": "red"}


def history() -> gn.History:
    return gn.History({"loss": [2.0, 1.0], "a_$_%": [0.0, 1.0]}, [1, 2])


@pytest.mark.parametrize("draw", [
    lambda net: net.plot(mode="predict"), lambda net: net.plot(level="layers"),
    lambda net: net.plot(view="memory", batch=4)], ids=["predict", "layers", "memory"])
def test_pictures_do_not_take_the_users_style(draw: Callable[[gn.Network], Figure]) -> None:
    """Their colours are their own, and would not be seen on any ground; nor is LaTeX asked for."""
    net = small_networks.image_network()
    usual = figure_bytes(draw(net))
    with mpl.rc_context(OF_USERS):
        assert figure_bytes(draw(net)) == usual
        assert {name: mpl.rcParams[name] for name in OF_USERS} == OF_USERS


def test_curves_take_the_users_style_but_for_latex() -> None:
    with mpl.rc_context({"figure.facecolor": "black", "axes.labelcolor": "white", "text.usetex": True}):
        figure = history().plot()
        picture = np.asarray(Image.open(io.BytesIO(figure_bytes(figure))).convert("RGB"))
        assert figure.axes[0].yaxis.label.get_color() == "white"
    assert (picture[0, 0] == 0).all()


def test_times_are_drawn_in_any_style() -> None:
    with mpl.rc_context({"text.usetex": True}):
        assert figure_bytes(small_networks.image_network().plot(view="time"))


def test_threads_leave_the_users_style_as_it_was() -> None:
    """The first to begin may be the first to end."""
    begun, end = threading.Event(), threading.Event()

    def draw() -> None:
        with picture_style():
            begun.set()
            end.wait(0.05)

    with mpl.rc_context({"font.size": 31}):
        first = threading.Thread(target=draw)
        first.start()
        begun.wait()
        with picture_style():
            end.set()
            first.join(0.05)
        first.join()
        assert mpl.rcParams["font.size"] == 31


@pytest.mark.parametrize(("width", "height"), [(2.0, 900.0), (900.0, 2.0), (200.0, 200.0)])
def test_what_is_very_large_can_be_shown(width: float, height: float) -> None:
    figure = new_figure(width, height)
    wide, high = figure.get_size_inches() * figure.dpi
    assert max(wide, high) <= 32_001
    assert wide * high <= 50_001_000
    np.testing.assert_allclose(wide / high, width / height)
    assert new_figure(10, 10).dpi == 110
