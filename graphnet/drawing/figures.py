"""The figures that pictures are painted on: their own, never pyplot's, and shown by notebooks without its help."""

from __future__ import annotations

import io
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from graphnet.common.checks import check_path
from graphnet.compiler.atomic import replace_file
from graphnet.compiler.errors import ArgumentError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")


def new_figure(width: float, height: float, dpi: float = 110, layout: str | None = None) -> Figure:
    """An empty figure of width × height inches, laid out by matplotlib if `layout` names a way."""
    return _class()(figsize=(width, height), dpi=dpi, layout=layout)  # type: ignore[arg-type]


def figure_bytes(figure: Figure, format: str = "png") -> bytes:
    """The figure as a file: "png", "svg" or "pdf"."""
    content = io.BytesIO()
    figure.savefig(content, format=format)
    return content.getvalue()


def check_picture_path(owner: str, path: str | os.PathLike[str]) -> None:
    """Refuses what is no place for a picture, before it is drawn.

    Raises:
        ArgumentError: it is no path, or its ending is not one of `FORMATS`.
    """
    if Path(check_path(owner, path)).suffix.lower() not in FORMATS:
        raise ArgumentError(owner, "path", str(path), f"the file must end in {', '.join(FORMATS)}")


def write_picture(owner: str, path: str | os.PathLike[str], figure: Figure) -> None:
    """Writes a figure to a file whose ending says the format.

    Raises:
        ArgumentError: the path is of no file or in no folder.
        OSError: the file cannot be written; an old one stays.
    """
    replace_file(path, [figure_bytes(figure, Path(path).suffix.lower()[1:])], owner=owner)


@cache
def _class() -> type[Figure]:
    """Made when the first picture is drawn, since matplotlib takes long to import."""
    from matplotlib.figure import Figure

    class Picture(Figure):
        """Notebooks show figures by themselves only once pyplot was imported."""

        def _repr_png_(self) -> bytes:
            return figure_bytes(self)

    return Picture
