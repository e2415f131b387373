import small_networks

from graphnet.drawing.colours import darker, drawing_colours, layer_colours


def test_each_layer_has_a_light_colour_of_its_own() -> None:
    colours = layer_colours([f"layer{i}" for i in range(12)])
    assert len(set(colours.values())) == 13
    for colour in colours.values():
        assert sum(int(colour[i:i + 2], 16) for i in (1, 3, 5)) / 3 > 150


def test_a_layer_keeps_its_colour_in_every_graph_of_the_network() -> None:
    net = small_networks.image_network()
    one, other = (drawing_colours(net.graph, net.stages(mode)[-1].after) for mode in ("predict", "train"))
    assert {name: other[name] for name in one} == one


def test_darker() -> None:
    assert darker("#ffffff") == "#9e9e9e"
