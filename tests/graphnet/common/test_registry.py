import re
from dataclasses import dataclass

import pytest

from graphnet import ArgumentError
from graphnet.common.registry import Configured, Registry


@dataclass(frozen=True)
class Shape(Configured):
    """A base class."""


SHAPES: Registry[Shape] = Registry("a Shape such as Square()")
Shape.registry = SHAPES


@SHAPES.register("box")
@dataclass(frozen=True)
class Square(Shape):
    """A class with an argument that has no default."""

    side: object
    round: bool = False


@SHAPES.register()
@dataclass(frozen=True)
class BigCircle(Shape):
    """A class that a string can name."""

    radius: float = 9.0


def test_resolve() -> None:
    square = Square(3)
    assert SHAPES.resolve("Draw", "shape", square) is square
    assert SHAPES.resolve("Draw", "shape", "big_circle") == BigCircle()
    assert SHAPES.names == ("big_circle", "box", "square")


@pytest.mark.parametrize("text", ["BigCircle", "bigcircle", "BIG_CIRCLE", "Big_Circle"])
def test_strings_name_classes_too_in_capital_or_small_letters(text: str) -> None:
    assert SHAPES.resolve("Draw", "shape", text) == BigCircle()


def test_what_could_name_two_classes_but_for_its_capital_letters_names_none() -> None:
    tones: Registry[object] = Registry("a tone")
    minor, major = type("A", (), {}), type("B", (), {})
    tones.register("c")(minor)
    tones.register("C", "D")(major)
    assert type(tones.resolve("Play", "tone", "c")) is minor
    assert type(tones.resolve("Play", "tone", "C")) is major
    assert type(tones.resolve("Play", "tone", "d")) is major
    tones.register("d")(minor)
    tones.register("dE", "De")(type("E", (), {}))
    tones.register("DE")(minor)
    with pytest.raises(ArgumentError, match="Play: tone is 'de', but it must be a tone or one of"):
        tones.resolve("Play", "tone", "de")


@pytest.mark.parametrize("value", ["circle", "Big Circle", 3, None, ["big_circle"]])
def test_resolve_refuses_what_it_does_not_know(value: object) -> None:
    with pytest.raises(ArgumentError, match=re.escape(
            f"Draw: shape is {value!r}, but it must be a Shape such as Square() or one of "
            "'big_circle', 'box', 'square'")):
        SHAPES.resolve("Draw", "shape", value)


def test_a_class_instead_of_an_object() -> None:
    with pytest.raises(ArgumentError, match=r"it must be an object, not its class: BigCircle\("):
        SHAPES.resolve("Draw", "shape", BigCircle)


def test_resolve_names_the_nearest() -> None:
    with pytest.raises(ArgumentError, match=r"'square'; did you mean 'big_circle'\?$"):
        SHAPES.resolve("Draw", "shape", "big_cirlce")


def test_round_trip() -> None:
    assert Square(3, True).config() == {"class": "Square", "arguments": {"side": 3, "round": True}}
    assert Shape.from_config(Square(3, True).config()) == Square(3, True)


def test_arguments_that_a_config_leaves_out_take_their_defaults() -> None:
    assert Shape.from_config({"class": "Square", "arguments": {"side": 3}}) == Square(3)


def test_what_is_not_plain_data_has_no_config() -> None:
    with pytest.raises(ArgumentError,
            match="Square: side is <built-in function len>, but only numbers, strings, True, "
                                            "False and None can be stored in a file"):
        Square(len).config()


@pytest.mark.parametrize(("config", "text"), [
    (None, "config is None, but its keys must be 'class' and 'arguments'"),
    ({"class": "Square"}, "config is {'class': 'Square'}, but its keys must be 'class' and 'arguments'"),
    ({"class": "Square", "arguments": {}, "more": 1}, "but its keys must be 'class' and 'arguments'"),
    ({"class": "os.system", "arguments": {}},
     "class is 'os.system', but it must be one of Square, BigCircle"),
    ({"class": ["Square"], "arguments": {}}, "class is ['Square'], but it must be one of Square, BigCircle"),
    ({"class": "Square", "arguments": [3]},
     "Square: arguments is [3], but only these are known: side, round"),
    ({"class": "Square", "arguments": {"side": 3, "x": 1}}, "but only these are known: side, round"),
    ({"class": "Square", "arguments": {"round": True}},
     "arguments is {'round': True}, but side must be given"),
    ({"class": "Square", "arguments": {"side": [1]}},
     "Square: side is [1], but it must be a number, a string"),
])
def test_configs_that_are_refused(config: object, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        Shape.from_config(config)


def test_a_class_that_is_not_registered() -> None:
    class Triangle(Shape):
        pass

    with pytest.raises(ArgumentError, match=r"^Draw: shape is .*, but its class is not registered, so that no file "
                                            r"could name it: put @Shape\.registry\.register\(\) above it$"):
        SHAPES.resolve("Draw", "shape", Triangle())
