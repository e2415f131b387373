"""`graphnet summary FILE|MODEL`."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from graphnet.cli.common.arguments import add_json
from graphnet.cli.common.subject import add_subject, is_model
from graphnet.compiler.inspect.summary import Summary
from graphnet.network.loading import load
from graphnet.runs import load_recipe

NAME = "summary"
HELP = "show the layers of a network: shapes, parameters, FLOPs, memory"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    add_subject(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Prints the summary."""
    found = _summarize(options.what)
    totals = {key: getattr(found, key) for key in ("parameters", "trainable", "frozen", "statistics", "flops",
                                                 "activation_bytes")}
    print(json.dumps(asdict(found) | totals) if options.json else found)
    return 0


def _summarize(what: str) -> Summary:
    return load_recipe(what).model().summary() if is_model(NAME, what) else load(what).summary()
