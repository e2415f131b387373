"""One line of a graph's text, read word by word from left to right."""

from __future__ import annotations

import re

from graphnet.compiler.errors import GraphTextError
from graphnet.compiler.types import SHORT, Dim, TensorType
from graphnet.compiler.words import NAME, STRING, SYMBOL, unquote

_SPACE = re.compile(r"[ \t\r]*")
_VALUE = re.compile(r"%([0-9]+)")
_DIM = re.compile(r"[0-9]+")
_DTYPES = {short: dtype for dtype, short in SHORT.items()}
_DTYPE = re.compile(rf"({'|'.join(_DTYPES)})\[")


class Line:
    """What is left of a line.

    Attributes:
        text: the whole line.
        number: which line of the text it is, from 1.
        at: where the next word begins; space before it has been read.
    """

    def __init__(self, text: str, number: int) -> None:
        self.text, self.number, self.at = text, number, 0
        self._go_to(0)

    def _go_to(self, end: int) -> None:
        space = _SPACE.match(self.text, end)
        self.at = space.end() if space else end

    def error(self, reason: str, at: int | None = None) -> GraphTextError:
        """The error to raise about what stands at `at`, or else about what comes next."""
        return GraphTextError(reason, self.number, (self.at if at is None else at) + 1, self.text)

    def expected(self, what: str) -> GraphTextError:
        """The error to raise if what comes next is not `what`."""
        return self.error(f"expected {what}" + (", but the line ends" if self.ended else ""))

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self.at == len(self.text)

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Reads what the pattern matches, if it does."""
        found = pattern.match(self.text, self.at)
        if found:
            self._go_to(found.end())
        return found

    def at_hand(self, token: str) -> bool:
        """Whether `token` comes next; it stays."""
        return self.text.startswith(token, self.at)

    def take(self, token: str) -> bool:
        """Reads `token`, if it is what comes next."""
        taken = self.at_hand(token)
        if taken:
            self._go_to(self.at + len(token))
        return taken

    def expect(self, *tokens: str) -> str:
        """Reads the one of `tokens` that comes next.

        Raises:
            GraphTextError: something else does.
        """
        for token in tokens:
            if self.take(token):
                return token
        raise self.expected(" or ".join(map(repr, tokens)))

    def whole(self, digits: str, at: int) -> int:
        """A number of digits.

        Raises:
            GraphTextError: there are more of them than Python reads.
        """
        try:
            return int(digits)
        except ValueError:
            raise self.error(f"a number of {len(digits):,} digits is too long", at) from None

    def value(self) -> int:
        """Reads the id of a value, `%12`."""
        if found := self.match(_VALUE):
            return self.whole(found[1], found.start())
        raise self.expected("a value, such as %0")

    def string(self) -> str | None:
        """Reads a string in quotes, if a quote comes next."""
        if found := self.match(STRING):
            return unquote(found[0])
        if self.at_hand("'") or self.at_hand('"'):
            raise self.error("this string has no end, or a backslash that begins no escape (a backslash is \\\\)")
        return None

    def name(self, what: str) -> str:
        """Reads a name, plain or in quotes."""
        if (string := self.string()) is not None:
            return string
        if found := self.match(NAME):
            return found[0]
        raise self.expected(f"{what}, as a word or in quotes")

    def type(self) -> TensorType:
        """Reads a type, `f32[N,3]`."""
        dtype = self.match(_DTYPE)
        if not dtype:
            raise self.expected(f"a type, such as f32[N,3], with one of the dtypes {', '.join(_DTYPES)}")
        dims: list[Dim] = []
        while not self.take("]"):
            if dims:
                self.expect(",")
            dims.append(self._dim())
        return TensorType(_DTYPES[dtype[1]], tuple(dims))

    def _dim(self) -> Dim:
        if found := self.match(_DIM):
            return self.whole(found[0], found.start())
        if (string := self.string()) is not None:
            return string
        if found := self.match(SYMBOL):
            return found[0]
        raise self.expected("a dim, which is a whole number or a symbol")
