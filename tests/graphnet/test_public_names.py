import inspect
import pkgutil
import subprocess
import sys
from importlib import import_module

import pytest

import graphnet as gn
from graphnet.common.version import version


@pytest.mark.parametrize("name", gn.__all__)
def test_every_public_name_is_there(name):
    value = getattr(gn, name)
    assert value is getattr(gn, name)
    assert name in dir(gn)


@pytest.mark.parametrize("face", ["initializers", "layers", "losses", "metrics", "optimizers"])
def test_a_face_has_what_its_modules_export_and_nothing_else(face):
    package = import_module(f"graphnet.{face}")
    said = ["Emitter", "Layer"] if face == "layers" else []  # which live in a room below
    for module in pkgutil.iter_modules(package.__path__, f"graphnet.{face}."):
        said += getattr(import_module(module.name), "__all__", [])
    assert sorted(said) == package.__all__
    public = {name for name, value in vars(package).items() if name[0] != "_" and not inspect.ismodule(value)}
    assert public == set(said)


def test_unknown_name():
    with pytest.raises(AttributeError, match=r"gn has no 'Modle'; did you mean gn\.Model\?"):
        gn.Modle  # noqa: B018


def test_version():
    assert gn.__version__ == version()
    assert "__version__" in dir(gn)
    assert "__version__" not in gn.__all__


@pytest.mark.parametrize("code", ["import graphnet", "import graphnet as gn; gn.compile; gn.layers.Dense; gn.load"])
def test_heavy_packages_are_left_alone(code):
    script = f"{code}\nimport sys\nprint(sorted({{'matplotlib', 'networkx', 'tqdm', 'PIL'}} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
