"""`graphnet summary FILE|MODEL`."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict

from graphnet.cli.arguments import add_json
from graphnet.compiler.errors import ArgumentError
from graphnet.runs import load_recipe, model_names
from graphnet.saving import load
from graphnet.summary import Summary

NAME = "summary"
HELP = "show the layers of a network: shapes, parameters, FLOPs, memory"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    parser.add_argument("what", metavar="FILE.gnet|MODEL",
                        help=f"a saved network, or one of: {', '.join(model_names())}")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Prints the summary."""
    found = _summarize(options.what)
    totals = {key: getattr(found, key) for key in ("parameters", "trainable", "frozen", "flops", "activation_bytes")}
    print(json.dumps(asdict(found) | totals) if options.json else found)
    return 0


def _summarize(what: str) -> Summary:
    if what in model_names():
        return load_recipe(what).model().summary()
    if not os.path.lexists(what):
        raise ArgumentError("summary", "FILE.gnet|MODEL", what,
                            f"there is no such file, and the models are {', '.join(model_names())}")
    return load(what).summary()
