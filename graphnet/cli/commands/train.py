"""`graphnet train MODEL` and `graphnet train --resume RUN_DIR`."""

from __future__ import annotations

import argparse

from graphnet.cli.common.arguments import MAX_SEED, add_backend, add_options, path, rate, share, whole
from graphnet.cli.common.parser import did_you_mean
from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.types import FLOATS
from graphnet.compiler.words import label
from graphnet.optimizers import OPTIMIZERS
from graphnet.runs import (
    SCHEDULES,
    RunDirectory,
    Settings,
    describe,
    is_finished,
    load_recipe,
    model_names,
    new_run_path,
    resume,
    train,
)

NAME = "train"
HELP = "train a model and leave its file, logs and curves in a run directory"


_SETTINGS = ("epochs", "batch_size", "optimizer", "learning_rate", "schedule", "seed", "dtype", "validation")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments; those that say so have a default for each model."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _models()
    parser.add_argument("model", metavar="MODEL", type=_model, nargs="?", help=f"one of: {', '.join(model_names())}")
    add_options(parser, "change what a model or its data is; see what each model has below")
    parser.add_argument("--epochs", type=whole(1), metavar="N",
                        help=f"passes over the training samples (default: {_defaults('epochs')})")
    parser.add_argument("--batch-size", type=whole(1), metavar="N",
                        help=f"samples a step (default: {_defaults('batch_size')})")
    parser.add_argument("--optimizer", choices=OPTIMIZERS.names, help=f"(default: {_defaults('optimizer')})")
    parser.add_argument("--lr", type=rate, metavar="RATE", dest="learning_rate",
                        help=f"the highest learning rate (default: {_defaults('learning_rate')}; with another "
                             "optimizer that one's own)")
    parser.add_argument("--schedule", choices=tuple(SCHEDULES),
                        help=f"how the learning rate changes over the steps (default: {_defaults('schedule')})")
    parser.add_argument("--seed", type=whole(0, MAX_SEED), metavar="N",
                        help="the same seed gives the same model on the same machine (default: 0)")
    parser.add_argument("--dtype", choices=FLOATS, help="(default: float32)")
    add_backend(parser, "auto")
    parser.add_argument("--validation", type=share, metavar="SHARE",
                        help="share of the training samples to hold out and show after each epoch; with 0 the test "
                             "samples are shown (default: 0)")
    parser.add_argument("--data-dir", type=path, metavar="DIR",
                        help="where the data set's files are (default: the download cache if it is filled, else the "
                             "sample in the package)")
    parser.add_argument("--run-dir", type=path, metavar="DIR", help="where to write (default: runs/MODEL-DATE-TIME)")
    parser.add_argument("--overwrite", action="store_true",
                        help="replace the files of an earlier run in the run directory")
    parser.add_argument("--checkpoint-every", type=whole(1), metavar="STEPS",
                        help="how often to save what --resume goes on from (default: after each epoch)")
    parser.add_argument("--resume", type=path, metavar="RUN_DIR",
                        help="go on with the run in this directory where it was cut; it ends with the same model.gnet "
                             "as if it had not been. Settings are those of the run")
    parser.add_argument("--backend-change", action="store_true",
                        help="with --resume: go on even with another backend than that of the run, which gives other "
                             "last bits")


def run(options: argparse.Namespace) -> int:
    """Trains."""
    if options.resume is not None:
        return _resume(options)
    if options.model is None:
        raise ArgumentError("train", "MODEL", None, f"it must be one of {', '.join(model_names())}, unless --resume "
                                                    "RUN_DIR is given")
    recipe = load_recipe(options.model)
    settings = Settings.of(
        recipe, epochs=options.epochs, batch_size=options.batch_size, optimizer=options.optimizer,
        learning_rate=options.learning_rate, schedule=options.schedule, seed=options.seed or 0,
        dtype=options.dtype or "float32", validation=options.validation or 0.0, data_dir=options.data_dir,
        options=dict(options.options), backend=options.backend, threads=options.threads)
    directory = RunDirectory(options.run_dir or new_run_path(options.model), options.overwrite)
    train(options.model, recipe, settings, directory, options.checkpoint_every)
    return 0


def _resume(options: argparse.Namespace) -> int:
    """Goes on with a run. What is given beside must be as it was."""
    for name, value in (("--run-dir", options.run_dir), ("--overwrite", options.overwrite or None)):
        if value is not None:
            raise ArgumentError("train", name, value, "a resumed run stays in its directory; leave it out")
    if is_finished(options.resume):
        print(f"{label(options.resume)}: the run is finished, there is nothing to resume")
        return 0
    given = {name: getattr(options, name) for name in ("model", *_SETTINGS) if getattr(options, name) is not None}
    given |= {"options": dict(options.options)} if options.options else {}
    resume(options.resume, given, options.data_dir, options.checkpoint_every, backend=options.backend,
           threads=options.threads, backend_change=options.backend_change)
    return 0


def _model(name: str) -> str:
    """The type of names of models; says what there is if there is no such model."""
    if name not in model_names():
        names = model_names()
        raise argparse.ArgumentTypeError(
            f"invalid choice: {name!r} (choose from {', '.join(names)}){did_you_mean(name, names)}")
    return name


def _models() -> str:
    """Each model in a line, with a line for its options if it has any."""
    names = model_names()
    width = max(map(len, names)) + 2
    lines = ["models:"]
    for name in names:
        lines.append(f"  {name:{width}}{describe(name)}")
        options = load_recipe(name).options.values()
        lines += [f"  {'':{width}}--set {option}" for option in options]
    return "\n".join(lines)


def _defaults(field: str) -> str:
    """The values of a field in all recipes: `10 for lenet, 20 for mlp`, grouped by value."""
    names: dict[str, list[str]] = {}
    for name in model_names():
        names.setdefault(str(getattr(load_recipe(name), field)), []).append(name)
    return "; ".join(f"{value} for {', '.join(models)}" for value, models in names.items())
