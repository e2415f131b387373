import pytest
import small_networks

from graphnet.drawing.timeline import Timeline, make_timeline


def test_pieces_are_those_of_the_arena() -> None:
    program = small_networks.image_network().program("train", 16)
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


def test_phases_cover_the_instructions() -> None:
    timeline = make_timeline(small_networks.image_network().program("train", 2))
    assert list(timeline.phases) == ["forward", "backward", "update"]
    assert [end for _, end in timeline.phases.values()][-1] == timeline.length


@pytest.mark.parametrize(("arena", "unit"), [(100, "bytes"), (5000, "KiB"), (3 << 20, "MiB")])
def test_units(arena: int, unit: str) -> None:
    assert Timeline((), {}, 0, 1, arena).unit[1] == unit
