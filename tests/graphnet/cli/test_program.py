import errno
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graphnet import GraphError
from graphnet.cli import main, program
from graphnet.cli.program import COMMANDS
from graphnet.common.version import version

ALL = [[], *([command.NAME] for command in COMMANDS), ["data", "download"]]


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_every_command_has_help(run: Callable[..., Any], command: list[str]) -> None:
    result = run(*command, "-h")
    assert result.code == 0
    assert result.out.startswith(f"usage: {' '.join(['graphnet', *command])} [-h]")
    assert result.err == ""


def test_the_help_of_the_program_lists_every_command(run: Callable[..., Any]) -> None:
    out = " ".join(run("--help").out.split())
    for command in COMMANDS:
        assert f"{command.NAME} {command.HELP}" in out


@pytest.mark.parametrize(("command", "text"), [
    (["train"], "--seed N the same seed gives the same model on the same machine (default: 0)"),
    (["train"], "--dtype {float32,float64} (default: float32)"), (["train"], "(default: 0)"),
    (["train"], "--run-dir DIR where to write (default: runs/MODEL-DATE-TIME)"),
    (["evaluate"], "samples computed at a time (default: 256)"), (["predict"], "most likely first (default: 10)"),
    (["data", "download"], "how long to wait for an answer, and then for 1 kB a second (default: 30.0)"),
])
def test_defaults_are_shown(run: Callable[..., Any], command: list[str], text: str) -> None:
    assert text in " ".join(run(*command, "-h").out.split())


@pytest.mark.parametrize("option", [
    "--epochs N passes over the training samples (default: 10 for", "--batch-size N samples a step (default: 64 for",
    "(default: adam for", "the highest learning rate (default: 0.005 for", "over the steps (default: one_cycle for",
])
def test_the_defaults_of_each_model_are_shown(run: Callable[..., Any], option: str) -> None:
    text, _, value = option.removesuffix(" for").rpartition("(default: ")
    out = " ".join(run("train", "-h").out.split())
    assert re.search(rf"{re.escape(text)}\(default: [^)]*\b{re.escape(value)} for ([a-z_]+, )*lenet\b", out)


@pytest.mark.parametrize("command", ALL[:-1], ids=" ".join)
def test_every_command_tells_the_versions(run: Callable[..., Any], command: list[str]) -> None:
    result = run(*command, "--version")
    assert result.code == 0
    assert result.out.startswith(f"graphnet {version()} (NumPy ")


@pytest.mark.parametrize(("arguments", "text"), [
    ([], "graphnet: error: the following arguments are required: COMMAND"),
    (["fly"], "graphnet: error: argument COMMAND: invalid choice: 'fly'"),
    (["train", "lenet", "--epoch-s", "1"], "train: error: unrecognized arguments: --epoch-s (did you mean --epochs?)"),
    (["train", "--epoch", "3", "lenet"], "train: error: unrecognized arguments: --epoch (did you mean --epochs?)"),
    (["train", "lenet", "--epoch=3"], "train: error: unrecognized arguments: --epoch=3 (did you mean --epochs?)"),
    (["summary", "lenet", "--jason"], "summary: error: unrecognized arguments: --jason (did you mean --json?)"),
    (["data", "download", "mnist", "--mirrors", "x"], "download: error: unrecognized arguments: --mirrors (did you "),
    (["train", "lenet", "--no-such-thing"], "graphnet train: error: unrecognized arguments: --no-such-thing\n"),
    (["--vers"], "graphnet: error: "), (["summary", "lenet", "lenet"], "summary: error: unrecognized arguments: lenet"),
    (["evaluate", "a.gnet", "--import", "ops.py"], "argument --import: it must be the name of a module, such as "),
    (["train", "lenett"], "argument MODEL: invalid choice: 'lenett' (choose from char_rnn, lenet, mlp, resnet, "
                          "row_rnn, vgg) (did you mean lenet?)\n"),
    (["evaluate"], "graphnet evaluate: error: the following arguments are required: FILE.gnet"),
    (["train", "alexnet"], "argument MODEL: invalid choice: 'alexnet' (choose from"),
    (["train", "lenet", "--epochs", "0"], "argument --epochs: it must be a whole number ≥ 1, not '0'"),
    (["train", "lenet", "--batch-size", "1.5"], "argument --batch-size: it must be a whole number ≥ 1, not '1.5'"),
    (["train", "lenet", "--lr", "-1"], "argument --lr: it must be a number > 0, not '-1'"),
    (["train", "lenet", "--lr", "inf"], "argument --lr: it must be a number > 0, not 'inf'"),
    (["train", "lenet", "--lr", "fast"], "argument --lr: it must be a number > 0, not 'fast'"),
    (["train", "lenet", "--seed", "-1"], "argument --seed: it must be a whole number from 0 to 2147483647, not '-1'"),
    (["train", "lenet", "--seed", "2147483648"], "not '2147483648'"),
    (["train", "lenet", "--validation", "1"], "argument --validation: it must be a number ≥ 0 and < 1, not '1'"),
    (["train", "lenet", "--optimizer", "magic"], "argument --optimizer: invalid choice: 'magic'"),
    (["train", "lenet", "--dtype", "int8"], "argument --dtype: invalid choice: 'int8'"),
    (["predict", "a.gnet", "b.png", "--top", "0"], "argument --top: it must be a whole number ≥ 1, not '0'"),
    (["data"], "the following arguments are required: ACTION"),
    (["data", "download", "cifar"], "argument SET: invalid choice: 'cifar' (choose from"),
    (["summary", "lenet", "--\x1b[2J\u202e\ny\u2028x"], r"unrecognized arguments: --\x1b[2J\u202e; y\u2028x" "\n"),
    (["summary", "lenet", "x" * 50_000], "error: unrecognized arguments: xxx"),
])
def test_misuse_exits_with_2_and_says_how(run: Callable[..., Any], arguments: list[str], text: str) -> None:
    result = run(*arguments)
    assert result.code == 2
    assert text in result.err
    assert text in result.err.splitlines(keepends=True)[-1]  # below the usage, where it is read first
    assert max(map(len, result.err.splitlines())) <= 1100
    assert result.err.startswith("usage: graphnet")
    assert result.out == ""


@pytest.mark.parametrize(("error", "code", "line"), [
    (GraphError("a cycle"), 1, "graphnet: a cycle\n"),
    (OSError(errno.ENOSPC, "the disk is full", "model.gnet"), 1, "graphnet: model.gnet: the disk is full\n"),
    (OSError("odd"), 1, "graphnet: odd\n"),
    (MemoryError(), 1, "graphnet: there is not enough memory; use smaller batches\n"),
    (KeyboardInterrupt(), 130, "graphnet: interrupted\n"),
], ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "")
def test_failures_are_one_line_and_no_traceback(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch,
                                                error: BaseException, code: int, line: str) -> None:
    def fail(options: object) -> int:
        raise error

    monkeypatch.setattr(program.summary, "run", fail)
    result = run("summary", "lenet")
    assert (result.code, result.err) == (code, line)


def test_a_reader_that_has_seen_enough_ends_the_program_quietly() -> None:
    """`graphnet summary lenet | head -0`: the pipe is closed before anything is written."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        done = subprocess.run([sys.executable, "-m", "graphnet", "summary", "lenet"], stdout=closed,
                              stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_terminal_that_lacks_characters_gets_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert main(["summary", "lenet"]) == 0
    assert b"\\u2500" in raw.getvalue()


def test_only_what_a_command_needs_is_imported(tmp_path: Path) -> None:
    script = ("import sys; from graphnet.cli import main; main(['train', '-h']); "
              "print([m for m in ('matplotlib', 'networkx', 'tqdm', 'msgpack', 'PIL', 'urllib.request', 'torch') "
              "if m in sys.modules], file=sys.stderr)")
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stderr == "[]\n"
