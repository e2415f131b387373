import pytest
import small_networks

from graphnet.drawing.pictures import paint_timeline
from graphnet.drawing.timeline import Timeline, make_timeline
from graphnet.drawing.timeline_svg import timeline_svg


def test_pieces_are_those_of_the_arena() -> None:
    program = small_networks.image_network(backend="numpy").program("train", 16)
    timeline = make_timeline(program)
    assert timeline.arena == program.peak
    assert timeline.length == len(program.instructions)
    assert timeline.first == -1
    for piece in timeline.pieces:
        assert piece.offset >= 0
        assert piece.offset + piece.size <= program.peak
        assert -1 <= piece.first <= piece.last < timeline.length
    inputs = [piece for piece in timeline.pieces if piece.first == -1]
    assert {piece.label for piece in inputs} >= {"image", "label:logits"}
    assert any(piece.scratch and piece.first == piece.last for piece in timeline.pieces)


def test_tips_say_what_lies_there() -> None:
    program = small_networks.image_network().program("predict", 16)
    tips = [piece.tip for piece in make_timeline(program).pieces]
    conv = next(tip for tip in tips if "conv2d" in tip and not tip.startswith("scratch"))
    slot = program.instructions[0].outputs[0]
    assert conv == (f"%{slot.value} conv2d {slot.operand.type}, conv, bytes {slot.offset:,} to {slot.end:,}, "
                    f"instructions {slot.first} to {slot.last}")


def test_instructions_are_numbered_whole() -> None:
    figure = paint_timeline(make_timeline(small_networks.image_network().program("train", 16)), "title")
    ticks = figure.axes[0].get_xticks()
    assert (ticks == ticks.round()).all()


@pytest.mark.parametrize("mode", ["predict", "train"])
def test_the_peak_is_that_of_the_memory_report(mode: str) -> None:
    net = small_networks.image_network()
    timeline, memory = make_timeline(net.program(mode, 16)), net.memory(mode, 16)
    peak = timeline.peak
    assert peak is not None
    assert memory.peak is not None
    assert peak.instruction == memory.peak.instruction
    assert peak.nbytes == memory.activations + memory.scratch
    live = sum(piece.size for piece in timeline.pieces if piece.first <= peak.instruction <= piece.last)
    assert live == peak.nbytes
    assert peak.text == (f"peak: {peak.nbytes:,} bytes live at instruction {peak.instruction}, {memory.peak.op} of "
                         f"{memory.peak.layer}")


def test_the_pictures_mark_it() -> None:
    timeline = make_timeline(small_networks.image_network().program("train", 16))
    assert timeline.peak is not None
    figure, svg = paint_timeline(timeline, "title"), timeline_svg(timeline, "label")
    (axes,) = figure.axes
    assert timeline.peak.text in [text.get_text() for text in axes.texts]
    frames = [patch.get_extents().transformed(axes.transData.inverted()) for patch in axes.patches
              if patch.get_facecolor()[3] == 0]
    assert pytest.approx(timeline.peak.instruction) in [frame.x0 for frame in frames]
    assert svg.count(timeline.peak.text) == svg.count('<rect class="peak"') == 1


def test_a_program_that_does_nothing_has_no_peak() -> None:
    empty = Timeline((), {}, 0, 0, 0)
    assert "peak" not in timeline_svg(empty, "label")
    assert paint_timeline(empty, "title").axes[0].texts[:] == []


def test_the_legend_names_each_kind_once() -> None:
    timeline = make_timeline(small_networks.image_network(backend="numpy").program("train", 16))
    (legend,) = paint_timeline(timeline, "title").legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["Input", "Conv2D", "MaxPool2D", "Dense", "SoftmaxCrossEntropy loss, Accuracy, Adam", "scratch"]


def test_phases_cover_the_instructions() -> None:
    timeline = make_timeline(small_networks.image_network().program("train", 2))
    assert list(timeline.phases) == ["forward", "backward", "update"]
    starts, ends = zip(*timeline.phases.values(), strict=True)
    assert starts == (0, *ends[:-1])
    assert ends[-1] == timeline.length


@pytest.mark.parametrize(("arena", "unit"), [(100, "bytes"), (5000, "KiB"), (3 << 20, "MiB")])
def test_units(arena: int, unit: str) -> None:
    assert Timeline((), {}, 0, 1, arena).unit[1] == unit
