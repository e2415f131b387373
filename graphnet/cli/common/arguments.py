"""Arguments that several commands have, and the types that argparse checks them with."""

from __future__ import annotations

import argparse
import math
import platform
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphnet.cli.common.modules import add_import
from graphnet.common.version import version
from graphnet.engine.backends import BACKENDS, VARIABLE
from graphnet.network.compiling import MAX_THREADS

MAX_SEED = (1 << 31) - 1  # part of the key of each random stream, next to a name's checksum


class _Version(argparse.Action):
    """Prints the versions; they are looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace,
                 values: str | Sequence[Any] | None, option_string: str | None = None) -> None:
        print(f"graphnet {version()} (NumPy {np.__version__}, Python {platform.python_version()})")
        parser.exit()


def add_version(parser: argparse.ArgumentParser) -> None:
    """Adds `--version`."""
    parser.add_argument("--version", action=_Version, nargs=0, help="show the versions and exit")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Adds `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def add_file(parser: argparse.ArgumentParser) -> None:
    """Adds FILE, a saved network, and what it may need."""
    parser.add_argument("file", metavar="FILE.gnet", help="a saved network")
    add_import(parser)


def add_limits(parser: argparse.ArgumentParser, what: str) -> None:
    """Adds `--memory-limit` and `--work-limit`, which hold a file to what suits its size."""
    parser.add_argument("--memory-limit", type=whole(1), metavar="BYTES",
                        help=f"memory that {what} may take (default: 4096 for each byte of the file, at least 256 MiB)")
    parser.add_argument("--work-limit", type=whole(1), metavar="OPERATIONS",
                        help=f"floating-point operations, or as much other work, that {what} may take (default: 500000 "
                             "for each byte of the file, at least 50 billion: some seconds)")


def add_backend(parser: argparse.ArgumentParser, usual: str = "what the file was trained on, else auto") -> None:
    """Adds `--backend` and `--threads`."""
    parser.add_argument("--backend", choices=BACKENDS,
                        help="what computes: native compiles to machine code and needs llvmlite, native-direct is the "
                             "same with direct sums in all convolutions, auto is native where that is installed, else "
                             f"numpy (default: {usual} or what {VARIABLE} says)")
    parser.add_argument("--threads", type=whole(1, MAX_THREADS), metavar="N",
                        help="threads of the native backend; they have no say in any bit (default: the cores that this "
                             "process may use)")


def add_options(parser: argparse.ArgumentParser, what: str) -> None:
    """Adds `--set`, for options of recipes."""
    parser.add_argument("--set", type=_setting, action="append", default=[], metavar="OPTION=VALUE", dest="options",
                        help=f"{what}; can be given several times")


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"it must be OPTION=VALUE, not {text!r}")
    return name, value


def whole(least: int, most: float = math.inf) -> Callable[[str], int]:
    """The type of whole numbers from `least` to `most`."""
    limits = f"≥ {least}" if most == math.inf else f"from {least} to {most}"

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"it must be a whole number {limits}, not {text!r}")
        return number
    return parse


def rate(text: str) -> float:
    """The type of numbers > 0."""
    return _number(text, lambda number: number > 0, "a number > 0")


def not_negative(text: str) -> float:
    """The type of numbers ≥ 0."""
    return _number(text, lambda number: number >= 0, "a number ≥ 0")


def share(text: str) -> float:
    """The type of shares that leave something."""
    return _number(text, lambda number: 0 <= number < 1, "a number ≥ 0 and < 1")


def _number(text: str, allowed: Callable[[float], bool], wanted: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and allowed(number)):
        raise argparse.ArgumentTypeError(f"it must be {wanted}, not {text!r}")
    return number


def path(text: str) -> str:
    """The type of paths.

    Raises:
        argparse.ArgumentTypeError: it is empty, which would silently stand for the current folder.
    """
    if not text:
        raise argparse.ArgumentTypeError("it must not be empty")
    return text
