"""Every public class and function that is called with a misspelt argument names the nearest."""

from __future__ import annotations

import re

import pytest
from public_surface import answering, error_of, public

import graphnet as gn
from graphnet.common import habits
from graphnet.common.habits import ARGUMENTS


def misspelt(name: str) -> set[str]:
    """The name without one of its letters, and with two of them swapped."""
    middle = len(name) // 2
    return {name[:middle] + name[middle + 1:], name[:middle - 1] + name[middle] + name[middle - 1] + name[middle + 1:]}


@pytest.mark.parametrize("place", list(answering()))
def test_misspelt_arguments(place: str) -> None:
    called, known = answering()[place]
    if not known:
        assert "there is no such argument; it has none" in (error_of(lambda: called(zzz=1)) or "")
    keys = {row.key for row in habits.habits(ARGUMENTS)}
    for name in known:
        for wrong in sorted(misspelt(name) - {*known, *keys}) if len(name) > 2 else ():
            text = error_of(lambda wrong=wrong: called(**{wrong: 1}))
            assert text is not None
            assert f"{wrong} is 1, but there is no such argument; did you mean {name}?" in text, text


def test_all_that_is_public_answers() -> None:
    """But for errors, and what is for ops of one's own, which the compiler below knows."""
    silent = [f"{place}.{name}" for place, name, value in public() if f"{place}.{name}" not in answering()
              and callable(value) and re.match(r"graphnet\.(?!compiler|runtime)", getattr(value, "__module__", ""))]
    assert silent == []


@pytest.mark.parametrize(("method", "name"), [
    (method, name) for method in ("program", "stages", "explain", "memory", "plot") for name in ("mode", "batch")
] + [("plot", "view"), ("plot", "level")])
def test_methods_that_take_dims_by_name_name_the_nearest(method: str, name: str) -> None:
    x = gn.Input((3,))
    net = gn.compile(gn.Model(x, gn.layers.Dense(2)(x), name="small"))
    with pytest.raises(gn.ArgumentError, match=rf"{method}: {name}s is 1, but the free dims of small are: none; "
                                               rf"did you mean {name}\?"):
        getattr(net, method)(**{f"{name}s": 1})
