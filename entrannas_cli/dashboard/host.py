"""What screens may use of the app that shows them."""

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
    """The app: its runs as last seen, and the user's settings.

    ``readonly`` disables all actions that change runs.
    """

    runs_dir: Path
    readonly: bool
    settings: SettingsFile
    snapshot: Snapshot

    @abstractmethod
    def look_now(self) -> None:
        """Look for changes now, since an action has changed runs."""

    @abstractmethod
    def show_new(self, runs: Sequence[Run]) -> None:
        """Show runs that were just started: the page of a single one, or the table with all of them marked."""

    @abstractmethod
    def change(self, settings: Settings) -> None:
        """Remember ``settings``."""
