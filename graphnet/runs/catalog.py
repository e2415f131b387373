"""The models that can be trained by name.

`graphnet.models` stands above this package, so nothing here imports it by name: its modules are looked up when somebody
asks, each by itself, and only names that are there are ever imported.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from graphnet.compiler.errors import ArgumentError
from graphnet.runs.recipe import Recipe

PACKAGE = "graphnet.models"


def model_names() -> tuple[str, ...]:
    """The names of all models, sorted."""
    package = importlib.import_module(PACKAGE)
    return tuple(sorted(module.name for module in pkgutil.iter_modules(package.__path__)
                        if not module.name.startswith("_")))


def describe(name: str) -> str:
    """A model in one line: the first of its module's docstring.

    Raises:
        ArgumentError: there is no such model.
    """
    return (_load(name).__doc__ or "").strip().partition("\n")[0]


def load_recipe(name: str) -> Recipe:
    """The recipe of a model: `RECIPE` in its module.

    Raises:
        ArgumentError: there is no such model, or it has no recipe.
    """
    recipe = getattr(_load(name), "RECIPE", None)
    if not isinstance(recipe, Recipe):
        raise ArgumentError("models", "name", name, f"its module {PACKAGE}.{name} declares no RECIPE")
    return recipe


def _load(name: str) -> ModuleType:
    """The module of a model; nothing else is imported.

    Raises:
        ArgumentError: there is no such model.
    """
    names = model_names()
    if name not in names:
        raise ArgumentError("models", "name", name, f"it must be one of {', '.join(names)}")
    return importlib.import_module(f"{PACKAGE}.{name}")
