"""What the screens know of the program that shows them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

from textual.app import App

from ..store.run import Run
from .settings import Settings, SettingsFile
from .watcher import Snapshot

__all__ = ["Host"]


class Host(App[None]):
    """The program: its runs, as they were seen last, and what the user has set.

    ``readonly`` disables all actions that change runs.
    """

    runs_dir: Path
    readonly: bool
    settings: SettingsFile
    snapshot: Snapshot

    @abstractmethod
    def look_now(self) -> None:
        """Something was done: the runs have changed."""

    @abstractmethod
    def show_new(self, runs: Sequence[Run]) -> None:
        """These were started: the page of the only one, or the table with all of them marked."""

    @abstractmethod
    def change(self, settings: Settings) -> None:
        """Remembers ``settings``."""
