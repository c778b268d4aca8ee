"""The dashboard's settings, remembered in a small JSON file in the user's configuration folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..common.atomic import write_json
from ..common.files import BrokenRun, read_json, reason_of
from ..common.text import safe
from .themes import DEFAULT, THEMES

__all__ = ["Settings", "SettingsFile", "settings_path"]

FORMAT = 1


@dataclass(frozen=True)
class Settings:
    """Empty ``columns`` mean the default ones. ``sort`` is the key of a column."""

    theme: str = DEFAULT
    columns: tuple[str, ...] = ()
    sort: str = "age"
    descending: bool = False


def settings_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return ``$XDG_CONFIG_HOME/entrannas/dashboard.json``, in ``~/.config`` if that is unset or not absolute."""
    base = environ.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if os.path.isabs(base) else Path(os.path.expanduser("~/.config"))  # noqa: PTH111, PTH117
    return folder / "entrannas" / "dashboard.json"


class SettingsFile:
    """The current settings; each change is written at once. Without a usable file, the defaults apply.

    ``problem`` says what is wrong with the file, in one line; it is empty if nothing is.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = settings_path() if path is None else path
        self.problem = ""
        self._failure_reported = False
        self.now = self._read()

    def _read(self) -> Settings:
        if not os.path.lexists(self.path):
            return Settings()
        try:
            return _settings(read_json(self.path, follow_links=True))
        except BrokenRun as error:
            self.problem = f"settings: {error}; using the defaults, the next change rewrites the file"
        except ValueError as error:
            self.problem = f"settings: {safe(str(self.path))}: {error}; using the defaults"
        return Settings()

    def change(self, now: Settings) -> str:
        """Set the settings and write them. Return why the first failed write failed, else an empty text."""
        if now == self.now:
            return ""
        self.now = now
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self.path, {"format": FORMAT, **asdict(now)}, durable=False)
        except OSError as error:
            if not self._failure_reported:
                self._failure_reported = True
                return f"settings cannot be saved: {safe(str(self.path))}: {reason_of(error)}"
        return ""


def _settings(data: Mapping[str, Any]) -> Settings:
    """Return ``data`` as validated settings. Raises ``ValueError`` that names the key."""
    defaults = Settings()
    names = [theme.name for theme in THEMES]
    theme = data.get("theme", defaults.theme)
    if theme not in names:
        raise ValueError(f"theme: expected one of {', '.join(names)}, found {theme!r:.40}")
    columns = data.get("columns", [])
    if not isinstance(columns, list) or not all(isinstance(key, str) for key in columns):
        raise ValueError("columns: expected a list of names")
    sort = data.get("sort", defaults.sort)
    if not isinstance(sort, str):
        raise ValueError(f"sort: expected a column's name, found {sort!r:.40}")
    descending = data.get("descending", defaults.descending)
    if not isinstance(descending, bool):
        raise ValueError(f"descending: expected true or false, found {descending!r:.40}")
    return Settings(theme, tuple(columns), sort, descending)
