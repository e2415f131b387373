"""What `fit` returns: figures by epoch, as a table and as curves."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_networks
from matplotlib.figure import Figure
from matplotlib.image import imread

import graphnet as gn
from graphnet.training.history import panels_of

X, Y = np.linspace(0, 1, 6 * 64, dtype=np.float32).reshape(6, 1, 8, 8), np.arange(6) % 3


def fitted(epochs: int = 2, validate: bool = True, **options: Any) -> gn.History:
    held_out = {"validation_data": (X, Y)} if validate else {}
    return small_networks.image_network(**options).fit(X, Y, epochs=epochs, verbose=False, **held_out)


def curves(figure: Figure) -> dict[str, dict[str, list[float]]]:
    """What a picture shows: by the label of each panel the numbers of its curves."""
    return {axes.get_ylabel(): {str(line.get_label()): [float(y) for y in line.get_ydata()] for line in axes.lines}
            for axes in figure.axes}


def test_a_panel_for_the_loss_and_for_each_metric() -> None:
    history = fitted(metrics=["accuracy", "confusion_matrix"])
    seen, figures = curves(history.plot()), history.history
    assert seen == {"loss": {"training": figures["loss"], "validation": figures["val_loss"]},
                    "accuracy (%)": {"training": [100 * value for value in figures["accuracy"]],
                                     "validation": [100 * value for value in figures["val_accuracy"]]}}
    for axes in history.plot().axes:
        np.testing.assert_array_equal(axes.lines[0].get_xdata(), [1, 2])
        assert axes.get_xlabel() == "epoch"


@pytest.mark.parametrize("epochs", [1, 3])
def test_without_validation(epochs: int) -> None:
    history = fitted(epochs, validate=False)
    assert curves(history.plot())["loss"] == {"training": history.history["loss"]}


def test_epochs_go_on_where_they_were() -> None:
    net = small_networks.image_network()
    net.fit(X, Y, epochs=2, verbose=False)
    history = net.fit(X, Y, epochs=2, verbose=False)
    np.testing.assert_array_equal(history.plot().axes[0].lines[0].get_xdata(), [3, 4])


def test_a_training_that_was_resumed_has_all_epochs(tmp_path: Path) -> None:
    class Cut(gn.Callback):
        def on_epoch_end(self, network: Any, epoch: int, logs: dict[str, Any]) -> None:
            if epoch == 2 and not resumed:
                raise KeyboardInterrupt

    path, resumed = tmp_path / "cut.gnet", []
    options: dict[str, Any] = {"epochs": 3, "verbose": False, "checkpoint": path, "validation_data": (X, Y)}
    with pytest.raises(KeyboardInterrupt):
        small_networks.image_network().fit(X, Y, callbacks=[Cut()], **options)
    resumed.append(True)
    history = gn.load(path).fit(X, Y, callbacks=[Cut()], resume=True, **options)
    assert curves(history.plot())["loss"] == {"training": history.history["loss"],
                                              "validation": history.history["val_loss"]}
    assert history.epochs == [1, 2, 3]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_figures_that_are_not_finite(bad: float) -> None:
    """They are gaps in the curves."""
    history = gn.History({"loss": [bad, 2.0, bad], "val_loss": [bad] * 3}, [1, 2, 3])
    assert history.plot()._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    assert [line.split() for line in str(history).splitlines()[2:]] == [
        ["1", str(bad), str(bad)], ["2", "2.0000", str(bad)], ["3", str(bad), str(bad)]]


def test_several_outputs() -> None:
    """More panels than fit in a row."""
    x = gn.Input((3,), name="x")
    outputs = {name: gn.layers.Dense(2, name=name)(x) for name in ("first", "second")}
    net = gn.compile(gn.Model(x, outputs), loss=dict.fromkeys(outputs, "softmax_cross_entropy"), optimizer="sgd",
                     metrics={name: ["accuracy"] for name in outputs})
    labels = dict.fromkeys(outputs, np.arange(4) % 2)
    history = net.fit(np.ones((4, 3), np.float32), labels, epochs=2, verbose=False)
    figure = history.plot()
    assert [*curves(figure)] == ["loss", "first_loss", "second_loss", "first_accuracy (%)", "second_accuracy (%)"]
    places = [axes.get_position().bounds[:2] for axes in figure.axes]
    assert len({round(y, 2) for _, y in places}) == 2, "two rows"


def test_names_of_the_curves() -> None:
    history = gn.History({"loss": [1.0], "seconds": [2.0], "val_loss": [3.0]}, [1])
    assert panels_of(history, "train", "test") == {"loss": {"train": [1.0], "test": [3.0]}}


def test_with_a_file(tmp_path: Path) -> None:
    figure = fitted().plot(tmp_path / "curves.png")
    width, height = figure.get_size_inches() * figure.dpi
    assert imread(tmp_path / "curves.png").shape == (height, width, 4)
    with pytest.raises(gn.ArgumentError, match=r"plot: path is 'a\.gif', but the file must end in"):
        fitted().plot("a.gif")


@pytest.mark.parametrize("history", [
    gn.History(), gn.History({"seconds": [1.0]}, [1]), gn.History({"loss": [np.ones(3)], "seconds": [1.0]}, [1])])
def test_nothing_to_draw(history: gn.History) -> None:
    with pytest.raises(gn.DataError, match="there is nothing to draw, as no epoch has given a figure that is a number"):
        history.plot()


def test_the_table() -> None:
    history = gn.History({"loss": [2.5, 0.000123], "accuracy": [0.5, 1.0], "confusion_matrix": [np.eye(2)] * 2}, [3, 4])
    assert str(history) == repr(history) == "\n".join([
        "history of 2 epochs", "  epoch       loss  accuracy", "      3     2.5000    0.5000",
        "      4  1.230e-04    1.0000", "confusion_matrix: arrays of (2, 2), in history['confusion_matrix']"])
    assert str(gn.History()) == "history of 0 epochs"
    assert repr(gn.History({"loss": [1.0]}, [1])) == "history of 1 epoch\n  epoch    loss\n      1  1.0000"
