"""The documentation of a configuration, made from its schema: keys, presets, methods as Markdown."""

from __future__ import annotations

from pydantic import BaseModel

from .base import ORIGINS
from .consistency import implied_by_method
from .keys import Key, keys_of, sections_of
from .output import toml_value
from .presets import load_preset, preset_names

__all__ = ["describe", "describe_methods", "describe_presets"]


def describe(model: type[BaseModel]) -> str:
    """A Markdown table a section: each key with its default, what is allowed, its meaning and its origin."""
    keys = keys_of(model)
    origins = "\n".join(f"- **{origin}**: {meaning}" for origin, meaning in ORIGINS.items())
    parts = [
        "Where a default comes from:\n\n" + origins,
        _table("Outside of sections", "", [key for key in keys.values() if "." not in key.name]),
    ]
    for section, about in sections_of(model).items():
        members = [key for key in keys.values() if key.name.startswith(f"{section}.")]
        parts.append(_table(f"`[{section}]`", about, members))
    return "\n\n".join(parts) + "\n"


def describe_presets() -> str:
    """A Markdown list of the presets that come with the package."""
    return "".join(f"- `{name}`: {load_preset(name).description}\n" for name in preset_names())


def describe_methods(model: type[BaseModel]) -> str:
    """A Markdown list of what each method implies."""
    lines = []
    for method in keys_of(model)["method"].options:
        values = [f"`{name} = {toml_value(value)}`" for name, value in implied_by_method(method).items()]
        lines.append(f"- `{method}`: {', '.join(values) or 'nothing; no search runs'}\n")
    return "".join(lines)


def _table(title: str, about: str, keys: list[Key]) -> str:
    lines = [f"### {title}", ""]
    if about:
        lines += [about, ""]
    lines += ["| Key | Default | Allowed | Meaning | Origin |", "|---|---|---|---|---|"]
    for key in keys:
        cells = (f"`{key.name}`", f"`{toml_value(key.default)}`", key.allowed, key.description, key.origin)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)
