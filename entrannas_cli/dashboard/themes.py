"""The themes: dark, light, high contrast. Their colours stay distinct in terminals with only sixteen of them."""

from __future__ import annotations

from rich.color import parse_rgb_hex
from rich.terminal_theme import TerminalTheme
from textual.theme import Theme

__all__ = ["ANSI_DARK", "ANSI_LIGHT", "DEFAULT", "STATE_STYLES", "THEMES", "following"]

STATE_STYLES = {
    "running": "bold $success",
    "completed": "$success",
    "stopped": "$warning",
    "created": "$quiet",
    "failed": "bold $error",
    "lost": "bold $error",
    "broken": "bold $error",
}
DEFAULT = "dark"
THEMES: tuple[Theme, ...] = (
    Theme(
        name="dark",
        primary="#5fafff",
        secondary="#87d7d7",
        accent="#ffaf5f",
        success="#5fd787",
        warning="#ffd75f",
        error="#ff7070",
        foreground="#d8dee9",
        background="#101318",
        surface="#171b22",
        panel="#222833",
        dark=True,
        variables={
            **{"cursor": "#264468", "marked": "#ffaf5f", "quiet": "#95a0b0", "rule": "#222833"},
            **{"scrollbar-background": "#222833", "scrollbar-background-hover": "#222833"},
        },
    ),
    Theme(
        name="light",
        primary="#005f9e",
        secondary="#006a6a",
        accent="#a34a00",
        success="#00692b",
        warning="#7a5200",
        error="#b00020",
        foreground="#1c2026",
        background="#fbfbf9",
        surface="#f1f1ee",
        panel="#e2e3df",
        dark=False,
        variables={"cursor": "#bcdcf7", "marked": "#a34a00", "quiet": "#5a626e", "rule": "#e2e3df"},
    ),
    Theme(
        name="high-contrast",
        primary="#00ffff",
        secondary="#ffffff",
        accent="#ffff00",
        success="#00ff00",
        warning="#ffff00",
        error="#ff8080",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#000000",
        dark=True,
        text_alpha=1.0,
        variables={
            **{"cursor": "#0000c0", "marked": "#ffff00", "quiet": "#e0e0e0", "rule": "#ffffff"},
            **{"border": "#ffffff", "scrollbar": "#ffffff", "footer-key-foreground": "#ffff00"},
        },
    ),
)


def _ansi(background: str, foreground: str, colours: str) -> TerminalTheme:
    """Return a theme whose bright colours equal its normal ones.

    ``colours`` are black, red, green, yellow, blue, magenta, cyan and white.
    """
    palette: list[tuple[int, int, int]] = [parse_rgb_hex(colour) for colour in colours.split()]
    return TerminalTheme(parse_rgb_hex(background), parse_rgb_hex(foreground), palette, palette)


# for drawn cells: all distinct, and all legible on the background
ANSI_DARK = _ansi("101318", "d8dee9", "101318 ff7070 5fd787 ffd75f 5fafff d7a0ff 5fd7d7 d8dee9")
ANSI_LIGHT = _ansi("fbfbf9", "1c2026", "1c2026 b00020 00692b 7a5200 005f9e 8a2f9e 006a6a fbfbf9")


def following(name: str) -> str:
    """Return the name of the theme after ``name``, wrapping around."""
    names = [theme.name for theme in THEMES]
    return names[(names.index(name) + 1) % len(names)] if name in names else DEFAULT
