import hashlib

import pytest

from graphnet import ArgumentError
from graphnet.data import make_tales


def test_it_is_the_same_text_everywhere() -> None:
    text = make_tales(120_000)
    assert hashlib.sha256(text.encode()).hexdigest() == (
        "52c2dfccd865bf4f86669c3bed6ae69f25c6bab8eadaf1e2b96fda8c34c70584")
    assert text.startswith(make_tales(1000))
    assert make_tales(1000, seed=1) != make_tales(1000)


@pytest.mark.parametrize("characters", [1, 100, 4321])
def test_the_length_is_exact_and_the_text_plain(characters: int) -> None:
    text = make_tales(characters)
    assert len(text) == len(text.encode("ascii")) == characters


def test_what_belongs_together_agrees() -> None:
    for tale in make_tales(30_000).splitlines()[:-1]:
        name = tale.partition(" ")[0]
        pronoun, possessive = ("she", "her") if name in ("Anna", "Mira", "Ella") else ("he", "his")
        assert f" {pronoun} lost {possessive} " in tale
        assert f'asked {name}. "I ' in tale
        assert " a orange" not in tale
        assert " an red" not in tale
        one = '"Where is my ' in tale
        assert one == (" and had a " in tale or " and had an " in tale)
        assert (" saw it " in tale or " seen it," in tale) == one
        assert (" there they were." in tale or " there it was." in tale) == (" I saw " in tale.replace('"', " "))


@pytest.mark.parametrize("characters", [0, 1.5, "9"])
def test_a_bad_length_is_refused(characters: object) -> None:
    with pytest.raises(ArgumentError, match=r"make_tales: characters is .*, but it must be a whole number ≥ 1"):
        make_tales(characters)  # type: ignore[arg-type]
