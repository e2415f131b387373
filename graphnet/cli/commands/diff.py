"""`graphnet diff A.gnet B.gnet`."""

from __future__ import annotations

import argparse
import json

from graphnet.cli.common.arguments import add_json
from graphnet.cli.common.modules import add_import
from graphnet.cli.common.refusals import print_refusal
from graphnet.compiler.errors import ArgumentError, GnetFormatError

NAME = "diff"
HELP = "show how two files differ: graphs by layer, tensors by norm and maximum, training set-ups"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    parser.add_argument("first", metavar="A.gnet", help="a saved network")
    parser.add_argument("second", metavar="B.gnet", help="another one")
    add_import(parser)
    parser.epilog = "Exits with 0 if nothing differs, 1 if something does, 2 if a file cannot be compared."
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Compares.

    Raises:
        ArgumentError: a file cannot be compared, which is neither equal nor different.
    """
    from graphnet.files import diff_files

    try:
        found = diff_files(options.first, options.second)
    except (GnetFormatError, OSError) as error:
        if options.json:
            print_refusal(error, error.source if isinstance(error, GnetFormatError) else error.filename)
            return 2
        if isinstance(error, OSError):
            raise ArgumentError(NAME, "file", error.filename, f"it cannot be read: {error.strerror}") from error
        raise ArgumentError(NAME, "file", error.source, f"it cannot be compared: {error}") from error
    print(json.dumps(found.to_json()) if options.json else found)
    return 0 if found.equal else 1
