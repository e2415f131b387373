"""`graphnet gradcheck FILE|MODEL`."""

from __future__ import annotations

import argparse
import json

from graphnet.cli.common.arguments import MAX_SEED, add_backend, add_json, rate, whole
from graphnet.cli.common.subject import add_subject, open_subject
from graphnet.inspect.random_samples import random_samples

NAME = "gradcheck"
HELP = "compare the gradients of a network with numerical ones, in float64, on random samples"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    add_subject(parser)
    add_backend(parser)
    parser.add_argument("--batch", type=whole(1), default=4, metavar="N", help="the batch size (default: %(default)s)")
    parser.add_argument("--samples", type=whole(1), default=8, metavar="N",
                        help="elements of each weight to check (default: %(default)s)")
    parser.add_argument("--tolerance", type=rate, default=1e-5, metavar="SHARE",
                        help="the largest error allowed (default: %(default)s)")
    parser.add_argument("--seed", type=whole(0, MAX_SEED), default=0, metavar="N",
                        help="of samples and elements (default: %(default)s)")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Checks; 1 if a gradient is wrong."""
    network = open_subject(NAME, options.what, options.backend, options.threads)
    x, y = random_samples(network, options.batch, options.seed)
    found = network.gradcheck(x, y, samples=options.samples, tolerance=options.tolerance, seed=options.seed)
    print(json.dumps(found.to_json()) if options.json else found)
    return 0 if found.passed else 1
