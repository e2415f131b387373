"""Names in files and paths that were made to play tricks on terminals, pages and pictures."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_networks
from gnet_samples import sample_bytes, sign, take_apart
from hostile_files import TRICK, write_hostile

import graphnet as gn
from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Origin, Output
from graphnet.compiler.ops import Relu, Tanh
from graphnet.compiler.types import TensorType
from graphnet.compiler.words import UNSEEN
from graphnet.drawing.curves import plot_curves
from graphnet.drawing.figures import figure_bytes
from graphnet.runtime.gnet import Contents, dumps, save_gnet

PATH = "m\x1b[2J\u202e\n\udcff.gnet"

COMMANDS = [["info"], ["verify"], ["summary"], ["explain"], ["memory"], ["profile", "--batch", "2", "--steps", "1"],
            ["profile", "--batch", "2", "--steps", "1", "--instructions"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("suffix", [TRICK, "\u202e" * 20_000], ids=["trick", "long"])
def test_names_in_a_file_play_no_tricks_on_a_terminal(command: list[str], suffix: str, elsewhere: Path,
                                                      run: Callable[..., Any]) -> None:
    write_hostile(PATH, suffix)
    name, *options = command
    result = run(name, PATH, *options)
    assert (result.code, result.err) == (0, "")
    assert not re.search(f"[{UNSEEN}]", result.out.replace("\n", ""))
    assert max(map(len, result.out.splitlines())) < 3000
    assert r"\u202e" in result.out


def test_names_play_no_tricks_in_diff(elsewhere: Path, run: Callable[..., Any]) -> None:
    write_hostile(PATH)
    write_hostile("other.gnet", TRICK + "z")
    result = run("diff", PATH, "other.gnet")
    assert result.code == 1
    assert not re.search(f"[{UNSEEN}]", result.out.replace("\n", ""))


def test_diff_sees_a_difference_in_the_middle_of_long_names(elsewhere: Path, run: Callable[..., Any]) -> None:
    for path, middle in (("a.gnet", "a"), ("b.gnet", "b")):
        b = Builder("g")
        x, y = (b.input(name, TensorType("float32", ("N", 2))) for name in ("x" * 500 + "a" + "x" * 500, "x" * 500 + "b"
                                                                              + "x" * 500))
        save_gnet(path, Contents(b.build([Output("y", b.add(Relu(), x if middle == "a" else y)),
                                          Output("z", b.add(Relu(), y if middle == "a" else x))]), {}))
    assert run("diff", "a.gnet", "a.gnet").code == 0
    assert run("diff", "a.gnet", "b.gnet").code == 1


@pytest.mark.parametrize("suffix", [TRICK, "\u202e" * 20_000], ids=["trick", "long"])
def test_names_play_no_tricks_in_a_page(suffix: str, elsewhere: Path, run: Callable[..., Any]) -> None:
    write_hostile("a.gnet", suffix)
    assert run("explain", "a.gnet", "--html", "a.html").code == 0
    page = Path("a.html").read_text()
    assert not re.search(f"[{UNSEEN}]", page.replace("\n", ""))
    assert len(page) < 400_000


PICTURES = [(view, ending, suffix) for view in ("graph", "memory", "time") for ending in ("png", "svg")
            for suffix in (TRICK, "$$", "$x$", r"\$")]
FEW = [("graph", "png", "$$"), ("graph", "svg", TRICK), ("memory", "png", TRICK), ("time", "png", TRICK)]


@pytest.mark.parametrize(("view", "ending", "suffix"), [
    pytest.param(*case, marks=[] if case in FEW else pytest.mark.slow) for case in PICTURES])
def test_names_are_no_formulas_in_pictures(view: str, ending: str, suffix: str, elsewhere: Path) -> None:
    write_hostile("a.gnet", suffix)
    gn.load("a.gnet").plot(f"a.{ending}", view=view, batch=2)
    assert Path(f"a.{ending}").stat().st_size > 1000


def test_a_dollar_is_drawn_as_a_dollar(monkeypatch: pytest.MonkeyPatch) -> None:
    """As text without a formula: what is drawn is what the name says."""
    import matplotlib as mpl
    from matplotlib.text import Text

    drawn = []
    monkeypatch.setattr(Text, "_preprocess_math", lambda self, s, real=Text._preprocess_math: drawn.append(
        real(self, s)) or drawn[-1])
    monkeypatch.setitem(mpl.rcParams, "svg.fonttype", "none")
    figure = plot_curves({"$loss$": {"$$": [1.0, 2.0]}}, [1, 2], r"\$ and $x^2$")
    svg = figure_bytes(figure, "svg").decode()
    for text in ("$loss$", "$$", r"\$ and $x^2$"):
        assert (text, False) in drawn
        assert f">{text}<" in svg


@pytest.mark.parametrize("arguments", [
    ["info", "F"], ["verify", "F"], ["diff", "F", "F"], ["summary", "F"], ["explain", "F"], ["memory", "F"],
    ["predict", "F", "F"], ["evaluate", "F", "--x", "F", "--y", "F"], ["sample", "F"], ["profile", "F"],
    ["gradcheck", "F"], ["train", "--resume", "F"], ["train", "lenet", "--data-dir", "F"]], ids=" ".join)
@pytest.mark.parametrize("content", [None, b"no model"])
def test_paths_play_no_tricks_on_a_terminal(arguments: list[str], content: bytes | None, elsewhere: Path,
                                            run: Callable[..., Any]) -> None:
    if content is not None:
        Path(PATH).write_bytes(content)
    result = run(*[PATH if part == "F" else part for part in arguments])
    assert result.code in (1, 2)
    assert result.err.count("\n") == 1
    assert not re.search(f"[{UNSEEN}]", result.err.replace("\n", ""))


@pytest.mark.parametrize("arguments", [["explain"], ["explain", "--json"], ["diff", "other.gnet"]])
def test_one_long_name_of_many_nodes_is_not_shown_in_full_again_and_again(arguments: list[str], elsewhere: Path,
                                                                          run: Callable[..., Any]) -> None:
    """It stands once in the file; each of 100 nodes is of its layer."""
    for path, op in (("a.gnet", Tanh()), ("other.gnet", Relu())):
        b = Builder("g")
        x = b.input("x", TensorType("float32", ("N", 2)))
        with b.at(Origin("x" * 20_000, "y" * 20_000, "z" * 20_000)):
            for _ in range(100):
                x = b.add(op, x)
        save_gnet(path, Contents(b.build([Output("y", x)]), {}))
    name, *more = arguments
    assert Path("a.gnet").stat().st_size < 70_000
    result = run(name, "a.gnet", *more)
    assert result.err == ""
    assert len(result.out) < 500_000


# Refusals ---------------------------------------------------------------------------------------------------------

LONG, LONGEST = ["x" * 60_000] * 5, ["x" * 60_000] * 190
"""The second in a header of 12 MB."""


@pytest.mark.parametrize(("key", "value"), [
    ("seed", LONGEST), ("seed", "x" * 60_000), ("objective", LONG),
    ("optimizer", {"class": "x" * 60_000, "arguments": {}}),
    ("optimizer", {"class": "Adam", "arguments": {"learning_rate": LONG}}), ("rate_factor", LONG), ("x" * 60_000, 1)])
def test_a_refusal_of_a_long_value_is_one_short_line(key: str, value: Any, saved_header: dict[str, Any],
                                                     run: Callable[..., Any]) -> None:
    saved_header["train"][key] = value
    Path("long.gnet").write_bytes(sign(saved_header, b""))
    for command in (["verify"], ["summary"], ["verify", "--json"]):
        result = run(command[0], "long.gnet", *command[1:])
        said = json.loads(result.out)["reason"] if "--json" in command else result.err
        assert result.code == 1
        assert said.count("\n") == ("--json" not in command)
        assert len(said) <= 1001
    with pytest.raises(gn.GnetFormatError) as caught:
        gn.load("long.gnet")
    assert len(str(caught.value)) <= 1000
    assert "\n" not in str(caught.value)


@pytest.fixture
def saved_header(elsewhere: Path) -> dict[str, Any]:
    """The header of a file without tensors, with a training set-up."""
    b = Builder("g")
    x = b.input("x", TensorType("float32", ("N", 2)))
    train = {"objective": None, "optimizer": None, "optimize": True, "seed": 0, "step": 0, "epoch": 0,
             "rate_factor": 1.0}
    header, _ = take_apart(dumps(Contents(b.build([Output("y", b.add(Tanh(), x))]), {}, train)))
    return header


def test_a_refusal_by_shape_inference_is_one_line(elsewhere: Path, run: Callable[..., Any]) -> None:
    """Users who declare a layer get several lines; of a file nobody can change one of them."""
    header, data = take_apart(sample_bytes("images"))
    header["graph"]["parameters"][0][2] = [2, 9, 3, 3]
    Path("a.gnet").write_bytes(sign(header, data))
    result = run("verify", "a.gnet")
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "; fix: " in result.err or "conv2d refuses its inputs" in result.err


# Surroundings -----------------------------------------------------------------------------------------------------

@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no such device")
@pytest.mark.parametrize("arguments", [["explain", "--html"], ["profile", "--batch", "2", "--steps", "1", "--trace"]])
def test_a_full_disk_is_named(arguments: list[str], elsewhere: Path, run: Callable[..., Any]) -> None:
    small_networks.image_network().save("a.gnet")
    name, *options = arguments
    result = run(name, "a.gnet", *options, "/dev/full", "--overwrite")
    assert (result.code, result.err) == (1, "graphnet: /dev/full: No space left on device\n")


def test_a_cache_of_a_user_who_is_not_known(elsewhere: Path, run: Callable[..., Any],
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHNET_CACHE", "~nosuchuser/x")
    result = run("data", "download", "mnist", "--mirror", "http://127.0.0.1:1/")
    assert (result.code, result.err) == (1, "graphnet: GRAPHNET_CACHE is '~nosuchuser/x', but whose home directory "
                                            "'~nosuchuser' is cannot be told; set it to a directory without ~\n")
    assert gn.data.load_mnist().name == "mnist-sample"  # which needs no cache


GONE = """
import contextlib, io, json, os, sys
where, sound, array, labels = sys.argv[1:]
os.mkdir(where), os.chdir(where), os.rmdir(where)
import graphnet as gn
from graphnet.cli import main
for file, given in ((sound, array), ("relative.gnet", "relative.npy")):
    for command in (["info", file], ["verify", file], ["diff", file, file], ["summary", file], ["explain", file],
                    ["memory", file], ["predict", file, given], ["gradcheck", file, "--samples", "1"],
                    ["profile", file, "--batch", "2", "--steps", "1"], ["evaluate", file, "--x", given, "--y", labels],
                    ["sample", file], ["explain", sound, "--html", "relative.html"],
                    ["train", "lenet", "--run-dir", "relative"], ["train", "lenet", "--data-dir", "relative"],
                    ["train", "--resume", "relative"]):
        errors = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
            code = main(command)
        print(json.dumps([command, code, errors.getvalue()]))
network = gn.load(sound)
try:
    gn.load("relative.gnet")
except FileNotFoundError as error:
    print(json.dumps([["gn.load"], 1, f"{error.filename}: {error.strerror}\\n"]))
try:
    network.save("relative.gnet")
except gn.ArgumentError as error:
    print(json.dumps([["net.save"], 2, f"{error}\\n"]))
network.save(sound)
"""


def test_a_working_directory_that_is_gone(elsewhere: Path) -> None:
    small_networks.image_network().save("a.gnet", samples=np.ones((2, 1, 8, 8), np.float32))
    np.save("x.npy", np.ones((2, 1, 8, 8), np.float32))
    np.save("y.npy", np.zeros(2, np.int64))
    done = subprocess.run([sys.executable, "-c", GONE, str(elsewhere / "gone"), str(elsewhere / "a.gnet"),
                           str(elsewhere / "x.npy"), str(elsewhere / "y.npy")], capture_output=True, text=True,
                          env=os.environ | {"OPENBLAS_NUM_THREADS": "1"})
    assert (done.returncode, done.stderr) == (0, "")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == 32
    for command, code, said in found:
        absolute = "relative" not in " ".join(command) and command[0][:2] not in ("gn", "ne")
        works = absolute and command[0] != "sample"  # which takes character models only
        assert (code == 0) is works, (command, said)
        assert said.count("\n") == (not works), (command, said)
        assert works or "Errno" not in said, (command, said)
    assert ("save: path is 'relative.gnet', but it is relative to the working directory, which is not there any more; "
            "give an absolute path\n") in [said for *_, said in found]
