"""What the dashboard remembers of a user: a small JSON file in the folder for settings."""

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
    """``columns`` empty: the usual ones. ``sort`` is the key of a column."""

    theme: str = DEFAULT
    columns: tuple[str, ...] = ()
    sort: str = "age"
    descending: bool = False


def settings_path(environ: Mapping[str, str] = os.environ) -> Path:
    """``$XDG_CONFIG_HOME/entrannas/dashboard.json``, in ``~/.config`` if that isn't set or not absolute."""
    base = environ.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if os.path.isabs(base) else Path(os.path.expanduser("~/.config"))  # noqa: PTH111, PTH117
    return folder / "entrannas" / "dashboard.json"


class SettingsFile:
    """The settings as they are; each change is written at once. A file that can't be used costs no more than that.

    ``problem`` says what was wrong, in one line; it is empty if nothing was.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = settings_path() if path is None else path
        self.problem = ""
        self._complained = False
        self.now = self._read()

    def _read(self) -> Settings:
        if not os.path.lexists(self.path):
            return Settings()
        try:
            return _settings(read_json(self.path))
        except BrokenRun as error:
            self.problem = f"settings: {error}; the usual ones hold, and the next change writes the file anew"
        except ValueError as error:
            self.problem = f"settings: {safe(str(self.path))}: {error}; the usual ones hold"
        return Settings()

    def change(self, now: Settings) -> str:
        """Takes ``now`` and writes it. Returns what went wrong with that, the first time; empty otherwise."""
        if now == self.now:
            return ""
        self.now = now
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self.path, {"format": FORMAT, **asdict(now)}, durable=False)
        except OSError as error:
            if not self._complained:
                self._complained = True
                return f"settings can't be remembered: {safe(str(self.path))}: {reason_of(error)}"
        return ""


def _settings(data: Mapping[str, Any]) -> Settings:
    """Checked, so that nothing else of the program has to. Raises ``ValueError`` that names the key."""
    found = Settings()
    names = [theme.name for theme in THEMES]
    theme = data.get("theme", found.theme)
    if theme not in names:
        raise ValueError(f"theme: expected one of {', '.join(names)}, found {theme!r:.40}")
    columns = data.get("columns", [])
    if not isinstance(columns, list) or not all(isinstance(key, str) for key in columns):
        raise ValueError("columns: expected a list of names")
    sort = data.get("sort", found.sort)
    if not isinstance(sort, str):
        raise ValueError(f"sort: expected a column's name, found {sort!r:.40}")
    descending = data.get("descending", found.descending)
    if not isinstance(descending, bool):
        raise ValueError(f"descending: expected true or false, found {descending!r:.40}")
    return Settings(theme, tuple(columns), sort, descending)
