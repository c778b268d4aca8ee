"""The documentation of a configuration, generated from its schema: keys, presets, methods as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Collection

from pydantic import BaseModel

from .base import ORIGINS
from .keys import Key, keys_of, sections_of
from .methods import implied_by_method
from .presets import load_preset, preset_names
from .rank import RankConfig
from .search import SearchConfig
from .to_toml import toml_value
from .train import TrainConfig

__all__ = ["filled"]


def filled(document: str) -> str:
    """Return ``document`` with each part ``<!-- NAME: begin -->`` ... ``<!-- NAME: end -->`` regenerated."""
    parts: dict[str, Callable[[], str]] = {
        "search presets": lambda: describe_presets("search"),
        "train presets": lambda: describe_presets("train"),
        "methods": lambda: describe_methods(SearchConfig),
        "origins": describe_origins,
        "search keys": lambda: describe(SearchConfig),
        "train keys": lambda: describe(TrainConfig, without=("device", "checkpoint")),
        "rank keys": lambda: describe(RankConfig, only=("rank",)),
    }
    for name, text in parts.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        before, found, rest = document.partition(begin)
        if found:
            document = before + begin + text() + rest[rest.index(end) :]
    return document


def describe_origins() -> str:
    """Return a Markdown list of the origins of defaults."""
    origins = "".join(f"- **{origin}**: {meaning}\n" for origin, meaning in ORIGINS.items())
    return f"Where a default comes from:\n\n{origins}"


def describe(model: type[BaseModel], *, without: Collection[str] = (), only: Collection[str] = ()) -> str:
    """Return a Markdown table per section: each key with its default, allowed values, meaning and origin.

    Sections ``without`` are left out; with ``only``, these sections alone, without the keys outside of sections.
    """
    keys = keys_of(model)
    parts = []
    if not only:
        parts.append(_table("Outside of sections", "", [key for key in keys.values() if "." not in key.name]))
    for section, about in sections_of(model).items():
        if section in without or (only and section not in only):
            continue
        members = [key for key in keys.values() if key.name.startswith(f"{section}.")]
        parts.append(_table(f"`[{section}]`", about, members))
    return "\n\n".join(parts) + "\n"


def describe_presets(folder: str = "search") -> str:
    """Return a Markdown list of the presets for "search" or "train" that come with the package."""
    names = preset_names(folder)
    return "".join(f"- `{name}`: {load_preset(name, folder).description}\n" for name in names)


def describe_methods(model: type[BaseModel]) -> str:
    """Return a Markdown list of the values that each method implies."""
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
