"""`graphnet info FILE.gnet`."""

from __future__ import annotations

import argparse
import json

from graphnet.cli.arguments import add_file, add_json

NAME = "info"
HELP = "show what the header of a file says, without reading its tensors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    add_file(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Prints it."""
    from graphnet.files import read_file_info

    info = read_file_info(options.file)
    print(json.dumps(info.to_json()) if options.json else info)
    return 0
