"""How charts look on dark and light screens; lines differ both in colour and in markers."""

from __future__ import annotations

from dataclasses import dataclass

from rich.color import Color, ColorParseError
from rich.color_triplet import ColorTriplet
from rich.style import Style

from ..figures.style import COLOURS

__all__ = ["CONTRAST_DARK", "CONTRAST_LIGHT", "DARK", "LIGHT", "Look", "marker"]

_MARKERS = "●▲■◆▼○△□◇▽"
_ASCII_MARKERS = "*+ox#%@&=~"
_FAINT = 0.35  # opacity of a line drawn behind


@dataclass(frozen=True)
class Look:
    """Rich styles of the lines, used in turn, of the background (``paper``) and of a chart's other parts."""

    lines: tuple[str, ...]
    paper: str
    title: str = "bold"
    axis: str = "#808080"
    grid: str = "#404040"
    crosshair: str = "bold"

    def line(self, number: int, style: str = "") -> Style:
        """Return the style of line ``number``, from 0, or ``style`` if it has its own."""
        return Style.parse(style or self.lines[number % len(self.lines)])

    def faint(self, style: Style) -> Style:
        """Blend ``style`` into the background, for a line drawn behind."""
        try:
            paper = Color.parse(self.paper).triplet
        except ColorParseError:
            paper = None
        ink = style.color.triplet if style.color is not None else None
        if ink is None or paper is None:
            return style + Style(dim=True)
        mixed = (round(_FAINT * a + (1 - _FAINT) * b) for a, b in zip(ink, paper, strict=True))
        return Style(color=Color.from_triplet(ColorTriplet(*mixed)))


# distinct with every common colour vision deficiency; after Okabe and Ito (2008), brighter
_BRIGHT = ("#56b4e9", "#f0a030", "#35c79a", "#e88bc0", "#e5dc52", "#aea2ff", "#c8c8c8")
DARK = Look(_BRIGHT, "#121212", axis="#8a8a8a", grid="#3a3a3a")
LIGHT = Look(COLOURS, "#ffffff", axis="#6a6a6a", grid="#d0d3d6")
CONTRAST_DARK = Look(
    ("#6fd0ff", "#ffb84d", "#4dffbf", "#ff9ad5", "#ffff66", "#c9bfff", "#ffffff"),
    "#000000",
    axis="#ffffff",
    grid="#7a7a7a",
)
CONTRAST_LIGHT = Look(
    ("#003f6b", "#8a2f00", "#00523b", "#7a1f5e", "#4d4300", "#33288f", "#000000"),
    "#ffffff",
    axis="#000000",
    grid="#8a8a8a",
)


def marker(number: int, *, ascii_only: bool = False) -> str:
    """Return the marker of line ``number``, from 0."""
    markers = _ASCII_MARKERS if ascii_only else _MARKERS
    return markers[number % len(markers)]
