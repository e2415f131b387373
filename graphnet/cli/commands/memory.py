"""`graphnet memory FILE|MODEL`."""

from __future__ import annotations

import argparse
import json

from graphnet.cli.common.arguments import add_backend, add_json
from graphnet.cli.common.subject import add_sizes, add_subject, chosen_dims, chosen_mode, open_subject

NAME = "memory"
HELP = "show the memory that a network takes and for what, computed without running it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    add_subject(parser)
    add_sizes(parser, batch=64)
    add_backend(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Prints the figures."""
    network = open_subject(NAME, options.what, options.backend, options.threads)
    mode, dims = chosen_mode(network, options.mode), chosen_dims(network, options.dim)
    report = network.memory(mode, options.batch, **dims)
    print(json.dumps(report.to_json() | {"mode": mode}) if options.json else report)
    return 0
