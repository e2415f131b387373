"""The parser of commands: options are written out in full, and one that is mistyped is answered with the right one."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable
from typing import Any, NoReturn

from graphnet.compiler.words import one_line

_ALIKE = 0.7  # how much of both names must be the same


class Parser(argparse.ArgumentParser):
    """Refuses options that it does not know before it looks at anything else, so that none passes for another."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As its base, but nothing may be left over."""
        if args is not None and self._subparsers is None:
            self._check_options(args)
        found, left = super().parse_known_args(args, namespace)
        if left:
            self.error(f"unrecognized arguments: {' '.join(left)}")
        return found, left

    def error(self, message: str) -> NoReturn:
        """As its base, but what was typed is shown in one line, visible and not too long."""
        super().error(one_line(message))

    def _check_options(self, args: Iterable[str]) -> None:
        known = self._option_string_actions
        for arg in args:
            name = arg.partition("=")[0]
            if arg == "--":
                return
            if arg.startswith("--") and " " not in arg and name not in known:
                self.error(f"unrecognized arguments: {arg}{did_you_mean(name, known)}")


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """The known name that is most like the given one, in brackets; nothing if none is."""
    close = difflib.get_close_matches(given, list(known), 1, _ALIKE)
    return f" (did you mean {close[0]}?)" if close else ""
