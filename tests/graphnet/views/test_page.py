from pathlib import Path

import pytest
import small_networks
from html_checks import parse_html

import graphnet as gn
from graphnet.views.page import network_page


@pytest.fixture(scope="module")
def page() -> str:
    return network_page(small_networks.image_network(), "train", 4, {})


def test_it_is_well_formed_and_stands_alone(page: str) -> None:
    found = parse_html(page)
    assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert len(found.ids) == len(set(found.ids))
    assert {target.removeprefix("#") for target in found.targets} <= set(found.ids)
    assert not {"script", "link", "img", "iframe", "object"} & set(found.tags)
    assert not any(fetched in page for fetched in ("http", "@import", " src="))
    assert page.count("url(") == page.count("url(#scratch)")


def test_it_holds_every_view(page: str) -> None:
    net = small_networks.image_network()
    text = "".join(parse_html(page).text)
    for report in net.explain("train").passes:
        assert report.name in text
        assert report.purpose in text
    for pair in net.explain("train").pairs:
        assert pair.done or pair.reason in text
    assert str(net.memory("train", 4)) in text
    assert net.program("train", 4).text in text
    assert page.count("<svg") == 4
    assert text.count("%4 = bias_add{axis=1}(%2, %3) : f32[N,4,8,8]") >= 1


def test_it_begins_with_the_picture(page: str) -> None:
    assert page.index("<svg") < page.index('<section id="passes">')
    sections = [part.split('"')[0] for part in page.split('<section id="')[1:]]
    assert sections == ["graph", "passes", "memory", "fusion", "program", "code"]
    first = page[page.index('<section id="graph">'):page.index('<section id="passes">')]
    assert [part.split("<")[0] for part in first.split("<figcaption>")[1:]] == ["the layers", "after all passes"]
    assert "Conv2D: kernel 3x3, padding 1, relu" in first
    assert "conv2d_grad_weight" in first


def test_colours_are_explained_once_and_the_peak_is_marked(page: str) -> None:
    net = small_networks.image_network()
    legend = page[page.index('<ul class="legend">'):].split("</ul>")[0]
    entries = [part.split("</i>")[1].split("</li>")[0] for part in legend.split("<li>")[1:]]
    training = "SoftmaxCrossEntropy loss, Accuracy" + ", Adam" * (net.backend == "numpy")  # which works in the arena
    assert sorted(entries) == sorted(["Input", "Conv2D", "MaxPool2D", "Dense", training])
    peak = net.memory("train", 4).peak
    assert peak is not None
    assert f"live at instruction {peak.instruction}, {peak.op} of {peak.layer}" in page


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
    parse_html(page)


def test_a_sequence_network(tmp_path: Path) -> None:
    net = gn.compile(small_networks.sequence_model(), **small_networks.TRAINED)
    parse_html(network_page(net, "train", 2, {"T": 5}))
    parse_html(network_page(net, "predict", 2, {"T": 5}))


def test_it_shows_code_or_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHNET_BACKEND", "numpy")
    assert "the network runs on NumPy, so there is no code of its own" in network_page(
        small_networks.image_network(), "train", 4, {})
    pytest.importorskip("llvmlite")
    monkeypatch.setenv("GRAPHNET_BACKEND", "native")
    net = small_networks.image_network()
    found = "".join(parse_html(network_page(net, "train", 4, {})).text)
    for one in net.machine_code("train", 4):
        assert one.title in found
        assert one.llvm.splitlines()[-1] in found or " more lines" in found
