import importlib
import pkgutil

import pytest
import small_networks

from graphnet.compiler import passes
from graphnet.compiler.passes.base import Pass
from graphnet.compiler.planning import rematerialization

FILES = {f"{passes.__name__}.{found.name}" for found in pkgutil.iter_modules(passes.__path__)}
for name in FILES:
    importlib.import_module(name)
OURS = sorted((cls for cls in Pass.__subclasses__() if cls.__module__.startswith("graphnet.")),
              key=lambda cls: cls.__module__)


def test_all_passes_are_looked_at() -> None:
    without = {f"{passes.__name__}.{name}" for name in ("base", "pipeline")}
    assert {cls.__module__ for cls in OURS} == FILES - without | {rematerialization.__name__}


@pytest.mark.parametrize("cls", OURS)
def test_each_says_in_one_sentence_what_it_is_for(cls: type[Pass]) -> None:
    assert 30 < len(cls.purpose) <= 110
    assert cls.purpose[0].isupper()
    assert cls.purpose.endswith(".")
    assert ". " not in cls.purpose


def test_no_two_say_the_same() -> None:
    assert len({cls.purpose for cls in OURS}) == len(OURS)


@pytest.mark.parametrize("mode", ["predict", "train"])
def test_explain_says_it_in_print_and_in_json(mode: str) -> None:
    net = small_networks.image_network()
    explanation = net.explain(mode)
    lines, steps = str(explanation).splitlines(), explanation.to_json()["passes"]
    for stage, step in zip(net.stages(mode), steps, strict=True):
        assert step["purpose"] == type(stage.applied).purpose
        heads = [i for i, line in enumerate(lines) if line.startswith(f"{step['name']}: ")]
        assert [lines[i + 1] for i in heads] == [f"  {step['purpose']}"] * len(heads)
