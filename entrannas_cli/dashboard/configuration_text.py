"""A configuration, as text on the screen."""

from __future__ import annotations

from rich.text import Text

from ..common.text import safe

__all__ = ["configuration_text"]


def configuration_text(source: str) -> Text:
    """TOML with comments, to read."""
    if not source:
        return Text("the configuration can't be read", "dim")
    text = Text(overflow="fold")
    for line in source.splitlines():
        shown = safe(line.expandtabs())
        code, hash_sign, comment = shown.partition(" #")
        text.append(code, "bold" if code.startswith("[") else "dim" if code.startswith("#") else "")
        text.append(f"{hash_sign}{comment}\n", "dim")
    return text
