"""Configurations as TOML: for run directories, and for ``--print-config`` with the source of each value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomli_w

from ..common.text import plain

__all__ = ["to_toml", "toml_value"]


def toml_value(value: Any) -> str:
    """A value on one line of TOML."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    text = tomli_w.dumps({"v": value}).removeprefix("v = ").removesuffix("\n")
    # TOML permits characters in a text that command a terminal (C1 controls): write them out
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)


def to_toml(flat: Mapping[str, Any], sources: Mapping[str, str] | None = None) -> str:
    """A TOML document of dotted keys (one level of sections; keys without a section stand first).

    With ``sources``, where each value comes from stands behind it as a comment.
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
