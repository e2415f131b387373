import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graphnet.runtime.native.cache import LIMIT, CodeCache

pytestmark = pytest.mark.usefixtures("own_cache")


def test_nothing_is_there_yet(run: Callable[..., Any], elsewhere: Path) -> None:
    assert run("cache").out == f"{elsewhere}/cache/native: 0 files, 0 bytes of at most {LIMIT:,}\n"


def test_what_is_there_is_counted_and_removed(run: Callable[..., Any], elsewhere: Path) -> None:
    store = CodeCache(elsewhere / "cache" / "native")
    store.write("key", bytes(68))
    assert "native: 1 files, 100 bytes of at most" in run("cache").out
    found = json.loads(run("cache", "--json").out)
    assert found == {"folder": str(store.folder), "refusal": "", "files": 1, "bytes": 100, "limit": LIMIT, "removed": 0}
    assert run("cache", "clear").out == f"{store.folder}: 1 file removed\n"
    assert store.files() == []


def test_it_says_why_none_is_kept(run: Callable[..., Any], elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHNET_CACHE", "off")
    assert run("cache").out == "no code is kept, since GRAPHNET_CACHE is off\n"
    if sys.platform == "win32":
        return
    (elsewhere / "file").touch()
    monkeypatch.setenv("GRAPHNET_CACHE", str(elsewhere / "file"))
    for action in ((), ("clear",)):
        assert run("cache", *action).out == (
            f"{elsewhere}/file/native: no code is kept, since it would lie in what is no folder\n")
    monkeypatch.setenv("GRAPHNET_CACHE", str(elsewhere))
    (elsewhere / "native").mkdir()
    (elsewhere / "native").chmod(0o777)
    assert run("cache").out == f"{elsewhere}/native: no code is kept, since others may write to it\n"


def test_another_action_is_refused(run: Callable[..., Any]) -> None:
    assert run("cache", "fill").code == 2
