"""What values show in a notebook and in a REPL: the figures of their text, well formed, harmless, and not too much."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_networks
from hostile_files import TRICK, write_hostile
from html_checks import parse_html

import graphnet as gn
from graphnet.compiler.words import UNSEEN
from graphnet.custom import TensorType, Types
from graphnet.files import diff_files, read_file_info, verify_file

X, Y = np.linspace(0, 1, 4 * 64, dtype=np.float32).reshape(4, 1, 8, 8), np.arange(4) % 3
SHOWN: dict[str, Callable[[gn.Network], Any]] = {
    "graph": lambda net: net.graph, "summary": lambda net: net.summary(),
    "program": lambda net: net.program("predict", 4), "memory": lambda net: net.memory("predict", 4),
    "explanation": lambda net: net.explain("predict"), "profile": lambda net: net.profile(X, steps=1)}
TRAINED: dict[str, Callable[[gn.Network], Any]] = {
    "training": lambda net: net.program("train", 4), "backward": lambda net: net.explain("train", 4),
    "history": lambda net: net.fit(X, Y, epochs=2, validation_data=(X, Y), verbose=False),
    "gradients": lambda net: net.gradcheck(X, Y, samples=1)}
TOOLS: dict[str, Callable[[Path], Any]] = {
    "info": read_file_info, "verification": verify_file, "same": lambda path: diff_files(path, path),
    "open file": gn.open}


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Everything that a user gets and looks at."""
    net = small_networks.image_network(metrics=["accuracy", "confusion_matrix"])
    folder = tmp_path_factory.mktemp("files")
    net.save(folder / "first.gnet", samples=X[:2])
    found = {name: make(net) for name, make in (SHOWN | TRAINED).items()}
    net.save(folder / "second.gnet")
    found |= {name: make(folder / "first.gnet") for name, make in TOOLS.items()}
    return found | {"difference": diff_files(folder / "first.gnet", folder / "second.gnet")}


NAMES = [*SHOWN, *TRAINED, *TOOLS, "difference"]


def words(text: str) -> set[str]:
    """All that stands between blanks, without rules and the marks at its ends."""
    return {word for word in (part.strip(":,;()-+─") for part in text.split()) if word}


@pytest.mark.parametrize("name", [name for name in NAMES if name != "open file"])
def test_the_table_says_what_the_text_says(values: dict[str, Any], name: str) -> None:
    made = parse_html(values[name]._repr_html_())
    missing = words(str(values[name])) - words(" ".join(made.text))
    assert missing <= ({"graph", "tensors"} if name == "difference" else set())


@pytest.mark.parametrize("name", NAMES)
def test_it_suits_light_and_dark(values: dict[str, Any], name: str) -> None:
    """Colours are those of the page."""
    made = parse_html(values[name]._repr_html_())
    assert not re.search(r"color|background|#[0-9a-f]{3}", " ".join(made.styles))
    assert {*made.tags} <= {"div", "style", "p", "b", "table", "thead", "tbody", "tfoot", "tr", "th", "td", "br", "pre",
                            "details", "summary"}


@pytest.mark.parametrize("name", NAMES)
def test_a_repl_shows_a_screenful_at_most(values: dict[str, Any], name: str) -> None:
    shown = repr(values[name])
    assert len(shown) <= 2000
    assert shown.count("\n") < 24
    assert " object at 0x" not in shown
    assert shown == str(values[name]) or re.fullmatch("<.*; print it>", shown) or name == "open file"


def test_numbers_of_a_summary_are_flush_right(values: dict[str, Any]) -> None:
    summary = values["summary"]
    head, *rows, total = parse_html(summary._repr_html_()).rows
    assert [text for text, _ in head] == ["layer", "kind", "output", "parameters", "FLOPs", "activation bytes"]
    assert [[text for text, _ in row][3:] for row in rows] == [
        [f"{layer.parameters:,}", f"{layer.flops:,}", f"{layer.activation_bytes:,}"] for layer in summary.layers]
    assert [text for text, _ in total][3] == f"{summary.parameters:,}"
    for row in (head, *rows, total):
        assert [style for _, style in row] == [""] * 3 + ["text-align:right"] * 3


def test_a_program_has_a_row_for_each_instruction(values: dict[str, Any]) -> None:
    program = values["program"]
    head, *rows = parse_html(program._repr_html_()).cells
    assert [row[0].strip() for row in rows] == [str(index) for index in range(len(program.instructions))]
    column = head.index("operand")
    for row, instruction in zip(rows, program.instructions, strict=True):
        assert len(row[column].split("\n")) >= len(instruction.inputs) + len(instruction.outputs)


def test_passes_say_what_they_did(values: dict[str, Any]) -> None:
    explanation = values["backward"]
    rows = parse_html(explanation._repr_html_()).cells
    for report in explanation.passes:
        assert [report.name, report.purpose, f"{report.nodes_before} → {report.nodes_after}", report.verdict] in rows
    for pair in explanation.pairs:
        assert any(row[0] == f"%{pair.value}" and row[-1] == pair.reason for row in rows)


@pytest.mark.parametrize("name", [*SHOWN, *TOOLS, "difference"])
def test_names_in_a_file_play_no_tricks(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_hostile("a.gnet", f"<script>alert(1)</script><b>&lt;{TRICK}")
    write_hostile("b.gnet", f"<i>{TRICK}")
    if name in SHOWN:
        value = SHOWN[name](gn.load("a.gnet"))
    else:
        value = TOOLS[name](Path("a.gnet")) if name in TOOLS else diff_files("a.gnet", "b.gnet")
    made = value._repr_html_()
    found = parse_html(made)
    assert not {"script", "i"} & {*found.tags}
    assert found.tags.count("b") == 1, "the title"
    assert not re.search(f"[{UNSEEN}]", made.replace("\n", "") + repr(value).replace("\n", ""))
    assert name in ("same", "verification") or "<script>alert(1)</script><b>&lt;a\\u2028b" in "".join(found.text)


def test_long_names_are_shown_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_hostile("a.gnet", "<" * 20_000)
    net = gn.load("a.gnet")
    for name, make in SHOWN.items():
        assert len(make(net)._repr_html_()) < 400_000, name
        assert len(repr(make(net))) <= 2000, name
    assert len(repr(net)) < 1500


@gn.register_op
@dataclass(frozen=True)
class Marked(gn.Op):
    """y = x, with an attribute of text."""

    mark: str = ""

    name = "tests.marked"
    differentiable = False

    def infer(self, x: TensorType) -> Types:
        return (x,)

    def forward(self, x: Any) -> Any:
        return (x.copy(),)


def test_an_attribute_is_no_html() -> None:
    x = gn.Input((2,))
    net = gn.compile(gn.Model(x, gn.layers.Apply(Marked("<script>\u202e\n"))(x)))
    for value in (net.graph, net.program(), net.explain()):
        made = value._repr_html_()
        assert "script" not in parse_html(made).tags
        assert r"mark=&#x27;&lt;script&gt;\u202e\n&#x27;" in made or value is not net.graph


def deep() -> gn.Network:
    x = h = gn.Input((3,))
    for _ in range(40):
        h = gn.layers.Dense(3)(h)
    return gn.compile(gn.Model(x, h, name="deep"), loss="mse", optimizer="sgd")


def test_of_a_large_network_a_line_is_shown() -> None:
    net = deep()
    assert repr(net.summary()) == "<Summary deep: 41 layers, 480 parameters; print it>"
    assert repr(net.graph) == "<graph deep: 80 nodes, 80 parameters; print it>"
    profile = repr(net.profile(np.ones((2, 3)), steps=1))
    assert profile.startswith("<profile deep, predict (N=2")
    assert "): median of 1 steps, " in profile
    assert repr(net.gradcheck(np.ones((2, 3)), np.ones((2, 3)), samples=1)).endswith(
        "float64: all gradients are right (tolerance 1e-05); print it>")
    history = net.fit(np.ones((4, 3)), np.ones((4, 3)), epochs=30, verbose=False)
    assert re.fullmatch(r"<history of 30 epochs: loss [\d.e-]+ → [\d.e-]+, seconds .*; print it>", repr(history))
    assert len(repr(net.weights)) < 1000
    assert repr(net.weights).endswith("'dense_5/bias': float32 (3,), … 68 more}")
    assert len(parse_html(history._repr_html_()).rows) == 31


def test_of_very_many_rows_the_ends_are_shown() -> None:
    """A notebook keeps what it shows, and a browser lays it out."""
    history = gn.History({"loss": [float(i) for i in range(1, 5001)]}, list(range(1, 5001)))
    head, *rows = parse_html(history._repr_html_()).cells
    assert head == ["epoch", "loss"]
    assert [row[0] for row in rows] == [*map(str, range(1, 301)), "… 4,400 rows are left out here …",
                                        *map(str, range(4701, 5001))]
    few = gn.History({"loss": [1.0] * 600}, list(range(600)))
    assert len(parse_html(few._repr_html_()).cells) == 601


def test_networks_say_what_they_are() -> None:
    net = small_networks.image_network()
    assert repr(net) == ("<Network image: image (N, 1, 8, 8) → logits (N, 3), 6 weights of 451 numbers; "
                         "SoftmaxCrossEntropy, Accuracy, Adam; step 0>")
    assert repr(gn.compile(small_networks.sequence_model())) == (
        "<Network sequence: words (N, T) → logits (N, 3), 6 weights of 262 numbers; for prediction only; step 0>")


def test_what_a_network_hands_out_is_shown_by_shape() -> None:
    net = small_networks.image_network()
    assert repr(net.weights).startswith("{'conv/weight': float32 (4, 1, 3, 3), 'conv/bias': float32 (4,), ")
    net.train_on_batch(X, Y)
    assert repr(net.optimizer_state).startswith("{'first_moment': {'conv/weight': float32 (4, 1, 3, 3), ")
    assert repr(net.states) == "{}"
