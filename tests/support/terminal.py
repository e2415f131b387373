"""A terminal of some width: what was written to it, as it would be seen."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

import pytest

_UP = "\x1b[A"

@dataclass
class Screen:
    """What a terminal shows that knows carriage returns and line feeds, and no escape sequence but for one row up.

    Attributes:
        rows: what stands there, without spaces at the end.
        drawn: every row that a carriage return found, before something else was written over it.
        wraps: how often a row was so long that the terminal went on in the next one.
        ups: how often it went up.
    """

    columns: int
    rows: list[str] = field(default_factory=lambda: [""])
    drawn: list[str] = field(default_factory=list)
    wraps: int = 0
    ups: int = 0
    row: int = 0
    at: int = 0

    def show(self, text: str) -> None:
        """Writes."""
        for part in re.split(f"({re.escape(_UP)})", text):
            if part == _UP:
                self.ups += 1
                self.row = max(self.row - 1, 0)
                continue
            for character in part:
                self._put(character)
        while self.rows and not self.rows[-1].strip():
            self.rows.pop()
        self.rows = [row.rstrip() for row in self.rows]

    def _put(self, character: str) -> None:
        assert character in "\r\n" or character.isprintable(), f"{character!r} is for terminals that know it"
        if character == "\r":
            self.drawn.append(self.rows[self.row])
            self.at = 0
            return
        if character == "\n" or self.at == self.columns:
            self.wraps += character != "\n"
            self.row += 1
            self.rows += [""] * (self.row == len(self.rows))
            self.at = 0
        if character != "\n":
            row = self.rows[self.row].ljust(self.at)
            self.rows[self.row] = row[:self.at] + character + row[self.at + 1:]
            self.at += 1

    @property
    def bars(self) -> list[str]:
        """The rows that were drawn and are bars."""
        return [row.rstrip() for row in self.drawn if "|" in row]


@contextmanager
def terminal(columns: int, *names: str) -> Iterator[Screen]:
    """Within the block standard output and error, or those named, are a real terminal; afterwards it shows."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    screen, said = Screen(columns), bytearray()
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))

    def listen() -> None:
        with suppress(OSError):  # Linux's way of saying that a terminal was closed
            while chunk := os.read(ours, 4096):
                said.extend(chunk)

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
            stack.callback(os.close, theirs)
            for name in names or ("stdout", "stderr"):
                stream = open(os.dup(theirs), "w", encoding="utf-8")  # noqa: SIM115
                patch.setattr(sys, name, stack.enter_context(stream))
            yield screen
    finally:
        listener.join()
        os.close(ours)
        screen.show(said.decode())
