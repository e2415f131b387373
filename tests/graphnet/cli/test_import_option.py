"""`--import MODULE`: networks with ops of the user's own work in every command that takes a file."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet.cli.program import COMMANDS, make_parser
from graphnet.compiler import op as op_module

MODULE = '''
from dataclasses import dataclass
import graphnet as gn
from graphnet.custom import ops

@gn.register_op
@dataclass(frozen=True)
class Cube(gn.Op):
    """y = x³."""

    name = "lab.cube"
    elementwise = True

    def infer(self, x):
        return (x,)

    def forward(self, x):
        return (x * x * x,)

    def pullback(self, b, inputs, outputs, grads):
        (grad,) = grads
        square = b.add(ops.Multiply(), inputs[0], inputs[0])
        return (None if grad is None else b.add(ops.Multiply(), grad, b.add(ops.Scale(3.0), square)),)
'''
TAKE_NO_FILE = ("cache", "train", "data")


@pytest.fixture
def saved(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of the module, in this folder, with whose op `net.gnet` was made; nothing is registered."""
    (elsewhere / "mylab.py").write_text(MODULE)
    np.save("x.npy", np.full((4, 3), 0.5, np.float32))
    np.save("y.npy", np.ones((4, 3), np.float32))
    monkeypatch.setattr(op_module, "_REGISTRY", dict(op_module._REGISTRY))
    monkeypatch.syspath_prepend(str(elsewhere))
    import mylab  # type: ignore[import-not-found]

    x = gn.Input((3,), name="x")
    net = gn.compile(gn.Model(x, gn.layers.Dense(3)(gn.layers.Apply(mylab.Cube())(x))), loss="mse", optimizer="sgd")
    net.save("net.gnet", samples=np.ones((1, 3)))
    monkeypatch.delitem(op_module._REGISTRY, "lab.cube")
    del sys.modules["mylab"]
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(elsewhere)])
    yield "mylab"
    sys.modules.pop("mylab", None)


COMMAND_LINES = {
    "evaluate": ["net.gnet", "--x", "x.npy", "--y", "y.npy"], "predict": ["net.gnet", "x.npy"], "sample": ["net.gnet"],
    "summary": ["net.gnet"], "info": ["net.gnet"], "verify": ["net.gnet"], "diff": ["net.gnet", "net.gnet"],
    "explain": ["net.gnet"], "memory": ["net.gnet"], "profile": ["net.gnet", "--steps", "1"], "gradcheck": ["net.gnet"],
}


def test_every_command_that_takes_a_file_has_it() -> None:
    assert {command.NAME for command in COMMANDS} - {*TAKE_NO_FILE} == COMMAND_LINES.keys()


@pytest.mark.parametrize("command", COMMAND_LINES)
def test_the_command_works(run: Callable[..., Any], saved: str, command: str) -> None:
    without = run(command, *COMMAND_LINES[command])
    if command not in ("info", "diff"):  # which need not know the op
        assert without.code == 1
        assert "needs the custom op 'lab.cube': register it before loading (in a shell, with --import MODULE)" in (
            without.err)
    result = run(command, *COMMAND_LINES[command], "--import", saved)
    if command == "sample":
        assert "but to write text it must make" in result.err
    else:
        assert (result.code, result.err) == (0, "")


def test_in_a_process_of_its_own(saved: str) -> None:
    """The installed program does not look for modules in the current folder by itself."""
    script = "import sys; sys.path = [p for p in sys.path if p]; from graphnet.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", script, "verify", "net.gnet", "--import", saved], check=False,
                          capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("content", "code", "text"), [
    (None, 2, "graphnet: graphnet: --import is 'other', but there is no such module, here or installed\n"),
    ("import nowhere_at_all", 1, "graphnet: --import other: it cannot be imported: ModuleNotFoundError: No module "),
    ("1 / 0", 1, "graphnet: --import other: it cannot be imported: ZeroDivisionError: division by zero\n"),
    ("if", 1, "graphnet: --import other: it cannot be imported: SyntaxError: invalid syntax"),
    ("undefined", 1, "graphnet: --import other: it cannot be imported: NameError: name 'undefined' is not defined\n"),
])
def test_modules_that_cannot_be_imported(run: Callable[..., Any], saved: str, elsewhere: Path, content: str | None,
                                         code: int, text: str) -> None:
    if content is not None:
        (elsewhere / "other.py").write_text(content)
    result = run("summary", "net.gnet", "--import", saved, "--import", "other")
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith(text)


def test_the_help_says_that_it_runs() -> None:
    assert make_parser().parse_args(["verify", "a.gnet", "--import", "a.b", "--import", "c"]).modules == ["a.b", "c"]
