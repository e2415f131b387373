"""Where the package finds its floors: beside itself in a checkout, else inside itself; and nothing else."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
REAL = ["graphnet/__init__.py", "graphnet/common/__init__.py", "graphnet/common/checkout.py"]
FLOORS = ["compiler", "runtime", "models"]
SAY = "import graphnet.compiler, graphnet.runtime, graphnet.models, json, sys; print(json.dumps({}))"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that find the floors, and floors without anything in them."""
    root = tmp_path / "a checkout"
    for name in [*REAL, *(f"{floor}/__init__.py" for floor in [*FLOORS, "tests"])]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text((ROOT / name).read_text() if name in REAL else "")
    return root


def install(checkout: Path, put: Callable[[Path, Path], object]) -> Path:
    """Puts each file of a checkout to where an installed package has it; returns the folder."""
    folder = checkout.parent / "installed"
    for path in checkout.rglob("*.py"):
        name = path.relative_to(checkout)
        if name.parts[0] != "tests":
            target = folder / ("graphnet" if name.parts[0] in FLOORS else "") / name
            target.parent.mkdir(parents=True, exist_ok=True)
            put(path, target)
    return folder


def say(folder: Path, what: str, first: str = "") -> object:
    """What an expression is in a fresh process that finds graphnet in this folder and has imported its floors."""
    script = f"import sys; sys.path.insert(0, {str(folder)!r})\n{first}\n{SAY.format(what)}"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], cwd=folder.parent, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


PLACES = "[module.__path__[0] for module in (graphnet, graphnet.compiler, graphnet.runtime, graphnet.models)]"


def beside(root: Path) -> list[str]:
    """The places of a checkout."""
    return [str(root / name) for name in ("graphnet", *FLOORS)]


def inside(folder: Path) -> list[str]:
    """The places of an installed package."""
    return [str(folder / "graphnet" / floor) for floor in ("", *FLOORS)]


def test_a_checkout_has_its_floors_beside_the_package(checkout: Path) -> None:
    assert say(checkout, PLACES) == beside(checkout)


def test_links_to_a_checkout_lead_to_its_files(checkout: Path) -> None:
    links = install(checkout, lambda path, target: target.symlink_to(path))
    assert say(links, PLACES) == beside(checkout)
    (checkout / "compiler" / "new.py").write_text("WHERE = __file__")
    (checkout / "compiler" / "__init__.py").write_text("from graphnet.compiler.new import WHERE")
    assert say(links, "graphnet.compiler.WHERE") == str(checkout / "compiler" / "new.py")


@pytest.mark.parametrize("put", [shutil.copy, os.link], ids=["copied", "hard links"])
def test_what_is_installed_has_its_floors_inside(put: Callable[[Path, Path], object], checkout: Path) -> None:
    folder = install(checkout, put)
    assert say(folder, PLACES) == inside(folder)
    assert say(folder, "'graphnet.common.checkout' in sys.modules") is False


def test_a_whole_package_of_links_stays_as_it_is(checkout: Path) -> None:
    """Some installers link to a store in which whole packages lie."""
    store = install(checkout, shutil.copy).rename(checkout.parent / "store")
    links = checkout.parent / "linked"
    for path in store.rglob("*.py"):
        target = links / path.relative_to(store)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path)
    assert say(links, PLACES) == inside(links)


def test_nothing_else_beside_the_package_is_in_it(checkout: Path) -> None:
    find = "[bool(__import__('importlib.util').util.find_spec('graphnet.' + name)) for name in ('tests', 'compiler')]"
    assert say(checkout, find) == [False, True]


def test_another_checkout_that_is_installed_lends_no_floors(checkout: Path) -> None:
    other = checkout.parent / "other"
    (other / "compiler").mkdir(parents=True)
    (other / "compiler" / "__init__.py").touch()
    hook = f"""if True:
        from importlib.machinery import PathFinder
        class Hook:
            find_spec = staticmethod(lambda name, path, target=None: PathFinder.find_spec(name, [{str(other)!r}]))
        sys.meta_path.append(Hook)"""
    assert say(checkout, PLACES, hook) == beside(checkout)
