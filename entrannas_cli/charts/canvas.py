"""A canvas of braille dots in colour, on which several lines may share a character."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.style import Style
from rich.text import Text

__all__ = ["Canvas"]

BRAILLE = 0x2800
# bits of a braille character: rows of dots from the top, each (left, right)
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


def _bits(side: int, top: int, bottom: int) -> int:
    return sum(DOTS[row][side] for row in range(top, bottom + 1))


_SPANS = [[[_bits(side, top, bottom) for bottom in range(4)] for top in range(4)] for side in range(2)]


class Canvas:
    """``width`` by ``height`` characters of 2 by 4 dots each, or of one dot with ``ascii_only``.

    The last line drawn through a character sets its colour; a line ``behind`` shows only where no other does.
    """

    def __init__(self, width: int, height: int, *, ascii_only: bool = False) -> None:
        self.width, self.height = width, height
        self._ascii_only = ascii_only
        self._characters: list[list[str]] = [[" "] * width for _ in range(height)]
        self._styles: list[list[Style | None]] = [[None] * width for _ in range(height)]
        self._front = [bytearray(width) for _ in range(height)]
        self._behind = [bytearray(width) for _ in range(height)]

    @property
    def across(self) -> int:
        """Number of dot columns."""
        return self.width if self._ascii_only else 2 * self.width

    @property
    def down(self) -> int:
        """Number of dot rows."""
        return self.height if self._ascii_only else 4 * self.height

    def line(
        self, spans: Sequence[tuple[int, int] | None], style: Style, *, dot: str = "*", behind: bool = False
    ) -> None:
        """Draw a line that covers, in each dot column, the rows of its span, both ends included.

        ``dot`` is its character in ASCII. Draw lines ``behind`` before all others.
        """
        layer = self._behind if behind else self._front
        for column, span in enumerate(spans):
            if span is None:
                continue
            top, bottom = span
            if self._ascii_only:
                for row in range(top, bottom + 1):
                    self._characters[row][column], self._styles[row][column] = dot, style
                continue
            cell, masks = column >> 1, _SPANS[column & 1]
            first, last = top >> 2, bottom >> 2
            for row in range(first, last + 1):
                layer[row][cell] |= masks[top & 3 if row == first else 0][bottom & 3 if row == last else 3]
                self._styles[row][cell] = style

    def mark(self, column: int, row: int, character: str, style: Style) -> None:
        """Put ``character`` at a position counted in characters, over whatever is there."""
        if 0 <= column < self.width and 0 <= row < self.height:
            self._front[row][column] = self._behind[row][column] = 0
            self._characters[row][column], self._styles[row][column] = character, style

    def backdrop(self, places: Iterable[tuple[int, int]], character: str, style: Style) -> None:
        """Put ``character`` at each (column, row) of ``places`` where nothing is drawn."""
        for column, row in places:
            if self._styles[row][column] is None:
                self._characters[row][column], self._styles[row][column] = character, style

    def rows(self) -> list[Text]:
        """Return the picture, one text per row."""
        return [self._row(row) for row in range(self.height)]

    def _row(self, row: int) -> Text:
        text = Text(no_wrap=True, end="")
        characters = [
            chr(BRAILLE + (front or behind)) if front or behind else shown
            for front, behind, shown in zip(
                self._front[row], self._behind[row], self._characters[row], strict=True
            )
        ]
        styles = self._styles[row]
        start = 0
        for column in range(1, self.width + 1):
            if column == self.width or styles[column] is not styles[start]:
                text.append("".join(characters[start:column]), styles[start])
                start = column
        return text
