"""The program itself: finds the command, runs it, and turns every failure into a line and an exit code.

0 is worked, 1 failed, 2 misused, 130 interrupted. Each command is a module with `NAME`, `HELP`, `add_arguments` and
`run`; what it needs beyond NumPy it imports when it runs.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import Protocol

from graphnet.cli.commands import (
    data,
    diff,
    evaluate,
    explain,
    gradcheck,
    info,
    memory,
    predict,
    profile,
    sample,
    summary,
    train,
    verify,
)
from graphnet.cli.common.arguments import add_version
from graphnet.compiler.errors import ArgumentError, GraphNetError

WORKED, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130


class Command(Protocol):
    """What a module of a command has."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declares the command's arguments."""

    def run(self, options: argparse.Namespace) -> int:
        """Does it; returns the exit code."""


COMMANDS: tuple[Command, ...] = (train, evaluate, predict, sample, summary, info, verify, diff, explain, memory,
                                profile, gradcheck, data)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: the arguments after the program's name; None for those of the process.

    Returns:
        The exit code.
    """
    _print_anything()
    try:
        options = make_parser().parse_args(argv)
    except SystemExit as stop:  # argparse has said why
        return stop.code if isinstance(stop.code, int) else MISUSED
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except MemoryError:
        return _fail("there is not enough memory; use smaller batches", FAILED)
    except ArgumentError as error:
        return _fail(str(error), MISUSED)
    except GraphNetError as error:
        return _fail(str(error), FAILED)
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), FAILED)
    return code


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser("graphnet", description="Compiles, trains and runs small neural networks.")
    add_version(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        own = commands.add_parser(command.NAME, help=command.HELP, description=f"{command.HELP}.")
        add_version(own)
        command.add_arguments(own)
        own.set_defaults(run=command.run)
    return parser


def _fail(text: str, code: int) -> int:
    print(f"graphnet: {text}", file=sys.stderr)
    return code


def _print_anything() -> None:
    """Characters that a terminal's encoding lacks are shown as escapes instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
