from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graphnet.cli.commands import data
from graphnet.data import DEFAULT_MIRRORS, Download

pytestmark = pytest.mark.usefixtures("own_cache")


def test_options_reach_the_download(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def download(*arguments: object, **options: object) -> Download:
        calls.append((arguments, options))
        return Download(Path("there"), ())

    monkeypatch.setattr(data, "download_mnist", download)
    result = run("data", "download", "mnist", "--cache-dir", "c", "--mirror", "http://a/", "--mirror", "http://b/",
                 "--timeout", 5, "--deadline", 60, "--force")
    assert (result.code, result.out) == (
        0, "there is complete and its checksums are right; nothing to download\n")
    assert run("data", "download", "mnist").code == 0
    assert calls == [(("c", ["http://a/", "http://b/"]), {"force": True, "timeout": 5.0, "deadline": 60.0}),
                     ((None, DEFAULT_MIRRORS), {"force": False, "timeout": 30.0, "deadline": 1800.0})]


def test_a_malformed_mirror(run: Callable[..., Any], elsewhere: Path) -> None:
    result = run("data", "download", "mnist", "--mirror", "http://[")
    assert result.code == 1
    assert result.err == ("graphnet: train-images-idx3-ubyte.gz: no mirror could serve it; tried\n"
                          "  http://[/train-images-idx3-ubyte.gz: broke off (ValueError: Invalid IPv6 URL)\n")
    assert not (elsewhere / "cache").exists()


def test_a_mirror_that_cannot_be_reached(run: Callable[..., Any], elsewhere: Path) -> None:
    result = run("data", "download", "mnist", "--mirror", "ftp://nowhere/")
    assert result.code == 1
    assert result.err == ("graphnet: train-images-idx3-ubyte.gz: no mirror could serve it; tried\n"
                          "  ftp://nowhere/train-images-idx3-ubyte.gz: is not an http:// or https:// address\n")
    assert not (elsewhere / "cache").exists()
