"""`graphnet evaluate FILE.gnet`."""

from __future__ import annotations

import argparse
import json

from graphnet.cli.common.arguments import add_backend, add_file, add_json, add_limits, add_options, whole
from graphnet.cli.common.inputs import sample_shape
from graphnet.compiler.errors import ArgumentError, DataError, ShapeError
from graphnet.compiler.types import Array
from graphnet.compiler.words import label
from graphnet.engine.engine import INFERENCE_BATCH
from graphnet.network.loading import load
from graphnet.network.network import Network
from graphnet.runs import load_recipe, model_names
from graphnet.runs.directory import plain
from graphnet.runs.options import parse_options
from graphnet.runs.samples import test_part
from graphnet.training.progress import format_figures

Samples = tuple[Array, Array, str, int]
"""x, y, where they are from, and how many to compute at a time."""

NAME = "evaluate"
HELP = "compute loss and metrics of a saved network on test samples"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    add_file(parser)
    parser.add_argument("--model", metavar="MODEL", choices=model_names(),
                        help="whose test samples to take (default: the model of the network's own name)")
    parser.add_argument("--data-dir", metavar="DIR", help="where the data set's files are (default: the download cache "
                                                          "if it is filled, else the sample in the package)")
    parser.add_argument("--x", metavar="FILE.npy", help="samples of your own, uint8 or as the model was trained")
    parser.add_argument("--y", metavar="FILE.npy", help="their labels")
    add_options(parser, "the data that the model was trained on, as given to train")
    parser.add_argument("--batch-size", type=whole(1), metavar="N",
                        help=f"samples computed at a time (default: {INFERENCE_BATCH}); of a model that reads a text, "
                             "the pieces that it is cut into (default: as in its training)")
    add_backend(parser)
    add_limits(parser, "a sample")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Evaluates."""
    if (options.x is None) != (options.y is None):
        raise ArgumentError("evaluate", "--x" if options.x else "--y", options.x or options.y,
                            "--x and --y belong together: give both")
    network = load(options.file, backend=options.backend, threads=options.threads, memory_limit=options.memory_limit,
                   work_limit=options.work_limit)
    size = options.batch_size or INFERENCE_BATCH
    x, y, source, size = _own_samples(options, network, size) if options.x else _test_samples(options, network, size)
    try:
        scores = network.evaluate(x, y, size)
    except (DataError, ShapeError) as error:
        if not options.y:
            raise
        raise DataError(f"{label(options.y)}: {error}") from None  # the samples fit: read_samples has seen to it
    if options.json:
        figures = {name: plain(value) for name, value in scores.items()}
        print(json.dumps(figures | {"samples": len(x), "source": source}))
    else:
        print(f"{format_figures(scores)}  on {len(x):,} samples: {label(source)}")
    return 0


def _own_samples(options: argparse.Namespace, network: Network, size: int) -> Samples:
    from graphnet.data import read_samples
    from graphnet.data.files.npy import read_npy

    return read_samples(options.x, sample_shape(network, "evaluate")), read_npy(options.y), options.x, size


def _test_samples(options: argparse.Namespace, network: Network, size: int) -> Samples:
    name = options.model or network.graph.name
    if name not in model_names():
        raise ArgumentError("evaluate", "--model", options.model,
                            f"the network is called {name!r}, and no data set is known by that name; give --model "
                            f"(one of {', '.join(model_names())}), or samples of your own with --x and --y")
    recipe = load_recipe(name)
    if recipe.stream_steps is not None:
        size = options.batch_size or recipe.batch_size
    data = recipe.load_data(options.data_dir, parse_options(recipe.data_options, dict(options.options)))
    return *test_part(data, recipe, size), f"test part of {data.name} from {data.source}", size
