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

REPOSITORY = Path(__file__).parents[2]
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
        doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(test, out=said.append)
    assert not said, "".join(said)


PARTS = ("Keras / PyTorch:", "Args:", "Raises:", "Example:")
COMPARED = re.compile(r"^Keras / PyTorch: (\u2013|`[^`]+`)[^/]*\s/\s(\u2013|`[^`]+`)", re.MULTILINE)  # or a dash
ROOT = {name: item for name, item in CALLABLE.items() if name.rpartition(".")[0] == "graphnet"}
METHODS = {name: getattr(gn.Network, name) for name in (
    "evaluate", "fit", "gradcheck", "loss_and_gradients", "optimizer_state", "plot", "predict", "profile",
    "reset_states", "save", "set_states", "set_weights", "states", "summary", "train_on_batch", "weights",
)}


@pytest.mark.parametrize("name", CALLABLE)
def test_public_classes_and_functions_have_an_example(name: str) -> None:
    own = inspect.cleandoc(CALLABLE[name].__doc__ or "")
    found = [part for paragraph in own.split("\n\n") for part in PARTS if paragraph.startswith(part)]
    assert found == [part for part in PARTS if part in found], "each part once, in this order"
    assert "Example:" in found, "show in a few lines what it does"
    example = own.partition("Example:\n")[2]
    assert doctest.DocTestParser().get_examples(example)
    assert all(len(line) <= 76 for line in example.splitlines()), "help() shows it in 80 columns, 4 of them its margin"


SHIPPED = {path.relative_to(REPOSITORY): path.read_text("utf-8")
           for floor in ("graphnet", "compiler", "runtime", "models") for path in (REPOSITORY / floor).rglob("*.py")}
EXPLAINED = re.compile(r'^(\w+)\b.* = .*(?:\n[ )\]}].*)*\n"""', re.MULTILINE)


def test_public_values_are_explained() -> None:
    """Below the value stands what it is: editors show that, and know of no other."""
    values = {name.rpartition(".")[2] for name, item in PUBLIC.items()
              if name not in CALLABLE and not inspect.ismodule(item)}
    assert {"LOSSES", "DEFAULT_MIRRORS", "Gradients"} <= values
    assert values <= {name for text in SHIPPED.values() for name in EXPLAINED.findall(text)}


@pytest.mark.parametrize(("name", "item"), (CLASSES | ROOT | METHODS).items())
def test_docstrings_say_what_other_libraries_have(name: str, item: object) -> None:
    said = COMPARED.search(inspect.cleandoc(item.__doc__ or ""))
    assert said, "say which class or function of Keras and of PyTorch it is like, a dash for none"


def test_all_examples_are_among_those_that_run() -> None:
    """Also one in the docstring of something that is not public: it would never be run."""
    written = {path: found for path, text in SHIPPED.items() if (found := text.count(" >>> "))}
    run: dict[Path, set[tuple[str, int]]] = {}
    for test in (test for item in CALLABLE.values() for test in examples(item)):
        path = Path(test.filename or "").relative_to(REPOSITORY)
        run.setdefault(path, set()).update((test.name, example.lineno) for example in test.examples)
    assert {path: len(found) for path, found in run.items()} == written
