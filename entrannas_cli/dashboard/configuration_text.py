"""A configuration as styled text."""

from __future__ import annotations

from rich.text import Text

from ..common.text import safe

__all__ = ["configuration_text"]


def configuration_text(source: str) -> Text:
    """Return TOML ``source`` as styled text, with dimmed comments."""
    if not source:
        return Text("the configuration cannot be read", "dim")
    text = Text(overflow="fold")
    for line in source.splitlines():
        shown = safe(line.expandtabs())
        code, hash_sign, comment = shown.partition(" #")
        text.append(code, "bold" if code.startswith("[") else "dim" if code.startswith("#") else "")
        text.append(f"{hash_sign}{comment}\n", "dim")
    return text
