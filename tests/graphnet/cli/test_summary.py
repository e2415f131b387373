import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import graphnet as gn
from graphnet.models import lenet


def test_a_model_by_name_and_a_file_show_the_same(run: Callable[..., Any], trained: Path) -> None:
    wanted = f"{lenet.model().summary()}\n"
    assert run("summary", "lenet").out == wanted
    assert run("summary", trained / "model.gnet").out == wanted


def test_json(run: Callable[..., Any]) -> None:
    found = json.loads(run("summary", "lenet", "--json").out)
    assert (found["name"], found["parameters"], found["trainable"], found["frozen"]) == ("lenet", 61_706, 61_706, 0)
    assert found["flops"] == lenet.model().summary().flops
    assert found["layers"][1] == {"name": "conv1", "kind": "Conv2D", "outputs": [["N", 6, 28, 28]], "trainable": 156,
                                  "frozen": 0, "flops": 244_608, "activation_bytes": 18_816,
                                  "statistics": 0}


def test_a_path_is_never_taken_for_a_model(run: Callable[..., Any]) -> None:
    x = gn.Input((3,), name="x")
    gn.compile(gn.Model(x, gn.layers.Dense(2)(x), name="mine")).save("lenet")
    assert run("summary", "./lenet").out.startswith("model mine\n")
    assert run("summary", "lenet").out.startswith("model lenet\n")


def test_neither_a_file_nor_a_model(run: Callable[..., Any]) -> None:
    result = run("summary", "lennet")
    assert result.code == 2
    assert result.err.startswith("graphnet: summary: FILE.gnet|MODEL is 'lennet', but there is no such file, and the "
                                 "models are ")
