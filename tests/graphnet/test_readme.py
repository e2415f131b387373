"""What README shows is what comes out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import graphnet as gn
from graphnet.models import lenet

README = (Path(__file__).parents[2] / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def tiny() -> gn.Network:
    """The network of the example, whose source README calls tiny.py."""
    code = next(text for kind, text in BLOCKS if kind == "python" and 'name="tiny"' in text)
    code = code[:code.index("data = load_mnist()")]
    scope: dict[str, object] = {"__name__": "tiny"}
    exec(compile(code, "tiny.py", "exec"), scope)
    net = scope["net"]
    assert isinstance(net, gn.Network)
    return net


def trained_lenet() -> gn.Network:
    """As the commands compile it."""
    return gn.compile(lenet.model(), "softmax_cross_entropy", "adam", ["accuracy"])


SHOWN = {
    "graph tiny\n": [lambda: str(tiny().graph), lambda: str(tiny().stages("predict")[-1].after)],
    "program tiny (N=64)\n": [lambda: str(tiny().program("predict", batch=64))],
    "program lenet (N=1)\n": [lambda: str(trained_lenet().program("predict", batch=1))],
    "hoist_pooling: ": [lambda: str(trained_lenet().explain("predict", 64))],
    "memory lenet (N=64)\n": [lambda: str(trained_lenet().memory("train", 64))],
}


CASES = [(start, number) for start, makers in SHOWN.items() for number in range(len(makers))]


@pytest.mark.numpy_backend  # whose Programs README shows
@pytest.mark.parametrize(("start", "number"), CASES)
def test_block(start: str, number: int) -> None:
    """Every line of a block stands in the output, in order; a line with an ellipsis stands for any lines."""
    blocks = [text for kind, text in BLOCKS if kind == "text" and text.startswith(start)]
    shown, lines = blocks[number].splitlines(), iter(SHOWN[start][number]().splitlines())
    for line in shown:
        if line.strip() != "…":
            assert any(found.rstrip() == line.rstrip() for found in lines), f"there is no such line: {line}"


def test_text_of_a_graph_can_be_pasted(capsys: pytest.CaptureFixture[str]) -> None:
    code = next(text for kind, text in BLOCKS if kind == "python" and "parse_graph" in text)
    exec(compile(code, "pasted.py", "exec"), {})
    assert capsys.readouterr().out.strip() == code.rpartition("# ")[2].strip()
