"""`graphnet evaluate FILE.gnet`."""

from __future__ import annotations

import argparse
import json
from typing import Any

from numpy.typing import NDArray

from graphnet.cli.arguments import add_file, add_json, whole
from graphnet.cli.inputs import sample_shape
from graphnet.compiler.errors import ArgumentError
from graphnet.network import INFERENCE_BATCH, Network
from graphnet.runs import load_recipe, model_names
from graphnet.runs.log import format_figures
from graphnet.saving import load

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
    parser.add_argument("--batch-size", type=whole(1), default=INFERENCE_BATCH, metavar="N",
                        help="samples computed at a time (default: %(default)s)")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Evaluates."""
    if (options.x is None) != (options.y is None):
        raise ArgumentError("evaluate", "--x" if options.x else "--y", options.x or options.y,
                            "--x and --y belong together: give both")
    network = load(options.file)
    x, y, source = _own_samples(options, network) if options.x else _test_samples(options, network)
    scores = network.evaluate(x, y, options.batch_size)
    if options.json:
        print(json.dumps(scores | {"samples": len(x), "source": source}))
    else:
        print(f"{format_figures(scores)}  on {len(x):,} samples: {source}")
    return 0


def _own_samples(options: argparse.Namespace, network: Network) -> tuple[NDArray[Any], NDArray[Any], str]:
    from graphnet.data import read_samples
    from graphnet.data.npy import read_npy

    return read_samples(options.x, sample_shape(network, "evaluate")), read_npy(options.y), options.x


def _test_samples(options: argparse.Namespace, network: Network) -> tuple[NDArray[Any], NDArray[Any], str]:
    name = options.model or network.graph.name
    if name not in model_names():
        raise ArgumentError("evaluate", "--model", options.model,
                            f"the network is called {name!r}, and no data set is known by that name; give --model "
                            f"(one of {', '.join(model_names())}), or samples of your own with --x and --y")
    data = load_recipe(name).data(options.data_dir)
    return data.x_test, data.y_test, f"test part of {data.name} from {data.source}"
