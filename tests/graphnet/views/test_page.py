from html.parser import HTMLParser
from pathlib import Path

import pytest
import small_networks

import graphnet as gn
from graphnet.views.page import network_page


class Checker(HTMLParser):
    """Keeps the open elements, and notes what is wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.tags: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.ids += [value for key, value in attrs if key == "id" and value]
        self.targets += [given["href"] or ""] if "href" in given else []
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def page() -> str:
    return network_page(small_networks.image_network(), "train", 4, {})


def parse(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    return checker


def test_it_is_well_formed_and_stands_alone(page: str) -> None:
    found = parse(page)
    assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert len(found.ids) == len(set(found.ids))
    assert {target.removeprefix("#") for target in found.targets} <= set(found.ids)
    assert not {"script", "link", "img", "iframe", "object"} & set(found.tags)
    assert not any(fetched in page for fetched in ("http", "@import", " src="))
    assert page.count("url(") == page.count("url(#scratch)")


def test_it_holds_every_view(page: str) -> None:
    net = small_networks.image_network()
    text = "".join(parse(page).text)
    for report in net.explain("train").passes:
        assert report.name in text
    for pair in net.explain("train").pairs:
        assert pair.done or pair.reason in text
    assert str(net.memory("train", 4)) in text
    assert net.program("train", 4).text in text
    assert page.count("<svg") == 3
    assert text.count("%4 = bias_add{axis=1}(%2, %3) : f32[N,4,8,8]") >= 1


def test_differences_are_marked(page: str) -> None:
    assert '<td class="gone"><code>  %4 = bias_add{axis=1}(%2, %3) : f32[N,4,8,8]  # conv</code></td>' in page
    assert page.count('<td class="new">') > 20
    assert "lines alike" in page


def test_names_are_escaped() -> None:
    x = gn.Input((3,), name="x")
    net = gn.compile(gn.Model(x, gn.layers.Dense(2, name="dense")(x), name="tiny"))
    object.__setattr__(net.graph, "name", "<script>alert(1)</script>&")  # as a crafted file may name it
    page = network_page(net, "predict", 2, {})
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;" in page
    parse(page)


def test_a_sequence_network(tmp_path: Path) -> None:
    net = gn.compile(small_networks.sequence_model(), **small_networks.TRAINED)
    parse(network_page(net, "train", 2, {"T": 5}))
    parse(network_page(net, "predict", 2, {"T": 5}))
