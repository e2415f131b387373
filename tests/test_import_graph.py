"""The reader of imports, on small trees made up for it."""

from pathlib import Path

import pytest
from import_graph import circles, folder_of, import_edges

PACKAGES = {"low": "app.low", "app": "app"}


def edges(root: Path, files: dict[str, str]):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return import_edges(root, PACKAGES)


def open_folder(path: str) -> str:
    return folder_of(path, ("app",))


def test_who_imports_whom(tmp_path):
    found = edges(tmp_path, {
        "app/__init__.py": '"""A face."""',
        "app/a.py": "import os, app.b\nfrom app.low import c\nfrom app.low.c import x, y\nfrom app.low.d import *",
        "app/b.py": "", "low/c.py": "from collections import abc", "low/d.py": ""})
    assert [str(edge) for edge in found] == [
        "app/a.py → app/b.py: the module (top-level)", "app/a.py → low/c.py: c (top-level)",
        "app/a.py → low/c.py: x (top-level)", "app/a.py → low/c.py: y (top-level)",
        "app/a.py → low/d.py: * (top-level)"]
    assert circles(found) == circles(found, open_folder) == []


LAZY = "def f():\n    try:\n        from app.b import g\n    except OSError:\n        pass\n    return g"
TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from app.b import g"
METHOD = "class C:\n    def f(self):\n        with self:\n            from app.b import g"
HANDLER = "try:\n    pass\nexcept OSError:\n    from app.b import g"
CASE = "match 1:\n    case 2:\n        from app.b import g"


@pytest.mark.parametrize(("text", "kind"), [
    (LAZY, "lazy"), (TYPES, "type-only"), (METHOD, "lazy"), (HANDLER, "top-level"), (CASE, "top-level")])
def test_a_circle_of_two_files(tmp_path, text, kind):
    found = edges(tmp_path, {"app/a.py": text, "app/b.py": "from app.a import f", "app/c.py": "import app.a, app.b"})
    wanted = [f"app/a.py, app/b.py import one another:\n  app/a.py → app/b.py: g ({kind})\n"
              "  app/b.py → app/a.py: f (top-level)"]
    assert circles(found) == wanted
    assert circles(found, open_folder) == wanted  # each file of this folder is a place of its own
    assert circles(found, folder_of) == []


def test_a_longer_circle(tmp_path):
    found = edges(tmp_path, {f"app/{name}.py": f"import app.{imported}" for name, imported in ("ab", "bc", "ca", "da")})
    (text,) = circles(found)
    assert text.startswith("app/a.py, app/b.py, app/c.py import one another:")
    assert len(text.splitlines()) == 4


@pytest.mark.parametrize("statement", [
    "from app.low import made", "from app.low import *", "from app import low", "import app.low"])
def test_a_circle_through_a_face(tmp_path, statement):
    found = edges(tmp_path, {
        "low/__init__.py": "from app.low.home import thing as made\n__all__ = ['made']\ndef __dir__(): return __all__",
        "low/home.py": "import app.user", "app/user.py": statement, "app/__init__.py": ""})
    (text,) = circles(found)
    assert text.startswith("app/user.py, low/home.py import one another:")


def test_a_face_of_stars(tmp_path):
    """It lists what each file says in its `__all__`, or else all that is public there."""
    files = {"low/__init__.py": "from app import tools as _tools\nfrom app.low.a import *\nfrom app.low.b import *",
             "low/a.py": "__all__ = ('one',)\none = 1\ntwo = 2", "low/b.py": "class Two: pass\n_three = 3",
             "app/tools.py": "", "app/user.py": "from app.low import one", "app/other.py": "from app.low import Two"}
    assert [(edge.importer, edge.imported) for edge in edges(tmp_path, files)] == [
        ("app/other.py", "low/b.py"), ("app/user.py", "low/a.py")]
    for name in ("two", "_three", "_tools"):
        with pytest.raises(ValueError, match=rf"there is no app\.low\.{name}"):
            edges(tmp_path / name, files | {"app/user.py": f"from app.low import {name}"})


@pytest.mark.parametrize("statement", ["from app import b", "import app.b", "from app.b import x"])
def test_an_import_that_leads_nowhere(tmp_path, statement):
    with pytest.raises(ValueError, match=r"there is no app\.b"):
        edges(tmp_path, {"app/__init__.py": "", "app/a.py": statement})


def test_a_face_behind_a_face(tmp_path):
    found = edges(tmp_path, {
        "app/__init__.py": "from app.low import made", "low/__init__.py": "from app.low.home import made",
        "low/home.py": "", "low/other.py": "", "app/user.py": "from app import made"})
    assert [(edge.importer, edge.imported) for edge in found] == [("app/user.py", "low/home.py")]


def test_what_lies_beside_a_name_behind_a_face_is_not_imported(tmp_path):
    found = edges(tmp_path, {
        "low/__init__.py": "from app.low.a import x\nfrom app.low.b import y", "low/a.py": "import app.user",
        "low/b.py": "", "app/user.py": "from app.low import y"})
    assert circles(found) == []


@pytest.mark.parametrize("text", ["def main():\n    import app.low.a", "import app.low.a\nmain = 1"])
def test_an_init_with_code_of_its_own_is_a_file(tmp_path, text):
    found = edges(tmp_path, {"low/__init__.py": text, "low/a.py": "from app.low import main"})
    (text,) = circles(found)
    assert text.startswith("low/__init__.py, low/a.py import one another:")


def test_folders_in_a_circle_without_one_of_files(tmp_path):
    found = edges(tmp_path, {"app/x/a.py": "import app.y.a", "app/y/a.py": "", "app/y/b.py": "import app.x.b",
                             "app/x/b.py": "", "app/root.py": "import app.x.a, app.y.b"})
    assert circles(found) == []
    assert circles(found, open_folder) == [
        "app/x, app/y import one another:\n  app/x/a.py → app/y/a.py: the module (top-level)\n"
        "  app/y/b.py → app/x/b.py: the module (top-level)"]


def test_a_folder_and_the_one_in_it_are_two(tmp_path):
    found = edges(tmp_path, {"app/a.py": "import app.x.a", "app/x/a.py": "import app.b", "app/b.py": ""})
    assert circles(found, open_folder) == []
    assert len(circles(found, folder_of)) == 1
