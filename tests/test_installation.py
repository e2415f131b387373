"""Every way to install the package, with the oldest setuptools that it takes and an old pip, and with the newest.

Wants the network, for these two. What lies where and is imported from where without any installation is in
tests/graphnet/common/test_checkout.py; what type checkers make of it, in `.ci/editors`.
"""

import json
import os
import re
import shutil
import subprocess
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOWEST = re.fullmatch(r"setuptools>=(\d+)", PROJECT["build-system"]["requires"][0])
TOOLS = {"oldest": ["pip==23.2.*", f"setuptools=={LOWEST[1] if LOWEST else '?'}.*"], "newest": ["pip", "setuptools"]}
NEEDED = ("numpy", "numpy.libs", "msgpack", "networkx", "threadpoolctl.py")
USE = """
import importlib.resources, json, os, sys
import graphnet as gn, graphnet.compiler.ops, graphnet.models.lenet
image = gn.Input((4,))
net = gn.compile(gn.Model(image, gn.layers.Dense(3)(image)))
files = importlib.resources.files
print(json.dumps({
    "package": gn.__file__, "floor": graphnet.compiler.ops.__file__, "shape": net.predict([[0.0] * 4]).shape,
    "line": str(image.origin), "digits": len(gn.data.load_mnist().x_train),
    "data": sorted(path.name for path in files("graphnet.data.mnist").iterdir() if path.suffix != ".py"),
    "typed": files("graphnet").joinpath("py.typed").is_file(),
    "doubles": len(found := [module.__file__ for name, module in sys.modules.items() if name.startswith("graphnet.")])
               - len({os.path.realpath(name) for name in found}),
}))
"""


@pytest.fixture(scope="module", params=list(TOOLS))
def python(request, tmp_path_factory) -> Path:
    """An environment with the dependencies of this one, and no graphnet."""
    folder = tmp_path_factory.mktemp(request.param) / "env"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    place = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    for name in NEEDED:
        source = Path(np.__file__).parents[1] / name
        if source.exists():
            (place / name).symlink_to(source)
    run(python, "-m", "pip", "install", "--quiet", "--upgrade", *TOOLS[request.param])
    return python


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the files that git tracks or would track."""
    done = subprocess.run(["git", "ls-files", "-zco", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True,
                          check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, done.stdout.split("\0")):
        if (ROOT / name).is_file():
            (tmp_path / "a checkout" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / "a checkout" / name)
    return tmp_path / "a checkout"


def run(python: Path, *words: object, cwd: Path | None = None, **variables: str) -> str:
    """The output of a command, which must work."""
    done = subprocess.run([str(python), *map(str, words)], cwd=cwd, capture_output=True, text=True, check=False,
                          env=os.environ | variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pip(python: Path, *words: object, cwd: Path | None = None) -> str:
    """What a command of pip says, in a home that cannot be written to and with the environment's own setuptools."""
    return run(python, "-m", "pip", "--disable-pip-version-check", *words, cwd=cwd, HOME="/nonexistent")


BUILD = ("--no-deps", "--no-build-isolation")


def use(python: Path, folder: Path, **variables: str) -> dict[str, object]:
    """What a script says of the graphnet that it finds when it is run in a folder."""
    folder.mkdir(exist_ok=True)
    (folder / "use.py").write_text(USE)
    said = json.loads(run(python, "use.py", cwd=folder, **variables))
    assert (said["shape"], said["line"], said["digits"], said["typed"]) == ([1, 3], "Input at use.py:4", 10_000, True)
    assert (said["data"], said["doubles"]) == (["__pycache__", "mnist_sample.md", "mnist_sample.npz"], 0)
    return said


def names_in(packages: list[str]) -> set[str]:
    """The files that an installed package has."""
    setup = PROJECT["tool"]["setuptools"]
    found = set()
    for package in packages:
        top = max((name for name in setup["package-dir"] if f"{package}.".startswith(f"{name}.")), key=len)
        folder = ROOT / setup["package-dir"][top] / package[len(top) + 1:].replace(".", "/")
        for pattern in ["*.py", *setup["package-data"].get(package, [])]:
            found |= {f"{package.replace('.', '/')}/{path.name}" for path in folder.glob(pattern)}
    return found


NAMES = names_in(PROJECT["tool"]["setuptools"]["packages"])


def links_of(checkout: Path) -> set[str]:
    """The files that an editable install links to."""
    tree = next((checkout / "build").glob("__editable__*"))
    return {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_symlink()}


def test_an_editable_install(python: Path, checkout: Path, tmp_path: Path) -> None:
    pip(python, "install", *BUILD, "-e", ".", cwd=checkout)
    assert links_of(checkout) == NAMES
    floor = str(checkout / "compiler" / "ops" / "__init__.py")
    assert use(python, tmp_path / "elsewhere")["floor"] == floor
    assert use(python, checkout)["package"] == str(checkout / "graphnet" / "__init__.py")
    assert run(python, "-m", "graphnet.models.lenet", "-h", cwd=checkout).startswith("usage: graphnet train")
    assert run(python.with_name("graphnet"), "-h", cwd=tmp_path).startswith("usage: graphnet")

    (checkout / "compiler" / "new.py").write_text("WHERE = __file__")
    (checkout / "graphnet" / "schedules.py").rename(checkout / "graphnet" / "moved.py")
    say = "import graphnet.moved, graphnet.compiler.new; print(graphnet.compiler.new.WHERE)"
    for _ in ("before and", "after a new installation"):
        assert run(python, "-c", say, cwd=tmp_path).strip() == str(checkout / "compiler" / "new.py")
        pip(python, "install", *BUILD, "-e", ".", cwd=checkout)
    assert links_of(checkout) == NAMES - {"graphnet/schedules.py"} | {"graphnet/moved.py", "graphnet/compiler/new.py"}

    pip(python, "uninstall", "--yes", "graphnet")
    find = "import importlib.util; print(importlib.util.find_spec('graphnet'))"
    assert run(python, "-c", find, cwd=tmp_path) == "None\n"


def test_what_the_caller_says_of_an_editable_install_holds(python: Path, checkout: Path) -> None:
    pip(python, "install", *BUILD, "--config-settings", "editable_mode=lenient", "-e", ".", cwd=checkout)
    assert not list((checkout / "build").glob("__editable__*"))
    pip(python, "uninstall", "--yes", "graphnet")


def test_plain_installs_and_wheels(python: Path, checkout: Path, tmp_path: Path) -> None:
    """Beside the links of an editable install, and of files one of which was moved since the last time."""
    pip(python, "install", *BUILD, "-e", ".", cwd=checkout)
    pip(python, "install", *BUILD, "--target", tmp_path / "target", ".", cwd=checkout)
    said = use(python, tmp_path / "elsewhere", PYTHONPATH=str(tmp_path / "target"))
    assert said["package"] == str(tmp_path / "target" / "graphnet" / "__init__.py")
    assert said["floor"] == str(tmp_path / "target" / "graphnet" / "compiler" / "ops" / "__init__.py")

    pip(python, "install", *BUILD, ".", cwd=checkout)
    place = Path(str(use(python, tmp_path / "elsewhere")["package"])).parents[1]
    assert (place.name, use(python, checkout)["floor"]) == (
        "site-packages", str(checkout / "compiler" / "ops" / "__init__.py"))
    assert (place / "graphnet" / "compiler" / "ops" / "__init__.py").is_file()
    pip(python, "uninstall", "--yes", "graphnet")
    assert not (place / "graphnet").exists()

    (checkout / "compiler" / "index_ranges.py").rename(checkout / "compiler" / "moved.py")
    moved = NAMES - {"graphnet/compiler/index_ranges.py"} | {"graphnet/compiler/moved.py"}
    for source in (checkout, source_archive(python, checkout, tmp_path)):
        pip(python, "wheel", *BUILD, "-w", tmp_path / "wheels", source)
        wheel = (tmp_path / "wheels").glob("*.whl").__next__()
        with zipfile.ZipFile(wheel) as archive:
            assert {name for name in archive.namelist() if ".dist-info/" not in name} == moved
        wheel.unlink()


def source_archive(python: Path, checkout: Path, folder: Path) -> Path:
    """An archive of the sources, in which nothing lies that was built."""
    build = "import sys; sys.path.insert(0, '.build'); import backend; print(backend.build_sdist(sys.argv[1]))"
    path = folder / run(python, "-c", build, folder, cwd=checkout).splitlines()[-1]
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {".build/backend.py", "README.md", "LICENSE", "pyproject.toml"} <= names
    assert not [name for name in names if name.startswith("build")]
    return path


def test_git_does_not_see_the_links() -> None:
    name = "build/__editable__.graphnet-0.1.0-py3-none-any/graphnet/__init__.py"
    assert subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False).returncode in (0, 128)
