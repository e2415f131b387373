import sys
from pathlib import Path

import pytest

from graphnet import ArgumentError, Model
from graphnet.runs import Recipe, load_recipe, model_names
from graphnet.runs import catalog as catalog_module


def test_every_model_has_a_sound_recipe() -> None:
    names = model_names()
    assert "lenet" in names
    assert list(names) == sorted(names)
    for name in names:
        recipe = load_recipe(name)
        assert isinstance(recipe.model(), Model)
        assert recipe.model().name == name  # `graphnet evaluate FILE` finds the data by it


@pytest.mark.parametrize("name", ["os", "lenet.model", "../lenet", "", "__init__", "graphnet.models.lenet"])
def test_only_models_are_imported(name: str) -> None:
    with pytest.raises(ArgumentError, match=r"models: name is .*, but it must be one of .*lenet"):
        load_recipe(name)


def test_a_module_without_a_recipe_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_models"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "plain.py").write_text("RECIPE = 'secret'")
    (package / "_helper.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(catalog_module, "PACKAGE", "some_models")
    assert model_names() == ("plain",)
    with pytest.raises(ArgumentError, match=r"its module some_models\.plain declares no RECIPE"):
        load_recipe("plain")
    for name in ("some_models", "some_models.plain"):
        monkeypatch.delitem(sys.modules, name)


def test_a_recipe_needs_only_a_model_and_data() -> None:
    recipe = Recipe(lambda: pytest.fail("not now"), lambda directory: pytest.fail("not now"))
    assert (recipe.loss, recipe.optimizer, recipe.schedule) == ("softmax_cross_entropy", "adam", "one_cycle")
