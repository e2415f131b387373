"""One training run from beginning to end: data, network, training, test, files."""

from __future__ import annotations

import platform
import time
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphnet.compiler.errors import ArgumentError, DataError
from graphnet.compiling import compile
from graphnet.data import Dataset
from graphnet.data.staging import place
from graphnet.network import Network
from graphnet.plots import plot_curves, png_bytes
from graphnet.runs.directory import CURVES, MODEL, RunDirectory
from graphnet.runs.log import VALIDATION, RunLog, format_figures
from graphnet.runs.recipe import Recipe, Settings
from graphnet.training import History
from graphnet.version import version

Array = NDArray[Any]
Samples = tuple[Array, Array]
Figures = dict[str, Any]


def train(name: str, recipe: Recipe, settings: Settings, run: RunDirectory) -> Figures:
    """Trains a model and writes the run's files; prints a line for each epoch.

    Args:
        name: of the model, for titles.
        recipe: what to train, on what.
        settings: how.
        run: where the files go.

    Returns:
        What metrics.json holds.

    Raises:
        GraphNetError: the data cannot be used, or a setting is not allowed; before anything was written.
        DataError: the training diverged. The logs are there, but no model.
        OSError: a file cannot be written.
    """
    data = recipe.data(settings.data_dir)
    train_set, held_out = _split(data, settings)
    steps = settings.epochs * -(-len(train_set[0]) // settings.batch_size)
    network = compile(recipe.model(), recipe.loss, settings.make_optimizer(steps), recipe.metrics, seed=settings.seed,
                      dtype=settings.dtype)
    network.check_samples(*train_set)
    about = _describe(name, data, train_set, network, settings)
    run.create()
    with RunLog(run, settings.epochs, "validation" if settings.validation else "test") as log:
        _introduce(log, about, network)
        history, seconds = _fit(network, train_set, held_out, settings, log)
        if log.diverged:
            _draw(run, log, history, about)
            raise DataError("the loss is no longer finite, so the training has diverged: try a smaller learning rate; "
                            f"the logs are in {run.path}")
        tested = {f"test_{key}": value for key, value in network.evaluate(data.x_test, data.y_test).items()}
        digest = network.save(run.file(MODEL))
        figures = about | {"epochs": len(history.epochs), "steps": network.step, "train_seconds": seconds,
                           "train_loss": history.history["loss"][-1], **tested, "model_sha256": digest}
        run.write_metrics(figures)
        _draw(run, log, history, about)
        log.say(f"{format_figures(tested)}  in {seconds:.1f} s  →  {run.path}")
    return figures


def _fit(network: Network, train_set: Samples, held_out: Samples, settings: Settings,
         log: RunLog) -> tuple[History, float]:
    """Trains; returns also the seconds that it took."""
    start = time.perf_counter()
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # the log watches the loss, and says it better
            history = network.fit(*train_set, batch_size=settings.batch_size, epochs=settings.epochs,
                                  validation_data=held_out, callbacks=[log])
    except KeyboardInterrupt:
        log.say(f"interrupted after {network.step:,} steps")
        raise
    return history, time.perf_counter() - start


def _split(data: Dataset, settings: Settings) -> tuple[Samples, Samples]:
    """The samples to train on, and those to show beside them after each epoch.

    Raises:
        ArgumentError: the share to hold out leaves nothing on one side.
    """
    if not settings.validation:
        return (data.x_train, data.y_train), (data.x_test, data.y_test)
    total = len(data.x_train)
    count = round(settings.validation * total)
    if not 0 < count < total:
        raise ArgumentError("train", "validation", settings.validation,
                            f"that holds out {count} of {total} training samples")
    order = np.random.default_rng(settings.seed).permutation(total)
    held_out, rest = np.sort(order[:count]), np.sort(order[count:])
    return (data.x_train[rest], data.y_train[rest]), (data.x_train[held_out], data.y_train[held_out])


def _describe(name: str, data: Dataset, train_set: Samples, network: Network, settings: Settings) -> Figures:
    """What is known before the training begins."""
    versions = {"graphnet": version(), "numpy": np.__version__, "python": platform.python_version()}
    return {"model": name, "parameters": network.summary().parameters, "dataset": data.name, "data_source": data.source,
            "train_samples": len(train_set[0]), "test_samples": len(data.x_test), **asdict(settings),
            "versions": versions}


def _introduce(log: RunLog, about: Figures, network: Network) -> None:
    log.note("\n".join(f"{key}: {value}" for key, value in about.items()))
    log.note(f"\n{network.summary()}\n")
    log.say(f"{about['model']}: {about['parameters']:,} parameters; {about['dataset']}: {about['train_samples']:,} "
            f"training and {about['test_samples']:,} test samples from {about['data_source']}")


def _draw(run: RunDirectory, log: RunLog, history: History, about: Figures) -> None:
    figures = history.history
    panels = {name: {"train": values, log.held_out: figures[VALIDATION + name]}
              for name, values in figures.items() if VALIDATION + name in figures}
    title = f"{about['model']} on {about['dataset']}"
    place(run.file(CURVES), png_bytes(plot_curves(panels, history.epochs, title)))
