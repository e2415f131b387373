import small_networks

from graphnet.compiler.planning.liveness import arena_bytes, arena_pieces


def test_live_bytes_count_what_lies_in_the_arena_at_each_instruction() -> None:
    program = small_networks.image_network().program("train", 4)
    for index, (values, scratch) in enumerate(arena_bytes(program)):
        there = [slot for slot, _ in arena_pieces(program) if slot.first <= index <= slot.last]
        assert values == sum(slot.operand.nbytes for slot in there if slot.value >= 0)
        assert scratch == sum(slot.operand.nbytes for slot in there if slot.value < 0)


def test_no_two_live_pieces_of_the_arena_overlap() -> None:
    program = small_networks.image_network().program("train", 4)
    pieces = [slot for slot, _ in arena_pieces(program)]
    for i, a in enumerate(pieces):
        for b in pieces[:i]:
            apart_in_time = a.last < b.first or b.last < a.first
            assert apart_in_time or a.end <= b.offset or b.end <= a.offset, (a, b)
