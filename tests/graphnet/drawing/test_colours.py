import re
from itertools import combinations

import numpy as np
import pytest
import small_networks

import graphnet as gn
from graphnet.drawing import colours
from graphnet.drawing.boxes import Drawing
from graphnet.drawing.colours import GREY, darker, kind_colour, paler
from graphnet.drawing.graph_drawing import draw_graph
from graphnet.drawing.layer_drawing import draw_layers

KINDS = sorted(set(gn.layers.__all__) - {"Layer", "Emitter", "Apply"})
FOR_EYES = {  # Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB
    "all": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}


def linear(colour: str) -> np.ndarray:
    """The colour's light, as IEC 61966-2-1 has it."""
    value = np.array([int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    """CIE L*a*b*, in which the distance of two colours is about how different they look."""
    to_xyz = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                       [0.0193339, 0.1191920, 0.9503041]])
    f = np.cbrt(to_xyz @ np.clip(light, 0, 1) / (0.95047, 1, 1.08883))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


PALETTE = sorted({colour for colour, _ in colours._FAMILIES})


@pytest.mark.parametrize("eyes", FOR_EYES)
def test_any_two_colours_look_different(eyes: str) -> None:
    assert len(PALETTE) == 10
    seen = [lab(np.asarray(FOR_EYES[eyes]) @ linear(colour)) for colour in PALETTE]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 10


def test_dark_text_is_readable_on_all() -> None:
    """4.5 is what the guidelines for web pages ask for (WCAG 2.1, 1.4.3)."""
    def luminance(colour: str) -> float:
        return float(linear(colour) @ (0.2126, 0.7152, 0.0722))

    for colour in (*PALETTE, *map(paler, PALETTE)):
        assert (luminance(colour) + 0.05) / (luminance("#222222") + 0.05) > 4.5


@pytest.mark.parametrize("kind", KINDS)
def test_every_layer_belongs_to_a_family(kind: str) -> None:
    assert any(re.search(names, kind) for _, names in colours._FAMILIES)


def test_kinds_that_do_alike_share_a_colour_and_others_do_not() -> None:
    alike = [["Conv2D", "Conv1D", "DepthwiseConv2D", "ConvTranspose2D", "MyConv2D"], ["MaxPool2D", "GlobalAveragePool"],
             ["Dense", "Embedding", "LowRankDense"], ["ReLU", "GELU", "Softmax", "LogSoftmax", "Tanh", "PReLU"],
             ["LSTM", "GRU", "SimpleRNN", "Bidirectional"], ["BatchNorm", "Dropout"], ["Flatten", "ZeroPad2D"],
             ["Add", "Average", "Dot", "Concatenate"], ["Input", ""],
             ["loss", "Accuracy", "AdamUpdate", *(f"{name} loss" for name in gn.losses.__all__),
              *(set(gn.metrics.__all__) - {"METRICS"})]]
    found = [{kind_colour(kind) for kind in kinds} for kinds in alike]
    assert all(len(one) == 1 for one in found)
    assert len(set.union(*found)) == len(alike)
    assert all(kind_colour(name) != GREY for name in ("Address", "Maximal", "Whatever", "\ud800"))


def colour_by_kind(drawing: Drawing) -> dict[str, str]:
    return {box.kind: box.colour for box in drawing.boxes if not box.text.pale}


def test_a_kind_has_one_colour_in_every_picture() -> None:
    seen: dict[str, str] = {}
    for make in small_networks.MODELS:
        net = gn.compile(make(), **small_networks.TRAINED)
        drawings = [draw_layers(net.graph), draw_graph(net.graph),
                    *(draw_graph(net.stages(mode)[-1].after) for mode in ("predict", "train"))]
        for drawing in drawings:
            shown = colour_by_kind(drawing)
            assert seen | shown == shown | seen
            seen |= shown
    assert {"Conv2D", "Dense", "LSTM", "Input"} <= seen.keys()


def test_darker_and_paler() -> None:
    assert darker("#ffffff") == "#9e9e9e"
    assert paler("#000000") == "#a6a6a6"
    assert paler("#ffffff") == "#ffffff"
