"""A file that is named and is not there is misuse, whatever the command, and however the file is named."""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet.cli.program import COMMANDS, make_parser

READ = {  # every argument that names what is read, and a command in which it alone is missing
    ("evaluate", "file"): ["evaluate", "none"], ("predict", "file"): ["predict", "none", "x.npy"],
    ("predict", "input"): ["predict", "net.gnet", "none"], ("sample", "file"): ["sample", "none"],
    ("summary", "what"): ["summary", "none"], ("info", "file"): ["info", "none"],
    ("verify", "file"): ["verify", "none"],
    ("diff", "first"): ["diff", "none", "net.gnet"], ("diff", "second"): ["diff", "net.gnet", "none"],
    ("explain", "what"): ["explain", "none"], ("memory", "what"): ["memory", "none"],
    ("profile", "what"): ["profile", "none"], ("gradcheck", "what"): ["gradcheck", "none"],
    ("evaluate", "x"): ["evaluate", "net.gnet", "--x", "none", "--y", "y.npy"],
    ("evaluate", "y"): ["evaluate", "net.gnet", "--x", "x.npy", "--y", "none"],
    ("evaluate", "data_dir"): ["evaluate", "net.gnet", "--model", "lenet", "--data-dir", "none"],
    ("evaluate", "options"): ["evaluate", "net.gnet", "--model", "char_rnn", "--set", "text=none"],
    ("train", "data_dir"): ["train", "lenet", "--data-dir", "none"], ("train", "resume"): ["train", "--resume", "none"],
    ("train", "options"): ["train", "char_rnn", "--set", "text=none"],
}
WRITTEN = {("explain", "html"), ("profile", "trace"), ("train", "run_dir"), ("data", "cache_dir")}
NAMES = ("FILE", "DIR", ".gnet", ".npy", "INPUT", "OUT", "OPTION=VALUE")


@pytest.fixture
def files(elsewhere: Path) -> None:
    x = gn.Input((3,), name="x")
    gn.compile(gn.Model(x, gn.layers.Dense(2)(x)), loss="mse").save("net.gnet")
    np.save("x.npy", np.ones((4, 3), np.float32))
    np.save("y.npy", np.ones((4, 2), np.float32))


def arguments(parser: argparse.ArgumentParser, command: str) -> Iterator[tuple[str, str]]:
    """The arguments of a command that name files, and of the commands below it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from arguments(below, command)
        elif any(name in str(action.metavar) for name in NAMES):
            yield command, action.dest


def test_the_table_has_every_argument_that_names_a_file() -> None:
    (commands,) = [action for action in make_parser()._actions if isinstance(action, argparse._SubParsersAction)]
    found = {pair for command in COMMANDS for pair in arguments(commands.choices[command.NAME], command.NAME)}
    assert found == READ.keys() | WRITTEN


@pytest.mark.parametrize("name", ["./none.gnet", "net.gnet/none", "a \udcff"])
@pytest.mark.parametrize("argument", READ, ids=" ".join)
def test_it_is_misuse(run: Callable[..., Any], files: None, argument: tuple[str, str], name: str) -> None:
    command = [part.replace("none", name) for part in READ[argument]]
    result = run(*command)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("graphnet: ")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("command", [["info", "none"], ["verify", "none"], ["diff", "none", "net.gnet"]], ids=" ".join)
def test_in_json_too(run: Callable[..., Any], files: None, command: list[str]) -> None:
    result = run(*command, "--json")
    assert (result.code, result.err) == (2, "")
    assert json.loads(result.out)["reason"].startswith("No such file")


def test_what_is_there_and_cannot_be_used_is_a_failure(run: Callable[..., Any], files: None) -> None:
    Path("net.gnet").write_bytes(b"no network")
    for (command, argument), words in READ.items():
        if argument in ("file", "what") and words[1] == "none":
            assert run(command, "net.gnet", *words[2:]).code == 1
