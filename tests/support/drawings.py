"""What must hold of every drawing, whatever it shows."""

from __future__ import annotations

from itertools import combinations, pairwise

from graphnet.drawing.boxes import Box, Drawing

MONOSPACED = 0.6021  # the advance of DejaVu Sans Mono, in which both weights are alike; other faces are narrower


def check_drawing(drawing: Drawing) -> None:
    """No box overlaps another, all are in the drawing, text fits its box, and no entry of the legend comes twice."""
    for a, b in combinations(drawing.boxes, 2):
        assert apart(a, b), (a, b)
    for box in drawing.boxes:
        assert box.x - box.width / 2 >= -1e-6
        assert box.x + box.width / 2 <= drawing.width + 1e-6
        assert box.y - box.height / 2 >= -1e-6
        assert box.y + box.height / 2 <= drawing.height + 1e-6
        check_text(box)
    for arrow in drawing.arrows:
        for x, y in (arrow.points[0], arrow.points[-1]):
            assert any(abs(x - b.x) <= b.width / 2 + 1e-6 and abs(y - b.y) <= b.height / 2 + 1e-6
                       for b in drawing.boxes)
    check_legend(drawing)


def apart(a: Box, b: Box) -> bool:
    """Whether two boxes have no point in common."""
    return abs(a.x - b.x) >= (a.width + b.width) / 2 or abs(a.y - b.y) >= (a.height + b.height) / 2


def check_text(box: Box) -> None:
    """The lines, in letters of 9 points (8 below the title) that are 12 points apart, stand within the box."""
    sizes = [9] * len(box.text.title) + [8] * len(box.text.notes)
    assert max(size * MONOSPACED * len(line) for size, line in zip(sizes, box.lines, strict=True)) <= box.width - 8
    assert 12 * len(box.lines) <= box.height - 4
    assert all(line == line.strip() and "\n" not in line for line in box.lines)


def check_legend(drawing: Drawing) -> None:
    """Each colour is there once, with every kind that has it, and nothing else."""
    keys = drawing.keys
    assert len({key.colour for key in keys}) == len({key.text for key in keys}) == len(keys)
    assert {key.colour for key in keys} >= {box.colour for box in drawing.boxes if box.kind and not box.text.pale}
    assert all(-drawing.head <= key.y <= 0 for key in keys)
    assert all(key.x >= 0 and key.x + 14 + 8 * MONOSPACED * len(key.text) <= drawing.width + 1 for key in keys)
    assert all(right.y > left.y or right.x > left.x for left, right in pairwise(keys))
