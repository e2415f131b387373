import errno
import json
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import small_networks

import graphnet as gn
from graphnet.models import lenet


@pytest.fixture
def saved(elsewhere: Path) -> Path:
    path = elsewhere / "image.gnet"
    small_networks.image_network().save(path)
    return path


@pytest.fixture
def untrainable(elsewhere: Path) -> Path:
    path = elsewhere / "sequence.gnet"
    gn.compile(small_networks.sequence_model()).save(path)
    return path


def test_text_and_json(run: Callable[..., Any], saved: Path) -> None:
    net = gn.load(saved)
    assert run("explain", saved).out == f"{net.explain('train', 64)}\n"
    assert run("explain", saved, "--mode", "predict").out == f"{net.explain('predict', 64)}\n"
    data, wanted = json.loads(run("explain", saved, "--json").out), net.explain("train", 64).to_json()
    assert [step["new"] for step in data["passes"]] == [list(step["new"]) for step in wanted["passes"]]
    assert [pair["reason"] for pair in data["pairs"]] == [pair["reason"] for pair in wanted["pairs"]]


def test_a_model_by_name(run: Callable[..., Any]) -> None:
    assert run("explain", "lenet").out.startswith("explain lenet, train: ")


def test_a_page(run: Callable[..., Any], saved: Path, elsewhere: Path) -> None:
    result = run("explain", saved, "--html", "out.html", "--batch", 8)
    assert (result.code, result.out, result.err) == (0, "", "")
    page = (elsewhere / "out.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "instructions at N=8" in page


def test_a_file_is_only_replaced_if_asked(run: Callable[..., Any], saved: Path, elsewhere: Path) -> None:
    (elsewhere / "out.html").write_text("mine")
    result = run("explain", saved, "--html", "out.html")
    assert (result.code, result.err) == (
        1, "graphnet: out.html is there already; choose another name or give --overwrite\n")
    assert (elsewhere / "out.html").read_text() == "mine"
    assert run("explain", saved, "--html", "out.html", "--overwrite").code == 0
    assert (elsewhere / "out.html").read_text() != "mine"


@pytest.mark.parametrize(("command", "option"), [("explain", "--html"), ("profile", "--trace")])
def test_a_page_that_fails_halfway_leaves_the_old_one(
        run: Callable[..., Any], saved: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, command: str,
        option: str) -> None:
    def write(descriptor: int, data: memoryview, real: Callable[[int, memoryview], int] = os.write) -> int:
        if len(data) < 1000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data[:-100])

    (elsewhere / "out").write_text("mine")
    monkeypatch.setattr(os, "write", write)
    result = run(command, saved, option, "out", "--overwrite")
    assert (result.code, result.err) == (1, "graphnet: out: No space left on device\n")
    assert run(command, saved, option, "new").code == 1
    assert sorted(path.name for path in elsewhere.iterdir()) == ["image.gnet", "out"]
    assert (elsewhere / "out").read_text() == "mine"


def test_without_a_loss_it_predicts(run: Callable[..., Any], untrainable: Path, elsewhere: Path) -> None:
    assert run("explain", untrainable).out.startswith("explain sequence, predict: ")
    result = run("explain", untrainable, "--mode", "train")
    assert (result.code, result.err) == (
        1, "graphnet: sequence has no loss or no optimizer, so it cannot train; use --mode predict\n")
    assert run("explain", untrainable, "--html", "a.html", "--dim", "T=9").code == 0
    assert "instructions at N=64, T=9" in (elsewhere / "a.html").read_text()


def test_dims_must_be_known(run: Callable[..., Any], untrainable: Path, saved: Path) -> None:
    result = run("memory", untrainable, "--dim", "S=3")
    assert (result.code, result.err) == (2, "graphnet: sequence: --dim is 'S=3', but its free dims are: T\n")
    assert run("memory", saved, "--dim", "T=3").err.endswith("but its free dims are: none\n")
    assert "it must be NAME=SIZE, e.g. T=20, not 'T'" in run("memory", untrainable, "--dim", "T").err


def test_neither_a_file_nor_a_model(run: Callable[..., Any]) -> None:
    for command in ("explain", "memory", "profile", "gradcheck"):
        result = run(command, "lennet")
        assert result.code == 2
        assert result.err.startswith(f"graphnet: {command}: FILE.gnet|MODEL is 'lennet', but there is no such file")


def test_memory(run: Callable[..., Any], saved: Path) -> None:
    net = gn.load(saved)
    assert run("memory", saved, "--batch", 5).out == f"{net.memory('train', 5)}\n"
    data = json.loads(run("memory", saved, "--mode", "predict", "--json").out)
    assert (data["mode"], data["total"]) == ("predict", net.memory("predict", 64).total)
    wanted = gn.compile(lenet.model(), **small_networks.TRAINED).memory("train", 256)
    assert run("memory", "lenet", "--batch", 256).out == f"{wanted}\n"


def test_profile(run: Callable[..., Any], saved: Path, elsewhere: Path) -> None:
    text = run("profile", saved, "--steps", 2, "--batch", 3, "--instructions", "--trace", "trace.json").out
    assert re.match(r"profile image, train \(N=3(; native, \d+ threads?; blocks of 16)?\): median of 2 steps\n", text)
    assert "adam_update" in text
    trace = json.loads((elsewhere / "trace.json").read_text())
    assert trace["otherData"] == {"model": "image", "mode": "train", "N": "3"}
    data = json.loads(run("profile", saved, "--steps", 1, "--mode", "predict", "--json").out)
    assert (data["mode"], data["steps"], data["dims"]) == ("predict", 1, {"N": 64})
    assert run("profile", saved, "--trace", "trace.json").code == 1


def test_gradcheck(run: Callable[..., Any], saved: Path, untrainable: Path) -> None:
    result = run("gradcheck", saved, "--samples", 2)
    assert result.code == 0
    assert result.out.endswith("all gradients are right (tolerance 1e-05)\n")
    assert json.loads(run("gradcheck", saved, "--samples", 1, "--json").out)["passed"] is True
    assert run("gradcheck", untrainable).code == 1
    assert "give gn.compile a loss" in run("gradcheck", untrainable).err


def test_gradcheck_fails_on_a_wrong_gradient(run: Callable[..., Any], saved: Path) -> None:
    result = run("gradcheck", saved, "--samples", 1, "--tolerance", 1e-300)
    assert result.code == 1
    assert "WRONG" in result.out


def test_a_page_can_go_into_a_pipe(run: Callable[..., Any], saved: Path, tmp_path: Path) -> None:
    pipe, pages = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: pages.append(pipe.read_text("utf-8")))
    reader.start()
    run("explain", saved, "--html", pipe, "--overwrite")
    reader.join()
    assert pages[0].startswith("<!DOCTYPE html>")
    assert pipe.is_fifo()


def test_code_of_instructions(run: Callable[..., Any], saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llvmlite")
    monkeypatch.setenv("GRAPHNET_BACKEND", "native")
    code = gn.load(saved).machine_code("train", 64)
    shown = run("explain", saved, "--llvm", 1).out
    assert shown == code[1].text("llvm")
    assert shown.startswith("instruction 1: ")
    assert "define internal void @" in shown
    assert ".py:" in code[1].title
    assert run("explain", saved, "--asm", "all").out.count("instruction ") == len(code)
    found = json.loads(run("explain", saved, "--asm", 1, "--json").out)
    assert [(one["index"], "llvm" in one, len(one["asm"]) > 100) for one in found] == [(1, False, True)]
    result = run("explain", saved, "--asm", len(code))
    assert (result.code, f"--asm is {len(code)}, but" in result.err) == (2, True)


def test_code_of_numpy(run: Callable[..., Any], saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHNET_BACKEND", "numpy")
    result = run("explain", saved, "--llvm", "all")
    assert result.code == 1
    assert "the network runs on NumPy, so there is no code of its own to show; " in result.err
