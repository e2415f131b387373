"""How many files one has to touch to add a thing, counted by how many name a thing that is there.

For a small member of each kind: the tracked files, those of tests and documentation included, that have any of its
names (class, op classes, op names, the string that users write) as a word. The count stands for the files that adding
another one would touch: its code and its row in a table of test cases. A list that names it again is a fault, found by
this test; an incidental use in a test or in a text is better written with another member of the kind.
`.github/CONTRIBUTING.md` says for each kind which files these are.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOT_COUNTED = ("CHANGELOG.md", "OPS.md", "names_elsewhere.txt", "test_adding_things.py")
"""History, what tests/support/op_reference.py writes, the names of other libraries, and this file."""
MEMBERS = {
    "an activation with gradient op and layer": (6, ["Softsign", "SoftsignGrad", "softsign", "softsign_grad"]),
    "an optimizer with an update op": (5, ["Lion", "LionUpdate", "lion", "lion_update"]),
    "a loss with gradient op": (6, ["Hinge", "HingeGrad", "hinge", "hinge_grad"]),
    "a pass": (3, ["FoldConstants", "fold_constants"]),
}


def files_that_name(names: list[str]) -> list[str]:
    """The tracked text files with one of the names as a word, but for those that are not counted."""
    asked = [part for name in names for part in ("-e", name)]
    done = subprocess.run(["git", "grep", "-lwIF", *asked], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode > 1:
        pytest.skip("not a git checkout")
    return [path for path in done.stdout.splitlines() if Path(path).name not in NOT_COUNTED]


@pytest.mark.parametrize(("limit", "names"), MEMBERS.values(), ids=MEMBERS)
def test_adding_touches_few_files(limit: int, names: list[str]) -> None:
    found = files_that_name(names)
    assert 0 < len(found) <= limit, "\n".join(found)
