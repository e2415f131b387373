"""`graphnet profile FILE|MODEL`."""

from __future__ import annotations

import argparse
import json

from graphnet.cli.common.arguments import add_backend, add_json, whole
from graphnet.cli.common.subject import (
    add_overwrite,
    add_sizes,
    add_subject,
    chosen_dims,
    chosen_mode,
    open_subject,
    write_new,
)
from graphnet.engine.runner import TRAIN
from graphnet.inspect.random_samples import random_samples

NAME = "profile"
HELP = "measure where the time of a network goes, on random samples"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    add_subject(parser)
    add_sizes(parser, batch=64)
    add_backend(parser)
    parser.add_argument("--steps", type=whole(1), default=20, metavar="N", help="runs to time (default: %(default)s)")
    parser.add_argument("--instructions", action="store_true", help="show every instruction too")
    parser.add_argument("--trace", metavar="OUT.json", help="write a trace for ui.perfetto.dev or chrome://tracing")
    add_overwrite(parser, "OUT.json")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Profiles."""
    network = open_subject(NAME, options.what, options.backend, options.threads)
    mode = chosen_mode(network, options.mode)
    x, y = random_samples(network, options.batch, dims=chosen_dims(network, options.dim))
    profile = network.profile(x, y if mode == TRAIN else None, options.steps)
    if options.trace:
        write_new(options.trace, json.dumps(profile.trace()), options.overwrite)
    if options.json:
        print(json.dumps(profile.to_json()))
        return 0
    print(profile)
    if options.instructions:
        print(profile.instruction_table())
    return 0
