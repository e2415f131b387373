"""The compiler makes the same graphs and Programs of the models, to the byte, as when `digests.json` was written.

A change that means to make others writes the file anew, and its commit says what changed and why:
`python tests/models/test_digests.py` from the repository's root.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import graphnet as gn
from graphnet.compiler.types import BATCH
from graphnet.runs import load_recipe, model_names

FILE = Path(__file__).with_name("digests.json")
MODES = ("predict", "evaluate", "train", "gradients")
SIZES = ((True, 1), (True, 64), (False, 3))
"""Whether to optimise, and the batch size."""
TIME = 7


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def made_of(name: str) -> dict[str, str]:
    """A digest of each graph and Program of a model, and the bytes of each arena."""
    found: dict[str, str] = {}
    recipe = load_recipe(name)
    for optimize, batch in SIZES:
        net = gn.compile(recipe.model(), loss=recipe.loss, optimizer=recipe.optimizer, metrics=recipe.metrics,
                         optimize=optimize, backend="numpy")
        symbols = {dim for t in net.graph.types.values() for dim in t.shape if isinstance(dim, str)} - {BATCH}
        dims = dict.fromkeys(sorted(symbols), TIME)
        found["declared"] = digest(net.graph.text)
        for mode in MODES:
            key = f"{mode}, {'optimised' if optimize else 'plain'}, batch {batch}"
            program = net.program(mode, batch, **dims)
            found[f"{key}: graph"] = digest(net.stages(mode, batch, **dims)[-1].after.text)
            found[f"{key}: program"] = digest(str(program))
            found[f"{key}: arena"] = f"{program.peak} bytes"
    return found


def test_every_model_is_there() -> None:
    assert sorted(json.loads(FILE.read_text())) == sorted(model_names())


@pytest.mark.parametrize("name", model_names())
def test_graphs_and_programs_are_what_they_were(name: str) -> None:
    assert made_of(name) == json.loads(FILE.read_text())[name]


if __name__ == "__main__":
    FILE.write_text(json.dumps({name: made_of(name) for name in model_names()}, indent=1) + "\n")
