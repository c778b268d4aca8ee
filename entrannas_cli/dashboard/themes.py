"""The looks: dark, light, high contrast. Colours that stay apart when a terminal has only sixteen of them."""

from __future__ import annotations

from textual.theme import Theme

__all__ = ["DEFAULT", "THEMES", "following"]

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
        variables={"cursor": "#264468", "marked": "#ffaf5f", "quiet": "#95a0b0"},
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
        variables={"cursor": "#bcdcf7", "marked": "#a34a00", "quiet": "#5a626e"},
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
            **{"cursor": "#0000c0", "marked": "#ffff00", "quiet": "#e0e0e0"},
            **{"border": "#ffffff", "scrollbar": "#ffffff", "footer-key-foreground": "#ffff00"},
        },
    ),
)


def following(name: str) -> str:
    """The name of the theme after ``name``, in a circle."""
    names = [theme.name for theme in THEMES]
    return names[(names.index(name) + 1) % len(names)] if name in names else DEFAULT
