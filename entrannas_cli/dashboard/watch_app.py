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
    """Shows only ``run``, with the themes and the settings of the dashboard."""

    PLACES = ("run", "chart", "notes", "everywhere")

    def __init__(self, run: Run, *, readonly: bool = False, settings: SettingsFile | None = None) -> None:
        super().__init__(run.path.parent, readonly=readonly, settings=settings)
        self._run_shown = run

    def get_default_screen(self) -> Screen[None]:
        """Return the screen of the run."""
        return RunScreen(self._run_shown)

    def on_mount(self, event: events.Mount) -> None:  # type: ignore[override]
        """Don't start the watcher of all runs: the screen polls its run itself."""
        event.prevent_default()
        if self.settings.problem:
            self.notify(self.settings.problem, severity="warning", markup=False, timeout=12)

    def look_now(self) -> None:
        """Have the screen read the run again."""
        self._take(self.snapshot)
