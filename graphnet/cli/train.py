"""`graphnet train MODEL`."""

from __future__ import annotations

import argparse

from graphnet.cli.arguments import MAX_SEED, add_options, rate, share, whole
from graphnet.compiler.types import FLOATS
from graphnet.optimizers import OPTIMIZERS
from graphnet.runs import SCHEDULES, RunDirectory, Settings, describe, load_recipe, model_names, new_run_path, train

NAME = "train"
HELP = "train a model and leave its file, logs and curves in a run directory"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments; those that say so have a default for each model."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _models()
    parser.add_argument("model", metavar="MODEL", type=_model, help=f"one of: {', '.join(model_names())}")
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
        validation=options.validation, data_dir=options.data_dir, options=dict(options.options))
    directory = RunDirectory(options.run_dir or new_run_path(options.model), options.overwrite)
    train(options.model, recipe, settings, directory)
    return 0


def _model(name: str) -> str:
    """The type of names of models; says what there is if there is no such model."""
    if name not in model_names():
        raise argparse.ArgumentTypeError(
            f"invalid choice: {name!r} (choose from {', '.join(model_names())})\n{_models()}")
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
