from itertools import pairwise

import pytest

from graphnet.drawing.legend import KEY_LINE, SWATCH, legend_of, place_keys


def test_kinds_of_one_colour_are_one_entry() -> None:
    texts = legend_of(["Input", "Conv2D", "ReLU", "Conv2D", "Softmax", "DepthwiseConv2D", ""])
    assert list(texts.values()) == ["Input", "Conv2D, DepthwiseConv2D", "ReLU, Softmax"]


def test_names_of_no_class_stand_only_where_there_is_none() -> None:
    assert list(legend_of(["loss", "AdamUpdate", "Accuracy"]).values()) == ["Adam, Accuracy"]
    assert list(legend_of(["loss"]).values()) == ["loss"]
    assert legend_of([""]) == {}


def test_many_kinds_are_counted() -> None:
    kinds = [f"My{number}Conv" for number in range(9)]
    assert list(legend_of(kinds).values()) == ["My0Conv, My1Conv, My2Conv, 6 more"]
    assert list(legend_of(kinds[:4]).values()) == ["My0Conv, My1Conv, My2Conv, My3Conv"]


def test_more_kinds_than_colours() -> None:
    texts = legend_of(f"Kind{number}" for number in range(200))
    assert 1 < len(texts) <= 10


def test_what_cannot_be_seen_is_shown_and_long_names_are_cut() -> None:
    text, = legend_of(["Conv\u202e" + "a" * 500]).values()
    assert "\\u202e" in text
    assert len(text) <= 64


@pytest.mark.parametrize("width", [60.0, 250.0, 1000.0])
def test_entries_stand_side_by_side_above_the_drawing(width: float) -> None:
    texts = {f"#00000{number}": name for number, name in enumerate(("Input", "層" * 8, "Dense, Embedding", "ReLU"))}
    keys, reach, height = place_keys(texts, width)
    assert [key.text for key in keys] == list(texts.values())
    ends = [key.x + SWATCH + 5 + 4.88 * (2 * len(key.text) if "層" in key.text else len(key.text)) for key in keys]
    assert reach == pytest.approx(max(ends))
    assert all(-height < key.y - KEY_LINE / 2 + 1e-9 and key.y + KEY_LINE / 2 < 0 for key in keys)
    for (left, right), end in zip(pairwise(keys), ends, strict=False):
        assert right.y > left.y or right.x > end
    assert reach <= max(width, max(end - key.x for key, end in zip(keys, ends, strict=True)))


def test_nothing_to_say_takes_no_room() -> None:
    assert place_keys({}, 100) == ((), 0.0, 0.0)
