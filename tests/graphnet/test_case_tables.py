"""Every public layer, activation, loss and optimizer is exported and has a case with a formula and a twin in PyTorch.

The tables are in `tests/support`; the formula tests and the parity tests take their cases from them, so that a class
without a case here is one without those tests.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from activation_cases import ACTIVATION_CASES
from layer_formulas import LAYER_CASES
from loss_cases import LOSS_CASES
from optimizer_cases import OPTIMIZER_CASES

import graphnet as gn
from graphnet.common.registry import Registry
from graphnet.layers.activation import ACTIVATIONS, ActivationLayer

ROOT = Path(__file__).parents[2]
BASES = (gn.layers.Layer, gn.losses.Loss, gn.optimizers.Optimizer)

LAYERS = {type(case.make()): case for case in LAYER_CASES.values()}
ACTIVATION_LAYERS = {type(case.make()): case for case in ACTIVATION_CASES.values()}
LOSSES = {type(case.loss): case for case in LOSS_CASES.values()}
OPTIMIZERS = {type(case.optimizer): case for case in OPTIMIZER_CASES.values()}
KINDS = pytest.mark.parametrize(("face", "base", "cases"), [
    pytest.param("layers", gn.layers.Layer, LAYERS | ACTIVATION_LAYERS, id="layers"),
    pytest.param("losses", gn.losses.Loss, LOSSES, id="losses"),
    pytest.param("optimizers", gn.optimizers.Optimizer, OPTIMIZERS, id="optimizers"),
])
Cases = Mapping[type, Any]


def defined(face: str, base: type) -> set[type]:
    """The classes of this kind in the modules of a face that have a public name and no class beneath them."""
    found = set()
    for module in pkgutil.iter_modules(import_module(f"graphnet.{face}").__path__, f"graphnet.{face}."):
        classes = vars(import_module(module.name)).values()
        found |= {cls for cls in classes if inspect.isclass(cls) and issubclass(cls, base)
                  and cls.__module__ == module.name and cls.__name__[0] != "_"}
    return {cls for cls in found if not any(cls is not other and issubclass(other, cls) for other in found)}


@KINDS
def test_every_class_is_exported(face: str, base: type, cases: Cases) -> None:
    exported = vars(import_module(f"graphnet.{face}"))
    missing = {cls.__name__ for cls in defined(face, base) if exported.get(cls.__name__) is not cls}
    assert missing == set(), f"say them in the __all__ of their modules, and these in graphnet/{face}/__init__.py"


@KINDS
def test_every_public_class_has_a_formula(face: str, base: type, cases: Cases) -> None:
    package = import_module(f"graphnet.{face}")
    public = {cls for cls in (getattr(package, name) for name in package.__all__)
              if inspect.isclass(cls) and issubclass(cls, base) and cls not in BASES}
    assert public == cases.keys()
    assert all(callable(case.formula) for case in cases.values())


@KINDS
def test_every_public_class_has_a_twin_in_pytorch_or_says_why_not(face: str, base: type, cases: Cases) -> None:
    for cls, case in cases.items():
        assert case.twin, f"{cls.__name__} has neither a twin nor a reason"
        if isinstance(case.twin, str) and case.twin.endswith(".py"):
            text = (ROOT / case.twin).read_text("utf-8")
            assert f"L.{cls.__name__}" in text, f"{case.twin} does not compare {cls.__name__}"


@pytest.mark.parametrize(("registry", "classes"), [
    (ACTIVATIONS, ACTIVATION_LAYERS), (gn.losses.LOSSES, LOSSES), (gn.optimizers.OPTIMIZERS, OPTIMIZERS)],
    ids=["activations", "losses", "optimizers"])
def test_every_class_has_a_name(registry: Registry[Any], classes: Cases) -> None:
    assert {type(registry.resolve("test", "it", name)) for name in registry.names} == classes.keys()


def test_every_activation_is_in_the_table_of_activations() -> None:
    assert not any(issubclass(cls, ActivationLayer) for cls in LAYERS)
    assert sorted(name for case in ACTIVATION_CASES.values() for name in case.names) == list(ACTIVATIONS.names)
