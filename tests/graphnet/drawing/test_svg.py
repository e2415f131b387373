from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
import small_networks

import graphnet as gn
from graphnet.drawing import declared
from graphnet.drawing.declared import layers_svg
from graphnet.drawing.layer_drawing import draw_layers
from graphnet.models import lenet, resnet

SPACE = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("make", [*small_networks.MODELS, lenet.model, resnet.model])
def test_a_model_and_a_network_show_their_layers(make: Callable[[], gn.Model]) -> None:
    model = make()
    svg = model._repr_svg_()
    assert svg == gn.compile(model)._repr_svg_()
    assert svg is not None
    root = ElementTree.fromstring(svg)  # a file opened by itself: the namespace is said
    assert root.tag == f"{SPACE}svg"
    groups = root.findall(f"{SPACE}g")
    texts = [tuple(text.text for text in group.findall(f"{SPACE}text")) for group in groups]
    assert texts == [box.lines for box in draw_layers(model.graph).boxes]
    assert all(group.find(f"{SPACE}title") is not None for group in groups)


def test_it_stands_alone_on_any_ground() -> None:
    svg = lenet.model()._repr_svg_()
    assert svg is not None
    root = ElementTree.fromstring(svg)
    style, ground = root[0], root[1]
    assert (style.tag, ground.tag) == (f"{SPACE}style", f"{SPACE}rect")
    assert ground.get("class") == "ground"
    assert (ground.get("width"), ground.get("height")) == ("100%", "100%")
    rules = [rule.split("{")[0].strip() for rule in (style.text or "").split("}")[:-1]]
    assert all(rule.startswith(".graphnet-drawing ") for rule in rules)  # a page that it stands in keeps its own
    assert root.get("class") == "graphnet-drawing"
    assert not any(fetched in svg for fetched in ("href", "@import", "url(", "<script"))
    assert "var(" not in svg


def test_too_many_layers_are_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_networks.image_model()
    monkeypatch.setattr(declared, "_MOST_LAYERS", 6)
    assert model._repr_svg_() is not None
    monkeypatch.setattr(declared, "_MOST_LAYERS", 4)
    assert model._repr_svg_() is None


def test_names_are_escaped() -> None:
    model = small_networks.image_model()
    graph = model.graph
    for item in (graph, graph.inputs[0], graph.nodes[0].origin):  # as a crafted file may name them
        object.__setattr__(item, "layer" if hasattr(item, "layer") else "name", "</title><script>&\u202e\uffff")
    svg = layers_svg(graph)
    assert svg is not None
    ElementTree.fromstring(svg)
    assert "<script" not in svg
    assert "\u202e" not in svg
    assert "&lt;/title&gt;&lt;script&gt;&amp;\\u202e\\uffff" in svg


def test_a_model_is_plotted_before_it_is_compiled(tmp_path: Path) -> None:
    model = small_networks.image_model()
    model.plot(tmp_path / "model.svg")
    assert (tmp_path / "model.svg").stat().st_size > 1000
    layers, ops = model.plot().axes[0], model.plot(level="ops").axes[0]
    assert len(layers.texts) != len(ops.texts)
    assert layers.texts[0].get_text() == "image layer by layer"
    with pytest.raises(gn.ArgumentError, match="plot: level is 'layer', but it must be one of ops, layers"):
        model.plot(level="layer")
    with pytest.raises(gn.ArgumentError, match=r"but the file must end in \.png, \.svg, \.pdf"):
        model.plot("model.gif")
