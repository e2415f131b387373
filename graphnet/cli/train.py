"""`graphnet train MODEL`."""

from __future__ import annotations

import argparse

from graphnet.cli.arguments import MAX_SEED, rate, share, whole
from graphnet.compiler.types import FLOATS
from graphnet.optimizers import OPTIMIZERS
from graphnet.runs import SCHEDULES, RunDirectory, Settings, load_recipe, model_names, new_run_path, train

NAME = "train"
HELP = "train a model and leave its file, logs and curves in a run directory"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments; those that say so have a default for each model."""
    parser.add_argument("model", metavar="MODEL", choices=model_names(), help=f"one of: {', '.join(model_names())}")
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
    parser.add_argument("--seed", type=whole(0, MAX_SEED), default=0, metavar="N",
                        help="the same seed gives the same model on the same machine (default: %(default)s)")
    parser.add_argument("--dtype", choices=FLOATS, default="float32", help="(default: %(default)s)")
    parser.add_argument("--validation", type=share, default=0.0, metavar="SHARE",
                        help="share of the training samples to hold out and show after each epoch; with 0 the test "
                             "samples are shown (default: %(default)s)")
    parser.add_argument("--data-dir", metavar="DIR", help="where the data set's files are (default: the download cache "
                                                          "if it is filled, else the sample in the package)")
    parser.add_argument("--run-dir", metavar="DIR", help="where to write (default: runs/MODEL-DATE-TIME)")
    parser.add_argument("--overwrite", action="store_true",
                        help="replace the files of an earlier run in the run directory")


def run(options: argparse.Namespace) -> int:
    """Trains."""
    recipe = load_recipe(options.model)
    settings = Settings.of(
        recipe, epochs=options.epochs, batch_size=options.batch_size, optimizer=options.optimizer,
        learning_rate=options.learning_rate, schedule=options.schedule, seed=options.seed, dtype=options.dtype,
        validation=options.validation, data_dir=options.data_dir)
    directory = RunDirectory(options.run_dir or new_run_path(options.model), options.overwrite)
    train(options.model, recipe, settings, directory)
    return 0


def _defaults(field: str) -> str:
    """The values of a field in all recipes: `10 for lenet, 20 for mlp`, grouped by value."""
    names: dict[str, list[str]] = {}
    for name in model_names():
        names.setdefault(str(getattr(load_recipe(name), field)), []).append(name)
    return "; ".join(f"{value} for {', '.join(models)}" for value, models in names.items())
