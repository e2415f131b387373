import io

import numpy as np
import pytest
from PIL import Image

from graphnet.drawing.curves import plot_curves
from graphnet.drawing.figures import figure_bytes

PANELS = {"loss": {"train": [3.0, 2.0, 1.0], "test": [3.5, 2.5, 1.5]},
          "accuracy": {"train": [0.5, 0.75, 1.0], "test": [0.25, 0.5, 0.75]}}


def test_the_panels_hold_the_curves() -> None:
    figure = plot_curves(PANELS, [4, 5, 6], "a title")
    assert figure.get_suptitle() == "a title"
    loss, accuracy = figure.axes
    for axes, heading, factor in ((loss, "loss", 1), (accuracy, "accuracy", 100)):
        assert {line.get_label() for line in axes.lines} == {"train", "test"}
        for line in axes.lines:
            np.testing.assert_array_equal(line.get_xdata(), [4, 5, 6])
            np.testing.assert_allclose(line.get_ydata(), np.array(PANELS[heading][line.get_label()]) * factor)
            assert line.get_marker() != "None"  # else a single epoch would not be seen
        assert axes.get_xlabel() == "epoch"
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["train", "test"]
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "accuracy (%)")
    assert len({line.get_linestyle() for line in loss.lines}) == 2  # told apart without colours


@pytest.mark.parametrize("epochs", [1, 2, 300])
def test_the_picture(epochs: int) -> None:
    curves = {"train": list(np.linspace(1, 0, epochs)), "test": [float("nan")] * epochs}
    content = figure_bytes(plot_curves({"loss": curves}, list(range(1, epochs + 1)), "title"))
    picture = Image.open(io.BytesIO(content))
    assert (picture.format, picture.size) == ("PNG", (624, 480))
    pixels = np.asarray(picture.convert("RGB"))
    blue = (pixels == (31, 119, 180)).all(-1)  # the first curve's colour, in its legend and on the axes
    assert blue[:, :450].any()


def test_pictures_leave_no_global_state() -> None:
    from matplotlib import _pylab_helpers

    figure_bytes(plot_curves(PANELS, [1, 2, 3]))
    assert not _pylab_helpers.Gcf.figs


@pytest.mark.parametrize("epochs", [[1], [7], [1, 2], [41, 42, 43]])
def test_epochs_are_whole_numbers(epochs: list[int]) -> None:
    """Also where there is one only, which stands in the middle."""
    figure = plot_curves({"loss": {"train": [1.0] * len(epochs)}}, epochs)
    figure_bytes(figure)
    ticks = figure.axes[0].get_xticks()
    np.testing.assert_array_equal(ticks, ticks.round())
