"""`--import MODULE`: modules of the user's own, which register what files only name: custom ops."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
from collections.abc import Sequence

from graphnet.compiler.errors import STUMBLES, ArgumentError, GraphNetError

_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def add_import(parser: argparse.ArgumentParser) -> None:
    """Adds `--import`."""
    parser.add_argument("--import", type=_module, action="append", default=[], metavar="MODULE", dest="modules",
                        help="a Python module to import first, from the current folder too, that registers the custom "
                             "ops of the network; can be given several times. It runs: give only what you trust")


def import_modules(names: Sequence[str]) -> None:
    """Imports modules, in this order; the current folder is looked at last.

    Raises:
        ArgumentError: there is no such module.
        GraphNetError: one cannot be imported.
    """
    if names:
        sys.path.append(os.getcwd())
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise _broken(name, error) from error
            raise ArgumentError("graphnet", "--import", name, "there is no such module, here or installed") from error
        except (ImportError, NameError, OSError, SyntaxError, *STUMBLES) as error:
            raise _broken(name, error) from error


def _broken(name: str, error: Exception) -> GraphNetError:
    return GraphNetError(f"--import {name}: it cannot be imported: {type(error).__name__}: {error}")


def _module(text: str) -> str:
    """The type of names of modules."""
    if not _NAME.fullmatch(text) or text.endswith(".py"):
        raise argparse.ArgumentTypeError(f"it must be the name of a module, such as mylab for mylab.py, not {text!r}")
    return text
