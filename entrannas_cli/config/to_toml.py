"""Configurations as TOML: for run directories, and for ``--print-config`` with the source of each value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomli_w

from ..common.text import plain

__all__ = ["to_toml", "toml_value"]


def toml_value(value: Any) -> str:
    """Return ``value`` as TOML on one line."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    text = tomli_w.dumps({"v": value}).removeprefix("v = ").removesuffix("\n")
    # TOML allows characters that control a terminal (C1): escape them
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)


def to_toml(flat: Mapping[str, Any], sources: Mapping[str, str] | None = None) -> str:
    """Return a TOML document of dotted keys (one level of sections; keys without a section come first).

    With ``sources``, the source of each value follows it as a comment.
    """
    lines: list[str] = []
    section = ""
    for name, value in flat.items():
        *path, last = name.split(".")
        if ".".join(path) != section:
            section = ".".join(path)
            lines += ["", f"[{section}]"]
        lines.append(f"{last} = {toml_value(value)}")
        if sources is not None:
            lines[-1] = f"{lines[-1]:<40}  # {plain(sources[name])}"
    return "\n".join(lines) + "\n"
