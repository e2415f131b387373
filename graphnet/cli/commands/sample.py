"""`graphnet sample FILE.gnet`."""

from __future__ import annotations

import argparse

from graphnet.cli.common.arguments import MAX_SEED, add_backend, add_file, add_limits, not_negative, whole
from graphnet.network.loading import load

NAME = "sample"
HELP = "let a character model write a text"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    add_file(parser)
    parser.add_argument("--prompt", default="\n", metavar="TEXT",
                        help="what the text goes on from (default: the beginning of a line)")
    parser.add_argument("--length", type=whole(1), default=400, metavar="N",
                        help="characters to write (default: %(default)s)")
    parser.add_argument("--temperature", type=not_negative, default=0.8, metavar="T",
                        help="1 draws as the model predicts, less takes what is likely more often, 0 always the "
                             "likeliest (default: %(default)s)")
    parser.add_argument("--seed", type=whole(0, MAX_SEED), default=0, metavar="N",
                        help="the same seed gives the same text (default: %(default)s)")
    add_backend(parser)
    add_limits(parser, "a character")


def run(options: argparse.Namespace) -> int:
    """Writes, after the prompt."""
    from graphnet.runs.text_sampling import write_text

    network = load(options.file, backend=options.backend, threads=options.threads, memory_limit=options.memory_limit,
                   work_limit=options.work_limit)
    text = write_text(network, options.length, options.prompt, options.temperature, options.seed)
    print(options.prompt.lstrip("\n") + text)
    return 0
