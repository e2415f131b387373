"""`graphnet info FILE.gnet`."""

from __future__ import annotations

import argparse
import json

from graphnet.cli.common.arguments import add_file, add_json
from graphnet.cli.common.refusals import is_missing, print_refusal
from graphnet.compiler.errors import GnetFormatError

NAME = "info"
HELP = "show what the header of a file says, without reading its tensors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    add_file(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Prints it; 1 if the header is refused, 2 if there is no such file."""
    from graphnet.files import read_file_info

    try:
        info = read_file_info(options.file)
    except (GnetFormatError, OSError) as error:
        if not options.json:
            raise
        print_refusal(error, options.file)
        return 2 if is_missing(error) else 1
    print(json.dumps(info.to_json()) if options.json else info)
    return 0
