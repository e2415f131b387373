"""Standard output and error that are closed, or not there at all: `>&-`, daemons, pythonw."""

import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from terminal import terminal

import graphnet as gn
from graphnet.cli import main
from graphnet.common.streams import is_open, shows_progress

CLOSED = io.StringIO()
CLOSED.close()


@contextmanager
def streams(stream: Any) -> Iterator[None]:
    """Within the block both streams are this one; they still are when it ends."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        patch.setattr(sys, "stderr", stream)
        yield
        assert sys.stdout is stream
        assert sys.stderr is stream


GONE = pytest.mark.parametrize("stream", [CLOSED, None], ids=["closed", "none"])


def network() -> gn.Network:
    x = gn.Input((3,), name="x")
    return gn.compile(gn.Model(x, gn.layers.Dense(2)(x)), loss="mse", optimizer="sgd")


@GONE
@pytest.mark.parametrize("verbose", [None, True, False, 2])
def test_fit(stream: Any, verbose: bool | int | None) -> None:
    with streams(stream):
        history = network().fit(np.ones((4, 3)), np.ones((4, 2)), verbose=verbose)
    assert history.epochs == [1]


@GONE
def test_commands(stream: Any, digits: Path, elsewhere: Path) -> None:
    with streams(stream):
        assert main(["train", "lenet", "--data-dir", str(digits), "--epochs", "1", "--run-dir", "r"]) == 0
        for command, code in ((["info", "r/model.gnet"], 0), (["summary", "lenet", "--json"], 0), (["info", "none"], 2),
                              (["train", "nothing"], 2), (["summary"], 2), (["-h"], 0), (["--version"], 0)):
            assert main(command) == code
    assert (elsewhere / "r" / "metrics.json").exists()


@pytest.mark.parametrize(("command", "redirection", "code"), [
    ("summary lenet", ">&-", 0), ("summary lenet", "<&- >&- 2>&-", 0), ("summary nothing", "2>&-", 2)])
def test_in_a_shell(elsewhere: Path, command: str, redirection: str, code: int) -> None:
    done = subprocess.run(f"{sys.executable} -m graphnet {command} {redirection}", shell=True, check=False,
                          capture_output=True, text=True)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert done.stdout == "", "an error is not printed among the results"


def test_what_is_a_stream() -> None:
    assert not is_open(None)
    assert not is_open(CLOSED)
    assert is_open(io.StringIO())


def test_progress_goes_to_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert [shows_progress(wanted) for wanted in (None, True, False)] == [False, True, False]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)  # as windows say that know no carriage return
    assert [shows_progress(wanted) for wanted in (None, True, False)] == [False, True, False]
    with terminal(80):
        assert [shows_progress(wanted) for wanted in (None, True, False)] == [True, True, False]
    monkeypatch.setattr(sys, "stderr", None)
    assert [shows_progress(wanted) for wanted in (None, True, False)] == [False, False, False]


def test_what_a_window_puts_in_place_of_a_stream_may_only_be_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    class Window:
        def write(self, text: str) -> None:
            pass

    monkeypatch.setattr(sys, "stderr", Window())
    assert [shows_progress(wanted) for wanted in (None, True, False)] == [False, True, False]
