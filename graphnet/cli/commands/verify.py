"""`graphnet verify FILE.gnet`."""

from __future__ import annotations

import argparse
import json

from graphnet.cli.common.arguments import add_backend, add_file, add_json, add_limits, not_negative
from graphnet.cli.common.refusals import is_missing, print_refusal
from graphnet.compiler.errors import GnetFormatError

NAME = "verify"
HELP = "check every byte of a file, and whether its network still computes what it did when it was saved"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    add_file(parser)
    parser.add_argument("--tolerance", type=not_negative, default=1e-4, metavar="SHARE",
                        help="how far an output may be from the stored one, as a share of the largest output or of 1 "
                             "(default: %(default)s)")
    parser.add_argument("--sha256", metavar="HEX", help="what the SHA-256 of the whole file must be")
    add_limits(parser, "computing the samples in the file again")
    add_backend(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Verifies; 1 if the file is refused or the network computes something else, 2 if there is none."""
    from graphnet.files import verify_file

    try:
        found = verify_file(options.file, options.sha256, options.tolerance,
                            memory_limit=options.memory_limit, work_limit=options.work_limit,
                            backend=options.backend, threads=options.threads)
    except (GnetFormatError, OSError) as error:
        if not options.json:
            raise
        print_refusal(error, options.file)
        return 2 if is_missing(error) else 1
    print(json.dumps(found.to_json()) if options.json else found)
    return 0 if found.passed else 1
