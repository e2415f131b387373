"""One training run from beginning to end: data, network, training, test, files."""

from __future__ import annotations

import platform
import time
from dataclasses import asdict
from typing import Any

import numpy as np

from graphnet.callbacks import ResetStates
from graphnet.compiler.errors import DataError
from graphnet.compiling import compile
from graphnet.data import Dataset
from graphnet.data.staging import place
from graphnet.network import INFERENCE_BATCH, Network
from graphnet.plots import plot_curves, png_bytes
from graphnet.runs.directory import CURVES, MODEL, RunDirectory
from graphnet.runs.log import VALIDATION, Reporter, RunLog, format_figures
from graphnet.runs.recipe import Recipe, Settings
from graphnet.runs.samples import Parts, Samples, split
from graphnet.training import Callback, History
from graphnet.version import version

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
    data = recipe.load_data(settings.data_dir, settings.options)
    parts = split(data, recipe, settings)
    steps = settings.epochs * -(-len(parts.train.x) // settings.batch_size)
    network = compile(recipe.make_model(settings.options), recipe.loss, settings.make_optimizer(steps), recipe.metrics,
                      seed=settings.seed, dtype=settings.dtype)
    network.check_samples(*parts.train)
    about = _describe(name, data, parts, network, settings)
    run.create()
    with RunLog(run, settings.epochs, "validation" if settings.validation else "test") as log:
        _introduce(log, about, network)
        history, seconds = _fit(network, parts, recipe, settings, log)
        if log.diverged:
            _draw(run, log, history, about)
            raise DataError("the loss is no longer finite, so the training has diverged: try a smaller learning rate; "
                            f"the logs are in {run.path}")
        tested = _test(network, parts.test, recipe, settings)
        digest = network.save(run.file(MODEL))
        figures = about | {"epochs": len(history.epochs), "steps": network.step, "train_seconds": seconds,
                           "train_loss": history.history["loss"][-1], **tested, "model_sha256": digest}
        run.write_metrics(figures)
        _draw(run, log, history, about)
        log.say(f"{format_figures(tested)}  in {seconds:.1f} s  →  {run.path}")
    return figures


def _fit(network: Network, parts: Parts, recipe: Recipe, settings: Settings,
         log: RunLog) -> tuple[History, float]:
    """Trains; returns also the seconds that it took."""
    callbacks: list[Callback] = [log]
    if network.stateful:
        callbacks.append(ResetStates())
    if recipe.report is not None:
        callbacks.append(Reporter(recipe.report, log))
    start = time.perf_counter()
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # the log watches the loss, and says it better
            history = network.fit(*parts.train, batch_size=settings.batch_size, epochs=settings.epochs,
                                  validation_data=parts.held_out, callbacks=callbacks)
    except KeyboardInterrupt:
        log.say(f"interrupted after {network.step:,} steps")
        raise
    return history, time.perf_counter() - start


def _test(network: Network, samples: Samples, recipe: Recipe, settings: Settings) -> Figures:
    """The figures on the test samples. What stateful layers carry begins anew before, and is forgotten after."""
    network.reset_states()
    size = INFERENCE_BATCH if recipe.stream_steps is None else settings.batch_size
    tested = network.evaluate(*samples, size)
    network.reset_states()
    return {f"test_{key}": value for key, value in tested.items()}


def _describe(name: str, data: Dataset, parts: Parts, network: Network, settings: Settings) -> Figures:
    """What is known before the training begins."""
    versions = {"graphnet": version(), "numpy": np.__version__, "python": platform.python_version()}
    return {"model": name, "parameters": network.summary().parameters, "dataset": data.name, "data_source": data.source,
            "train_samples": len(parts.train.x), "test_samples": len(parts.test.x), **asdict(settings),
            "versions": versions}


def _introduce(log: RunLog, about: Figures, network: Network) -> None:
    log.note("\n".join(f"{key}: {value}" for key, value in about.items()))
    log.note(f"\n{network.summary()}\n")
    log.say(f"{about['model']}: {about['parameters']:,} parameters; {about['dataset']}: {about['train_samples']:,} "
            f"training and {about['test_samples']:,} test samples from {about['data_source']}")


def _draw(run: RunDirectory, log: RunLog, history: History, about: Figures) -> None:
    figures = history.history
    panels = {name: {"train": values, log.held_out: figures[VALIDATION + name]}
              for name, values in figures.items()
              if VALIDATION + name in figures and not isinstance(values[0], np.ndarray)}
    title = f"{about['model']} on {about['dataset']}"
    place(run.file(CURVES), png_bytes(plot_curves(panels, history.epochs, title)))
