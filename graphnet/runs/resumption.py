"""Goes on with a run that was cut, from the checkpoint in its directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from graphnet.compiler.errors import ArgumentError, DataError, GnetFormatError
from graphnet.compiler.words import file_label
from graphnet.engine.backends import NUMPY, check_backend, why_not_native
from graphnet.network.compiling import MAX_THREADS
from graphnet.network.network import Network
from graphnet.runs.catalog import load_recipe
from graphnet.runs.directory import CHECKPOINT, METRICS, MODEL, RunDirectory, working_folder
from graphnet.runs.job import RUN, Figures, Job, about_run, begin, carry_out, versions
from graphnet.runs.options import parse_options
from graphnet.runs.paths import unpack_path, with_paths
from graphnet.runs.recipe import Settings
from graphnet.saving.training_setup import trained_on

_NOTES = {"model": str, "settings": Settings, "checkpoint_every": int | None, "folder": str, "versions": dict[str, Any]}


def is_finished(path: str | os.PathLike[str]) -> bool:
    """Whether a run was carried to its end: its model and figures are there, and its checkpoint is gone.

    Raises:
        ArgumentError: there is no such directory.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise ArgumentError("train", "--resume", os.fspath(path), "there is no such directory")
    return not (folder / CHECKPOINT).exists() and all((folder / name).exists() for name in (MODEL, METRICS))


def resume(path: str | os.PathLike[str], given: Mapping[str, Any] | None = None, data_dir: str | None = None,
           checkpoint_every: int | None = None, *, backend: str | None = None, threads: int | None = None,
           backend_change: bool = False) -> Figures:
    """Carries a run that was cut to its end: `model.gnet` gets the bytes that it would have got.

    Args:
        path: of the run's directory.
        given: the name of the model and settings, by name, that must be those of the run; `options` as texts. Paths may
            be others, if the files there hold the same samples.
        data_dir: where the data is, if it is elsewhere by now.
        checkpoint_every: steps from one checkpoint to the next; None for as before.
        backend: as `gn.load` takes it; None for that of the run.
        threads: likewise; None for as before.
        backend_change: whether the backend may be another than the run's; the bytes then are others, too.

    Returns:
        What metrics.json holds.

    Raises:
        ArgumentError: there is no such directory, another process carries the run on, or something given is not as in
            the run; nothing was changed.
        DataError: there is no checkpoint, the samples are others than those the run was begun with, or the training
            diverged.
        GnetFormatError: the checkpoint is damaged; nothing was changed.
        OSError: a file cannot be read or written.
    """
    is_finished(path)
    run = RunDirectory(path, overwrite=True)
    with run.claimed():
        return _resume(run, given or {}, data_dir, checkpoint_every, backend, threads, backend_change)


def _resume(run: RunDirectory, given: Mapping[str, Any], data_dir: str | None,
            checkpoint_every: int | None, backend: str | None, threads: int | None, backend_change: bool) -> Figures:
    network, notes = _read(run, None if backend is None else check_backend("train", backend), threads)
    job = _job(run, notes)
    _check_given(job, given)
    if not backend_change:
        _check_same_backend(job, network)
    if data_dir is not None:
        job = replace(job, settings=replace(job.settings, data_dir=_given_here(job, data_dir)))
    if paths := _paths(job, given):
        job = replace(job, settings=replace(job.settings, options={**job.settings.options, **paths}))
    if checkpoint_every is not None:
        job = replace(job, checkpoint_every=checkpoint_every)
    data, parts = job.load_parts()
    if network._fit_state is None:  # cut between the first file and the first step
        run.clear()  # what is left of an earlier run that this one was to replace
        return begin(job, network, data, parts)
    steps = job.settings.epochs * -(-len(parts.train.x) // job.settings.batch_size)
    text = f"resumed after {network.step:,} of {steps:,} steps" + _what_differs(network, notes["versions"])
    with job.open_log(text) as log:
        return carry_out(job, network, parts, about_run(job, data, parts, network), log, True, backend_change)


def _read(run: RunDirectory, backend: str | None, threads: int | None) -> tuple[Network, dict[str, Any]]:
    """The network as it was at the checkpoint, and how the run was begun."""
    from graphnet.network.loading import network_of
    from graphnet.runtime.gnet import load_gnet
    from graphnet.runtime.gnet.codec import decode_map
    from graphnet.runtime.gnet.wire.refusal import naming

    path = os.fspath(run.file(CHECKPOINT))
    if not os.path.lexists(path):
        raise DataError(f"{file_label(run.path)} has no {CHECKPOINT}, so there is nothing to go on from: a run "
                        "diverged, or was never there; train anew, with --overwrite if there are files")
    contents = load_gnet(path)
    with naming(path):
        if RUN not in contents.meta:
            raise GnetFormatError("it is no checkpoint of a run: graphnet train writes them", ("meta",))
        notes = decode_map(contents.meta[RUN], _NOTES, ("meta", RUN))
        _check_settings(notes)
        settings = with_paths(unpack_path, notes["settings"], load_recipe(notes["model"]).options)
        notes |= {"settings": settings, "folder": unpack_path(notes["folder"])}
        if contents.train.get("step") == 0:  # no backend had a say yet
            backend = backend or settings.backend
        network = network_of(contents, backend=backend, threads=threads or settings.threads)
        if network._fit_state is None and network.step:
            raise GnetFormatError("it does not say where the training stands", ("train",))
    return network, notes


def _check_settings(notes: Mapping[str, Any]) -> None:
    """Refuses settings that no run was ever begun with."""
    from graphnet.runtime.gnet.codec import decode_map

    settings, path = notes["settings"], ("meta", RUN, "settings")
    for name, least in (("epochs", 1), ("batch_size", 1), ("seed", 0)):
        if (value := getattr(settings, name)) < least:
            raise GnetFormatError(f"it must be at least {least}, not {value}", (*path, name))
    if not 0 <= settings.validation < 1:
        raise GnetFormatError(f"it must be at least 0 and below 1, not {settings.validation}", (*path, "validation"))
    if settings.threads is not None and not 1 <= settings.threads <= MAX_THREADS:
        raise GnetFormatError(f"it must be nil or from 1 to {MAX_THREADS}", (*path, "threads"))
    if notes["checkpoint_every"] is not None and notes["checkpoint_every"] < 1:
        raise GnetFormatError("it must be nil or at least 1", ("meta", RUN, "checkpoint_every"))
    kinds = {name: type(option.default) for name, option in load_recipe(notes["model"]).options.items()}
    decode_map(settings.options, kinds, (*path, "options"))


def _job(run: RunDirectory, notes: Mapping[str, Any]) -> Job:
    return Job(notes["model"], load_recipe(notes["model"]), notes["settings"], run, notes["checkpoint_every"],
               notes["folder"])


def _check_given(job: Job, given: Mapping[str, Any]) -> None:
    """Refuses settings that are not those of the run."""
    before = asdict(job.settings) | {"model": job.model}
    known = {item.name for item in fields(Settings)} - {"backend", "threads"} | {"model"}
    for name, value in given.items():
        if name not in known:
            raise ArgumentError("train", "settings", name, f"it must be one of {', '.join(sorted(known))}")
        if name == "options":
            value = {option: parse_options(job.recipe.options, value)[option] for option in value
                     if option not in _paths(job, given)}
            before[name] = {option: before[name].get(option) for option in value}
        if value != before[name]:
            raise ArgumentError("train", name, value, f"the run in {job.run.path} was begun with {before[name]!r}; "
                                                      "leave it out to go on, or begin another run")


def _check_same_backend(job: Job, network: Network) -> None:
    """Refuses to go on with another backend."""
    before = trained_on(network)
    if before == network.backend:
        return
    problem = why_not_native(network.graph, network.optimize) if before != NUMPY else ""
    way_out = f", and that {problem}. " if problem else "; leave it out to go on. "
    raise ArgumentError("train", "backend", network.backend, f"the run in {job.run.path} was trained on {before!r}"
                        f"{way_out}--backend-change goes on all the same, with other last bits")


def _paths(job: Job, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options given that are paths of files."""
    known, texts = job.recipe.options, given.get("options", {})
    return {name: _given_here(job, text) for name, text in texts.items() if name in known and known[name].is_path}


def _given_here(job: Job, path: str) -> str:
    """A path as the run's settings hold it, which start from where the run was begun."""
    here = working_folder()
    return path if not path or job.folder == here else os.path.normpath(os.path.join(here, path))


def _what_differs(network: Network, before: Mapping[str, Any]) -> str:
    """What is not as it was, so that the last bits of the results may differ."""
    before = {**before, "backend": trained_on(network)}
    if network._fit_state and network._fit_state.blas is None:  # it had no say
        before.pop("BLAS", None)
    present = versions() | {"backend": network.backend}
    changes = [f"{name} {before[name]} → {now}" for name, now in present.items() if before.get(name, now) != now]
    return f" ({', '.join(changes)}: the last bits may differ)" if changes else ""
