"""`graphnet cache [clear]`."""

from __future__ import annotations

import argparse
import json

from graphnet.cli.common.arguments import add_json
from graphnet.compiler.words import label
from graphnet.runtime.native.cache import LIMIT, CodeCache, cache_folder

NAME = "cache"
HELP = "show where compiled code is kept and how much of it, or remove it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    parser.add_argument("action", metavar="clear", nargs="?", choices=("clear",), help="remove all of it")
    parser.epilog = ("It is kept in $GRAPHNET_CACHE/native, else in the user's cache directory; with "
                     "GRAPHNET_CACHE=off none is. Downloads are left alone.")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Shows or removes it."""
    store = CodeCache(cache_folder())
    removed = store.clear() if options.action else 0
    sizes = [found.st_size for _, found in store.files()]
    if options.json:
        print(json.dumps({"folder": store.folder and str(store.folder), "refusal": store.refusal, "files": len(sizes),
                          "bytes": sum(sizes), "limit": store.limit, "removed": removed}))
        return 0
    place = f"{label(str(store.folder))}: " if store.folder else ""
    if store.refusal:
        print(f"{place}no code is kept, since {store.refusal}")
    elif options.action:
        print(f"{place}{removed:,} {'file' if removed == 1 else 'files'} removed")
    else:
        print(f"{place}{len(sizes):,} files, {sum(sizes):,} bytes of at most {LIMIT:,}")
    return 0
