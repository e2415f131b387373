"""The figures that pictures are painted on: their own, never pyplot's, and shown by notebooks without its help."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width: float, height: float, dpi: float = 110, layout: str | None = None) -> Figure:
    """An empty figure of width × height inches, laid out by matplotlib if `layout` names a way."""
    return _class()(figsize=(width, height), dpi=dpi, layout=layout)  # type: ignore[arg-type]


def figure_bytes(figure: Figure, format: str = "png") -> bytes:
    """The figure as a file: "png", "svg" or "pdf"."""
    content = io.BytesIO()
    figure.savefig(content, format=format)
    return content.getvalue()


@cache
def _class() -> type[Figure]:
    """Made when the first picture is drawn, since matplotlib takes long to import."""
    from matplotlib.figure import Figure

    class Picture(Figure):
        """Notebooks show figures by themselves only once pyplot was imported."""

        def _repr_png_(self) -> bytes:
            return figure_bytes(self)

    return Picture
