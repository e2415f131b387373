"""A notebook of a newcomer's first hour, run without a browser: what its cells show are tables and pictures."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from html_checks import parse_html

NOTEBOOK = Path(__file__).with_name("first_hour.ipynb")
RUN = Path(__file__).parents[2] / "support" / "run_notebook.py"
TABLE, VECTORS, PIXELS = "text/html", "image/svg+xml", "image/png"
SHOWN = {
    "model": VECTORS, "net": VECTORS, "model.summary()": TABLE, "history": TABLE, "history.plot()": PIXELS,
    "net.fit(x, y, batch_size=64)": TABLE, "net.graph": TABLE, 'net.plot(mode="predict")': PIXELS,
    'net.explain("train", batch=64)': TABLE, 'net.program("train", batch=64)': TABLE,
    'net.memory("train", batch=64)': TABLE, 'net.plot(view="memory", batch=64)': PIXELS,
    "net.profile(x[:64], y[:64], steps=5)": TABLE, "net.gradcheck(x[:4], y[:4], samples=2)": TABLE}
"""By the last line of a cell what it shows; other cells show nothing."""
FITS = {"history = net.fit(x, y, batch_size=64, epochs=3, validation_data=(x_test, y_test))": 3,
        "net.fit(x, y, batch_size=64)": 1}
"""Epochs of the cells that train."""

Cell = dict[str, Any]


def read(path: Path) -> dict[str, Cell]:
    """The cells with code, by their last lines without comments."""
    cells = [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    named = {cell["source"][-1].partition("  #")[0]: cell for cell in cells}
    assert len(named) == len(cells)
    return named


def shown(cell: Cell) -> dict[str, Any]:
    """What the cell's value shows, by the kind."""
    found = [output["data"] for output in cell["outputs"] if output["output_type"] == "execute_result"]
    assert len(found) <= 1
    return found[0] if found else {}


def test_it_is_kept_without_results() -> None:
    for cell in read(NOTEBOOK).values():
        assert (cell["outputs"], cell["execution_count"], cell["metadata"]) == ([], None, {})


def test_it_shows_tables_and_pictures(tmp_path: Path) -> None:
    """One test, since it is run once."""
    done = subprocess.run([sys.executable, RUN, NOTEBOOK, tmp_path / "executed.ipynb"], capture_output=True, text=True,
                          env=os.environ | {"OPENBLAS_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    cells = read(tmp_path / "executed.ipynb")
    assert {name for name, cell in cells.items() if shown(cell)} == {*SHOWN}, "nothing else is shown"
    assert {output["output_type"] for cell in cells.values() for output in cell["outputs"]} <= {
        "execute_result", "stream"}, "no pictures that are painted again and again, no errors"
    check_cell_names(cells)
    for name, kind in SHOWN.items():
        check_value(name, kind, shown(cells[name]))
    for name, cell in cells.items():
        check_printed(name, cell)


def check_value(name: str, kind: str, found: dict[str, Any]) -> None:
    """A value is shown as that kind; what stands for it elsewhere is short, and no bare repr."""
    assert kind in found, f"{name} shows {', '.join(found)}"
    plain = "".join(found["text/plain"])
    assert " object at 0x" not in plain
    assert len(plain) <= 2000
    if kind == TABLE:
        assert {"table", "pre"} & {*parse_html("".join(found[TABLE])).tags}
    if kind == VECTORS:
        assert "".join(found[VECTORS]).startswith("<svg")


def check_printed(name: str, cell: Cell) -> None:
    """`fit` prints a plain line for each epoch, since a notebook keeps them; nothing is written over what was there."""
    streams = [output for output in cell["outputs"] if output["output_type"] == "stream"]
    assert {stream["name"] for stream in streams} <= {"stdout"}
    text = "".join(part for stream in streams for part in stream["text"])
    assert not re.search(r"[\r\x08\x1b]", text)
    assert sum("loss" in line for line in text.splitlines()) == FITS.get(name, 0), f"{name} prints {text!r}"
    assert name in FITS or text == ""


def check_cell_names(cells: dict[str, Cell]) -> None:
    """Where a layer was declared is told as the notebook calls the cell, not by the number of its file."""
    count = cells["model"]["execution_count"]
    rows = parse_html("".join(shown(cells["net.profile(x[:64], y[:64], steps=5)"])[TABLE])).cells
    assert [row[2] for row in rows if row[0] == "conv2d"] == [f"In[{count}]:2"]
