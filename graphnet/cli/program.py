"""The program itself: finds the command, runs it, and turns every failure into a line and an exit code.

0 is worked, 1 failed, 2 misused (a file too that is named on the command line and is not there), 130 interrupted. Each
command is a module with `NAME`, `HELP`, `add_arguments` and `run`; what it needs beyond NumPy it imports when it runs.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Protocol

from graphnet.cli.commands import (
    cache,
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
from graphnet.cli.common.modules import import_modules
from graphnet.cli.common.parser import Parser
from graphnet.cli.common.refusals import is_missing
from graphnet.common.streams import open_streams
from graphnet.compiler.errors import ArgumentError, GraphNetError
from graphnet.compiler.words import LINE, label, one_line, shorten

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
                                profile, gradcheck, data, cache)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: the arguments after the program's name; None for those of the process.

    Returns:
        The exit code.
    """
    with open_streams():
        _print_anything()
        try:
            options = make_parser().parse_args(argv)
        except SystemExit as stop:  # argparse has said why
            return stop.code if isinstance(stop.code, int) else MISUSED
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    """Runs the command that was given; returns the exit code."""
    try:
        import_modules(getattr(options, "modules", ()))
        with warnings.catch_warnings():
            warnings.showwarning = _warn
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
        return _fail(one_line(_in_words_of_the_shell(error, options.shown)), MISUSED)
    except GraphNetError as error:
        return _fail(str(error), _code(error.__cause__, options))
    except OSError as error:
        if not isinstance(error.filename, str | bytes):
            return _fail(one_line(str(error)), _code(error, options))
        return _fail(f"{label(os.fsdecode(error.filename))}: {error.strerror}", _code(error, options))
    return code


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = Parser("graphnet", description="Compiles, trains and runs small neural networks.")
    add_version(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        own = commands.add_parser(command.NAME, help=command.HELP, description=f"{command.HELP}.")
        add_version(own)
        command.add_arguments(own)
        own.set_defaults(run=command.run, shown=_shown_names(own))
    return parser


def _shown_names(parser: argparse.ArgumentParser) -> dict[str, str]:
    """What a shell calls the arguments of a command, by what Python calls them."""
    return {action.dest: (*action.option_strings, str(action.metavar))[0] for action in parser._actions}


def _in_words_of_the_shell(error: ArgumentError, shown: Mapping[str, str]) -> str:
    """What is wrong with an argument, under the name that it has on the command line."""
    value = "not given" if error.value is None else "given" if error.value is True else repr(error.value)
    return f"{error.owner}: {shown.get(error.name, error.name)} is {value}, but {error.allowed}"


def _code(error: BaseException | None, options: argparse.Namespace) -> int:
    """2 if what failed is that a file named on the command line is not there, else 1."""
    path = getattr(error, "filename", None)
    if not is_missing(error) or not isinstance(path, str | os.PathLike):
        return FAILED
    values = [value for value in vars(options).values() if isinstance(value, str)]
    values += [value for _, value in getattr(options, "options", ())]
    named = os.path.normpath(os.fspath(path)) in map(os.path.normpath, values)
    return MISUSED if named else FAILED


def _fail(text: str, code: int) -> int:
    lines = [shorten(line, LINE) for line in f"graphnet: {text}".split("\n")]
    print("\n".join(lines), file=sys.stderr)
    return code


def _warn(message: Warning | str, category: type[Warning], filename: str, lineno: int, file: object = None,
          line: str | None = None) -> None:
    """Where in the program it comes from is of no interest to its users."""
    _fail(str(message), WORKED)


def _print_anything() -> None:
    """Characters that a terminal's encoding lacks are shown as escapes instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
