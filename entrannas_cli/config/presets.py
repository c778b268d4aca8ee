"""Presets: named TOML files with the values of a recipe. Loads neither torch nor pydantic."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..common.errors import UsageError
from ..common.files import file_error, read_toml
from ..common.text import choices, did_you_mean, looks_like_path, plain

__all__ = ["AUTO", "Preset", "load_preset", "preset_names"]

AUTO = "auto"
FOLDER = Path(__file__).parent / "presets"


@dataclass(frozen=True, kw_only=True)
class Preset:
    """``values`` are those of its file, nested as there, without the description."""

    name: str
    description: str
    values: dict[str, Any]
    path: Path


def preset_names(folder: str = "search") -> tuple[str, ...]:
    """Return the sorted names of the presets for "search" or "train" that come with this package."""
    return tuple(sorted(file.stem for file in (FOLDER / folder).glob("*.toml")))


def load_preset(name_or_path: str, folder: str = "search", *, base: Path | None = None) -> Preset:
    """Return a preset by its name in ``folder``, or from a file (relative to ``base``). Raises ``UsageError``."""
    if looks_like_path(name_or_path):
        path = Path(name_or_path) if base is None else base / name_or_path
    elif name_or_path in preset_names(folder):
        path = FOLDER / folder / f"{name_or_path}.toml"
    else:
        names = (AUTO, *preset_names(folder))
        raise UsageError(
            f"no preset {plain(name_or_path)}{did_you_mean(name_or_path, names)}: "
            f"there are {choices(names, last='and')}; the path of a .toml file works too"
        )
    values = read_toml(path, file_error, follow_links=True)
    description = values.pop("description", "")
    if not isinstance(description, str):
        raise UsageError(f"{plain(str(path))}: description: must be a text")
    train = values.get("train")
    if "preset" in values or (isinstance(train, dict) and "preset" in train):
        raise UsageError(f"{plain(str(path))}: preset: a preset can't stand on another one")
    return Preset(name=name_or_path, description=description, values=values, path=path)
