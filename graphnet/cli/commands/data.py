"""`graphnet data download SET`."""

from __future__ import annotations

import argparse

from graphnet.cli.common.arguments import rate
from graphnet.data.mnist.download import DEFAULT_MIRRORS, download_mnist

NAME = "data"
HELP = "fetch data sets"
DOWNLOAD_HELP = "fetch a data set into the cache, where training finds it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    download = actions.add_parser("download", help=DOWNLOAD_HELP, description=f"{DOWNLOAD_HELP}.")
    download.add_argument("set", metavar="SET", choices=("mnist",),
                          help="one of: mnist (60,000 + 10,000 digits, 11 MB)")
    download.add_argument("--cache-dir", metavar="DIR",
                          help="where to put it (default: $GRAPHNET_CACHE, else the user's cache directory)")
    download.add_argument("--mirror", action="append", metavar="URL",
                          help=f"address of a directory with the files; several are tried in order (default: "
                               f"{', '.join(DEFAULT_MIRRORS)})")
    download.add_argument("--timeout", type=rate, default=30.0, metavar="SECONDS",
                          help="how long to wait for an answer, and then for 1 kB a second (default: %(default)s)")
    download.add_argument("--deadline", type=rate, default=1800.0, metavar="SECONDS",
                          help="how long a mirror may take for a file (default: %(default)s)")
    download.add_argument("--force", action="store_true", help="fetch files again that are there and sound")


def run(options: argparse.Namespace) -> int:
    """Downloads."""
    print(download_mnist(options.cache_dir, options.mirror or DEFAULT_MIRRORS, force=options.force,
                         timeout=options.timeout, deadline=options.deadline))
    return 0
