"""Examples in docstrings run as they stand: each in a namespace with `gn` and `np`, in a folder of its own."""

from __future__ import annotations

import doctest
import inspect
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
