"""``entrannas watch``: the Run screen alone, for a split pane."""

from __future__ import annotations

from textual import events
from textual.screen import Screen

from ..store.run import Run
from .app import Dashboard
from .run.screen import RunScreen
from .settings import SettingsFile

__all__ = ["WatchApp"]


class WatchApp(Dashboard):
    """Shows ``run``, with the looks and the settings of the dashboard, and looks at no other."""

    PLACES = ("run", "chart", "notes", "everywhere")

    def __init__(self, run: Run, *, readonly: bool = False, settings: SettingsFile | None = None) -> None:
        super().__init__(run.path.parent, readonly=readonly, settings=settings)
        self._run_shown = run

    def get_default_screen(self) -> Screen[None]:
        """The run's."""
        return RunScreen(self._run_shown)

    def on_mount(self, event: events.Mount) -> None:  # type: ignore[override]
        """Without the watcher of all runs: the screen looks itself."""
        event.prevent_default()
        if self.settings.problem:
            self.notify(self.settings.problem, severity="warning", markup=False, timeout=12)

    def look_now(self) -> None:
        """The screen looks again."""
        self._take(self.snapshot)
