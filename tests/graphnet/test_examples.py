"""Examples in docstrings run as they stand: each in a namespace with `gn` and `np`, in a folder of its own."""

from __future__ import annotations

import doctest
import inspect
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import graphnet as gn

MODULES = ["graphnet", *(f"graphnet.{name}" for name in sorted(gn.__all__) if inspect.ismodule(getattr(gn, name)))]
PUBLIC = {f"{module}.{name}": getattr(import_module(module), name)
          for module in MODULES for name in import_module(module).__all__}
CLASSES = {name: item for name, item in PUBLIC.items() if inspect.isclass(item)}
CALLABLE = {name: item for name, item in PUBLIC.items() if inspect.isclass(item) or inspect.isfunction(item)}


def examples(item: object) -> list[doctest.DocTest]:
    """Those of a class and its methods, or of a function."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [test for test in finder.find(item, globs={"gn": gn, "np": np}) if test.examples]


@pytest.mark.parametrize("name", CALLABLE)
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    for test in examples(CALLABLE[name]):
        doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)
    assert not said, "".join(said)


# Modules whose public classes each have an example and say how they differ from those of other libraries.
DOCUMENTED = (
    "graphnet.constraints", "graphnet.initializers", "graphnet.layers", "graphnet.regularizers",
)
PARTS = ("Keras / PyTorch:", "Args:", "Raises:", "Example:")
COMPARED = re.compile(r"^Keras / PyTorch: (\u2013|`[^`]+`)[^/]*\s/\s(\u2013|`[^`]+`)", re.MULTILINE)  # or a dash


@pytest.mark.parametrize("name", [name for name in CLASSES if name.rpartition(".")[0] in DOCUMENTED])
def test_classes_have_an_example_and_say_what_other_libraries_have(name: str) -> None:
    own = inspect.cleandoc(CLASSES[name].__doc__ or "")
    found = [part for paragraph in own.split("\n\n") for part in PARTS if paragraph.startswith(part)]
    assert found == [part for part in PARTS if part in found], "each part once, in this order"
    assert COMPARED.search(own), "say which classes of Keras and of PyTorch it is like, a dash for none"
    assert "Example:" in found, "show in a few lines what it does"
    example = own.partition("Example:\n")[2]
    assert doctest.DocTestParser().get_examples(example)
    assert all(len(line) <= 76 for line in example.splitlines()), "help() shows it in 80 columns, 4 of them its margin"
