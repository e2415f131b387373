"""The models that can be trained by name.

`graphnet.models` stands above this package, so nothing here imports it by name: its modules are looked up when somebody
asks, each by itself, and only names that are there are ever imported.
"""

from __future__ import annotations

import importlib
import pkgutil

from graphnet.compiler.errors import ArgumentError
from graphnet.runs.recipe import Recipe

PACKAGE = "graphnet.models"


def model_names() -> tuple[str, ...]:
    """The names of all models, sorted."""
    package = importlib.import_module(PACKAGE)
    return tuple(sorted(module.name for module in pkgutil.iter_modules(package.__path__)
                        if not module.name.startswith("_")))


def load_recipe(name: str) -> Recipe:
    """The recipe of a model: `RECIPE` in its module.

    Raises:
        ArgumentError: there is no such model, or it has no recipe.
    """
    names = model_names()
    if name not in names:
        raise ArgumentError("models", "name", name, f"it must be one of {', '.join(names)}")
    recipe = getattr(importlib.import_module(f"{PACKAGE}.{name}"), "RECIPE", None)
    if not isinstance(recipe, Recipe):
        raise ArgumentError("models", "name", name, f"its module {PACKAGE}.{name} declares no RECIPE")
    return recipe
