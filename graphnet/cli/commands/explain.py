"""`graphnet explain FILE|MODEL`."""

from __future__ import annotations

import argparse
import json

from graphnet.cli.common.arguments import add_backend, add_json
from graphnet.cli.common.subject import (
    add_overwrite,
    add_sizes,
    add_subject,
    chosen_dims,
    chosen_mode,
    open_subject,
    write_new,
)

NAME = "explain"
HELP = "show what each pass of the compiler changed, and why neighbours were fused or not"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    add_subject(parser)
    add_sizes(parser, batch=64)
    add_backend(parser)
    add_json(parser)
    parser.add_argument("--html", metavar="OUT.html", help="write a page with the passes side by side, the graph, the "
                                                           "memory timeline and the fusion table, instead of printing")
    add_overwrite(parser, "OUT.html")


def run(options: argparse.Namespace) -> int:
    """Explains."""
    network = open_subject(NAME, options.what, options.backend, options.threads)
    mode = chosen_mode(network, options.mode)
    dims = chosen_dims(network, options.dim)
    explanation = network.explain(mode, options.batch, **dims)
    if options.html:
        from graphnet.views.page import network_page

        page = network_page(network, mode, options.batch, dims)
        write_new(options.html, page, options.overwrite)
    if options.json:
        print(json.dumps(explanation.to_json()))
    elif not options.html:
        print(explanation)
    return 0
