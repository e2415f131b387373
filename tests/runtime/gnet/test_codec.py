"""Records as plain data: what is written is read back, and what does not fit is refused by field."""

import math
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypedDict

import numpy as np
import pytest

from graphnet.compiler.errors import GnetFormatError
from graphnet.compiler.types import Array
from graphnet.optimizers import SGD, Optimizer
from graphnet.runtime.gnet.codec import decode_map, decode_record, encode_record
from graphnet.runtime.records import unless

KEYWORD = TypedDict("KEYWORD", {"class": str, "state": dict[str, Any]})


@dataclass(frozen=True)
class Inner:
    dtype: str
    shape: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if 0 in self.shape:
            raise GnetFormatError("it must not be 0", ("shape", self.shape.index(0)))


@dataclass(frozen=True)
class Record:
    """A field of each type that there is."""

    zebra: int = 0
    count: Annotated[int, "not negative"] = 0
    factor: Annotated[float, "not negative"] = 1.0
    flag: bool = False
    rate: float | int = 0.5
    text: str | None = None
    kind: Literal["a", "b"] = "a"
    pair: tuple[int, float] = (1, 2.0)
    inner: Inner | None = None
    inners: dict[str, Inner] = field(default_factory=dict)
    items: tuple[KEYWORD, ...] | None = None
    array: Array = field(default_factory=lambda: np.zeros(2))
    arrays: dict[str, Array] = field(default_factory=dict)
    config: Optimizer | None = None
    configs: tuple[Optimizer, ...] = ()
    anything: Any = None


ARRAY = np.arange(3)
FULL = Record(1, 2, 3.0, True, 4, "line\nend", "b", (5, 6.0), Inner("f4", (2, 3)), {"x": Inner("i8")},
              ({"class": "C", "state": {"deep": [ARRAY]}},), ARRAY, {"y": ARRAY}, SGD(0.5), (SGD(0.1),),
              {"z": (1, None)})
PLAIN = {
    "zebra": 1, "count": 2, "factor": 3.0, "flag": True, "rate": 4, "text": "line\nend", "kind": "b", "pair": [5, 6.0],
    "inner": {"dtype": "f4", "shape": [2, 3]}, "inners": {"x": {"dtype": "i8", "shape": []}},
    "items": [{"class": "C", "state": {"deep": [ARRAY]}}], "array": ARRAY, "arrays": {"y": ARRAY},
    "config": SGD(0.5).config(), "configs": [SGD(0.1).config()], "anything": {"z": (1, None)}}


def test_every_field_is_written_in_order_and_read_back():
    assert encode_record(FULL) == PLAIN
    assert list(encode_record(FULL)) == list(PLAIN)
    assert decode_record(Record, PLAIN, ()) == FULL
    assert encode_record(decode_record(Record, PLAIN, ())) == PLAIN


def test_defaults_are_written_too():
    plain = encode_record(Record())
    assert list(plain) == list(PLAIN)
    assert (plain["count"], plain["text"], plain["inner"], plain["inners"]) == (0, None, None, {})
    for key in plain:
        with pytest.raises(GnetFormatError, match=f"here: the key '{key}' is missing"):
            decode_record(Record, {other: value for other, value in plain.items() if other != key}, ("here",))


@dataclass(frozen=True)
class Sparing:
    """A record with fields that are left out."""

    always: int = 0
    threads: int | None = unless(1)
    note: str | None = unless(None)


@pytest.mark.parametrize(("record", "plain"), [
    (Sparing(), {"always": 0}), (Sparing(1, 2), {"always": 1, "threads": 2}),
    (Sparing(0, None, "x"), {"always": 0, "threads": None, "note": "x"})])
def test_some_fields_are_left_out_where_they_are_the_default(record, plain):
    assert encode_record(record) == plain
    assert decode_record(Sparing, plain, ()) == record
    with pytest.raises(GnetFormatError, match="it must be of type int, not str"):
        decode_record(Sparing, plain | {"threads": "2"}, ())


def test_numbers_become_pythons_own():
    plain = encode_record(Record(zebra=np.int32(3), count=np.uint8(4), factor=np.float32(0.5)))
    assert [(type(plain[key]), plain[key]) for key in ("zebra", "count", "factor")] == [
        (int, 3), (int, 4), (float, 0.5)]


@pytest.mark.parametrize(("key", "value", "text"), [
    ("zebra", True, "here.zebra: it must be of type int, not bool"),
    ("zebra", None, "here.zebra: it must be of type int, not NoneType"),
    ("count", -1, "here.count: it must be of type int, finite and not negative, got -1"),
    ("factor", math.inf, "here.factor: it must be of type float, finite and not negative, got inf"),
    ("factor", math.nan, "here.factor: it must be of type float, finite and not negative, got nan"),
    ("flag", 1, "here.flag: it must be of type bool, not int"),
    ("rate", "x", "here.rate: it must be of type float or int, not str"),
    ("text", 1, "here.text: it must be of type str, not int"),
    ("kind", "c", "here.kind: it must be one of a, b, not 'c'"),
    ("pair", [1], "here.pair: it must have 2 items, not 1"),
    ("pair", [1, 2], "here.pair[1]: it must be of type float, not int"),
    ("inner", 3, "here.inner: it must be a map, not 3"),
    ("inner", {"dtype": "f4", "shape": [1, 0]}, "here.inner.shape[1]: it must not be 0"),
    ("inners", [], "here.inners: it must be of type dict, not list"),
    ("inners", {"x": {"dtype": "f4"}}, "here.inners.x: the key 'shape' is missing"),
    ("items", {}, "here.items: it must be an array, not {}"),
    ("items", [{"class": 1, "state": {}}], "here.items[0].class: it must be of type str, not int"),
    ("items", [{"class": "", "state": {}, "more": 1}], "here.items[0].more: the key 'more' is not known here"),
    ("array", 1.0, "here.array: it must be of type ndarray, not float"),
    ("arrays", {"y": []}, "here.arrays.y: it must be of type ndarray, not list"),
    ("config", {"class": "Guess", "arguments": {}}, "here.config: an Optimizer: class is 'Guess', but it must be one"),
    ("configs", [3], "here.configs: an Optimizer: config is 3, but its keys must be"),
    ("more", 1, "here.more: the key 'more' is not known here; known are anything, array, "),
])
def test_what_does_not_fit_is_refused_by_field(key, value, text):
    with pytest.raises(GnetFormatError) as caught:
        decode_record(Record, PLAIN | {key: value}, ("here",))
    assert text in f"{caught.value.field}: {caught.value.reason}"


@pytest.mark.parametrize(("change", "text"), [
    ({"zebra": "1"}, "zebra: it must be of type int, not str"),
    ({"zebra": 1 << 64}, "zebra: 18446744073709551616 does not fit in 64 bits"),
    ({"factor": "1"}, "factor: it must be of type float, not str"),
    ({"flag": 1}, "flag: it must be of type bool, not int"),
    ({"inner": SGD(1.0)}, "inner: SGD(.*) cannot be stored: files hold numbers"),
])
def test_what_cannot_be_stored_is_refused(change, text):
    with pytest.raises(GnetFormatError, match=text):
        encode_record(Record(**change))


def test_a_map_of_declared_types():
    assert decode_map({"a": 1, "b": [2]}, {"a": int, "b": tuple[int, ...]}, ()) == {"a": 1, "b": (2,)}
    with pytest.raises(GnetFormatError, match="here: the key 'b' is missing"):
        decode_map({"a": 1}, {"a": int, "b": int}, ("here",))
