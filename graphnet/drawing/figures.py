"""The figures that pictures are painted on: their own, never pyplot's, and shown by notebooks without its help.

matplotlib's settings are for all figures of a process, and users change them. Pictures with colours of their own are
made and drawn in its own style; curves follow the user's.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from math import sqrt
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from graphnet.common.checks import check_path
from graphnet.compiler.atomic import replace_file
from graphnet.compiler.errors import ArgumentError

if TYPE_CHECKING:
    from matplotlib.backend_bases import RendererBase
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")
_MOST_ON_A_SIDE, _MOST_PIXELS = 32_000, 50e6  # matplotlib refuses 65,536 on a side, browsers some fewer
_FONTS = ("font.family", "font.serif", "font.sans-serif", "font.monospace")
_TEXT = {"text.usetex": False, "text.parse_math": True}  # what `plot_text` writes for
_TURN = RLock()


@contextmanager
def picture_style(users: bool = False) -> Iterator[None]:
    """matplotlib's own settings but for the fonts, or the `users`; in both, text is set without LaTeX.

    One thread at a time, since two that put the settings back in the wrong order would change them for good.
    """
    import matplotlib as mpl

    settings: Any = mpl.rcParams  # its keys are literals in some versions of matplotlib
    with _TURN, mpl.rc_context():
        fonts = {name: settings[name] for name in _FONTS}
        if not users:
            mpl.rcdefaults()
        settings.update(fonts | _TEXT)
        yield


def new_figure(width: float, height: float, dpi: float = 110, layout: str | None = None, users: bool = False) -> Figure:
    """An empty figure of width × height inches, of fewer dots an inch if it would be too large to be shown.

    Args:
        width: in inches.
        height: in inches.
        dpi: dots an inch.
        layout: a way in which matplotlib lays it out, if it does.
        users: whether it is drawn in the user's `picture_style`.
    """
    dpi = min(dpi, _MOST_ON_A_SIDE / max(width, height), sqrt(_MOST_PIXELS / (width * height)))
    figure = _class()(figsize=(width, height), dpi=dpi, layout=layout)  # type: ignore[arg-type]
    figure.users = users  # type: ignore[attr-defined]
    return figure


def figure_bytes(figure: Figure, format: str = "png") -> bytes:
    """The figure as a file: "png", "svg" or "pdf"."""
    content = io.BytesIO()
    figure.savefig(content, format=format)
    return content.getvalue()


def draw_picture(owner: str, path: str | os.PathLike[str] | None, draw: Callable[[], Figure]) -> Figure:
    """The figure that is drawn, written to a file as well if there is a path, whose ending says the format.

    Raises:
        ArgumentError: the path is no path or its ending not one of `FORMATS`, which is said before anything is drawn,
            or it is of no file or in no folder.
        OSError: the file cannot be written; an old one stays.
    """
    if path is None:
        return draw()
    ending = Path(check_path(owner, path)).suffix.lower()
    if ending not in FORMATS:
        raise ArgumentError(owner, "path", str(path), f"the file must end in {', '.join(FORMATS)}")
    figure = draw()
    replace_file(path, [figure_bytes(figure, ending[1:])], owner=owner)
    return figure


@cache
def _class() -> type[Figure]:
    """Made when the first picture is drawn, since matplotlib takes long to import."""
    from matplotlib.figure import Figure

    class Picture(Figure):
        """Notebooks show figures by themselves only once pyplot was imported."""

        users = False

        def draw(self, renderer: RendererBase) -> None:
            with picture_style(self.users):  # ticks are made only now
                super().draw(renderer)

        def savefig(self, *args: Any, **options: Any) -> None:
            with picture_style(self.users):
                super().savefig(*args, **options)

        def _repr_png_(self) -> bytes:
            return figure_bytes(self)

    return Picture
