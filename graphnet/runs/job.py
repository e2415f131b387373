"""One training run from beginning to end, or from where it was cut: data, network, training, test, files."""

from __future__ import annotations

import os
import platform
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from graphnet.callbacks import ResetStates
from graphnet.common.version import version
from graphnet.compiler.errors import DataError, DivergenceError
from graphnet.compiler.words import visible
from graphnet.data import Dataset
from graphnet.drawing.curves import plot_curves
from graphnet.drawing.figures import figure_bytes
from graphnet.engine.backends import NUMPY
from graphnet.engine.checkpoints import Checkpoint
from graphnet.engine.engine import INFERENCE_BATCH
from graphnet.network.compiling import compile
from graphnet.network.network import Network
from graphnet.runs.directory import CHECKPOINT, CURVES, MODEL, RunDirectory, working_folder
from graphnet.runs.log import Reporter, RunLog
from graphnet.runs.paths import pack_path, with_paths
from graphnet.runs.recipe import Recipe, Settings
from graphnet.runs.samples import Parts, Samples, split
from graphnet.runtime.blas import blas_kind
from graphnet.saving.saving import save_checkpoint
from graphnet.training.callback import Callback
from graphnet.training.fingerprints import file_sha256
from graphnet.training.history import History, panels_of
from graphnet.training.progress import format_figures

Figures = dict[str, Any]
RUN = "run"
"""The key in a checkpoint's `meta` under which a run keeps how it was begun."""
KEPT_SAMPLES = 2  # test samples that model.gnet holds, with what the network makes of them


@dataclass(frozen=True)
class Job:
    """A run.

    Attributes:
        model: its name.
        recipe: what to train, on what.
        settings: how.
        run: where the files go.
        checkpoint_every: steps from one checkpoint to the next; None for after each epoch.
        folder: that paths in the settings start from: where the run was begun, also if it is gone on with elsewhere.
    """

    model: str
    recipe: Recipe
    settings: Settings
    run: RunDirectory
    checkpoint_every: int | None = None
    folder: str = field(default_factory=working_folder)

    @property
    def notes(self) -> Figures:
        """What a checkpoint keeps of how the run was begun."""
        settings = asdict(with_paths(pack_path, self.settings, self.recipe.options))
        return {RUN: {"model": self.model, "settings": settings, "checkpoint_every": self.checkpoint_every,
                      "folder": pack_path(self.folder), "versions": versions()}}

    @property
    def checkpoint(self) -> Checkpoint:
        """Where and how often the run is saved."""
        return Checkpoint(self.run.file(CHECKPOINT), self.checkpoint_every, self.notes)

    def load_parts(self) -> tuple[Dataset, Parts]:
        """The data set, and its parts.

        Raises:
            GraphNetError: the data cannot be used.
        """
        known, settings = self.recipe.options, self.settings
        options = {name: self._resolve(str(value)) if known[name].is_path else value
                   for name, value in settings.options.items()}
        data = self.recipe.load_data(settings.data_dir and self._resolve(settings.data_dir), options)
        return data, split(data, self.recipe, self.settings)

    def _resolve(self, path: str) -> str:
        """A path as it is from here; as it was given, if the run was begun here."""
        return os.path.join(self.folder, path) if path and self.folder != working_folder() else path

    def open_log(self, resumed: str | None = None) -> RunLog:
        """The log; see `RunLog`."""
        return RunLog(self.run, self.settings.epochs, "validation" if self.settings.validation else "test", resumed)


def train(name: str, recipe: Recipe, settings: Settings, run: RunDirectory,
          checkpoint_every: int | None = None) -> Figures:
    """Trains a model and writes the run's files; prints a line for each epoch. See `Job` for the arguments.

    Returns:
        What metrics.json holds.

    Raises:
        GraphNetError: the data cannot be used, or a setting is not allowed; before anything was written.
        DataError: the training diverged. The logs are there, but no model.
        OSError: a file cannot be written.
    """
    job = Job(name, recipe, settings, run, checkpoint_every)
    data, parts = job.load_parts()
    steps = settings.epochs * -(-len(parts.train.x) // settings.batch_size)
    network = compile(recipe.make_model(settings.options), recipe.loss, settings.make_optimizer(steps), recipe.metrics,
                      seed=settings.seed, dtype=settings.dtype, backend=settings.backend, threads=settings.threads)
    network._runner.check_samples(*parts.train)
    with run.claimed():
        run.begin(lambda _: save_checkpoint(network, job.checkpoint))
        return begin(job, network, data, parts)


def begin(job: Job, network: Network, data: Dataset, parts: Parts) -> Figures:
    """Trains a network that has not been trained from the first step on, with new logs."""
    with job.open_log() as log:
        about = about_run(job, data, parts, network)
        _introduce(log, about, network)
        return carry_out(job, network, parts, about, log)


def carry_out(job: Job, network: Network, parts: Parts, about: Figures, log: RunLog, resume: bool = False,
              backend_change: bool = False) -> Figures:
    """Trains, tests and writes the files; then the checkpoint goes.

    Args:
        job: the run.
        network: new, or with `resume` loaded from the run's checkpoint.
        parts: of the data.
        about: what is known before the training; see `about_run`.
        log: open.
        resume: whether to go on from the checkpoint.
        backend_change: whether the backend may be another than the checkpoint's.

    Returns:
        What metrics.json holds.
    """
    run = job.run
    history = _fit(job, network, parts, log, resume, backend_change)
    seconds = log.seconds
    if log.diverged:
        if history.epochs:
            _draw(run, log, history, about)
        run.remove(CHECKPOINT)
        raise DataError(f"the loss is no longer finite after {network.step:,} steps, so the training has diverged: try "
                        f"a smaller learning rate; the logs are in {visible(str(run.path))}")
    tested = _test(network, parts.test, job)
    file = run.file(MODEL)
    network.save(file, samples=parts.test.x[:KEPT_SAMPLES])
    figures = about | {"epochs": len(history.epochs), "steps": network.step, "train_seconds": seconds,
                       "train_loss": history.history["loss"][-1], **tested, "model_sha256": file_sha256(file)}
    run.write_metrics(figures)
    _draw(run, log, history, about)
    log.say(f"{format_figures(tested)}  in {seconds:.1f} s  →  {visible(str(run.path))}")
    run.remove(CHECKPOINT)
    return figures


def about_run(job: Job, data: Dataset, parts: Parts, network: Network) -> Figures:
    """What is known before the training begins."""
    return {"model": job.model, "parameters": network.summary().parameters, "dataset": data.name,
            "data_source": data.source, "train_samples": len(parts.train.x), "test_samples": len(parts.test.x),
            **asdict(job.settings), "backend": network.backend, "threads": network.threads,
            "versions": versions() | native_versions(network)}


def versions() -> dict[str, str]:
    """What the results of a run may depend on in their last bits."""
    return {"graphnet": version(), "numpy": np.__version__, "python": platform.python_version(),
            "BLAS": blas_kind() or "unknown"}


def native_versions(network: Network) -> dict[str, str]:
    """What compiles the native code of a network."""
    return {"llvmlite": str(import_module("llvmlite").__version__)} if network.backend != NUMPY else {}


def _fit(job: Job, network: Network, parts: Parts, log: RunLog, resume: bool, backend_change: bool) -> History:
    try:
        with np.errstate(over="ignore", invalid="ignore"), warnings.catch_warnings(action="ignore"):  # the log says it
            return network.fit(*parts.train, batch_size=job.settings.batch_size, epochs=job.settings.epochs,
                               validation_data=parts.held_out, callbacks=_callbacks(job, network, log),
                               checkpoint=job.checkpoint, resume=resume, backend_change=backend_change)
    except DivergenceError as error:
        log.diverge(error)
        history: History = error.history
        return history
    except KeyboardInterrupt:
        log.say(f"interrupted after {network.step:,} steps; to go on: graphnet train --resume "
                f"{visible(str(job.run.path))}")
        raise


def _callbacks(job: Job, network: Network, log: RunLog) -> Sequence[Callback]:
    callbacks: list[Callback] = [log]
    if network.stateful:
        callbacks.append(ResetStates())
    if job.recipe.report is not None:
        callbacks.append(Reporter(job.recipe.report, log))
    return callbacks


def _test(network: Network, samples: Samples, job: Job) -> Figures:
    """The figures on the test samples. What stateful layers carry begins anew before, and is forgotten after."""
    network.reset_states()
    size = INFERENCE_BATCH if job.recipe.stream_steps is None else job.settings.batch_size
    tested = network.evaluate(*samples, size)
    network.reset_states()
    return {f"test_{key}": value for key, value in tested.items()}


def _introduce(log: RunLog, about: Figures, network: Network) -> None:
    log.note("\n".join(f"{key}: {value}" for key, value in about.items()))
    log.note(f"\n{network.summary()}\n")
    log.say(f"{about['model']}: {about['parameters']:,} parameters; {about['dataset']}: {about['train_samples']:,} "
            f"training and {about['test_samples']:,} test samples from {about['data_source']}")


def _draw(run: RunDirectory, log: RunLog, history: History, about: Figures) -> None:
    title = f"{about['model']} on {about['dataset']}"
    run.write(CURVES, figure_bytes(plot_curves(panels_of(history, "train", log.held_out), history.epochs, title)))
