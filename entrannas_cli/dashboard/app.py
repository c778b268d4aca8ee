"""The dashboard app: themes, settings, and the watcher that keeps the screens up to date."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import SystemCommand
from textual.dom import DOMNode
from textual.screen import Screen

from ..store.run import Run
from .background import WorkDone, tell
from .host import Host
from .keys import KEYS, PLACES, Place, bindings
from .run_actions import RunActionsScreen
from .run_table import RunTable
from .runs_screen import RunsScreen
from .settings import Settings, SettingsFile
from .themes import ANSI_DARK, ANSI_LIGHT, THEMES, following
from .watcher import Snapshot, Watcher

__all__ = ["Dashboard"]


class Dashboard(Host):
    """The dashboard of the runs in ``runs_dir``. ``readonly`` disables all actions that change runs."""

    CSS_PATH = "dashboard.tcss"
    BINDINGS = bindings("everywhere")
    TITLE = "entrannas"
    PLACES: ClassVar[Sequence[Place]] = PLACES  # listed in the help

    def __init__(
        self, runs_dir: Path, *, readonly: bool = False, settings: SettingsFile | None = None
    ) -> None:
        super().__init__()
        self.runs_dir = runs_dir
        self.readonly = readonly
        self.settings = SettingsFile() if settings is None else settings
        self.snapshot = Snapshot({}, complete=False)
        self._watcher = Watcher(runs_dir, lambda snapshot: tell(self, self._take, snapshot))
        for theme in THEMES:
            self.register_theme(theme)
        self.ansi_theme_dark, self.ansi_theme_light = ANSI_DARK, ANSI_LIGHT
        self.theme = self.settings.now.theme

    def get_default_screen(self) -> Screen[None]:
        """Return the Runs screen."""
        return RunsScreen()

    def on_mount(self) -> None:
        self._watcher.start()
        if self.settings.problem:
            self.notify(self.settings.problem, severity="warning", markup=False, timeout=12)

    def on_unmount(self) -> None:
        self._watcher.stop()

    def on_work_done(self, message: WorkDone) -> None:
        """Pass on the result of a thread, unless the app is ending."""
        if self.is_running:
            message.then(message.value)

    def _take(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        for screen in self.screen_stack:
            if isinstance(screen, RunActionsScreen) and screen.ready and not screen.covered:
                screen.take(snapshot)

    def look_now(self) -> None:
        self._watcher.look_now()

    def show_new(self, runs: Sequence[Run]) -> None:
        home = self.screen_stack[0]
        if isinstance(home, RunsScreen):
            home.expect([run.id for run in runs])
        if isinstance(home, RunsScreen) and len(runs) > 1:
            while self.screen is not home:
                self.pop_screen()
        else:
            from .run.screen import RunScreen

            self.push_screen(RunScreen(runs[0]))

    def change(self, settings: Settings) -> None:
        if problem := self.settings.change(settings):
            self.notify(problem, severity="warning", markup=False)

    def watch_theme(self, name: str) -> None:
        """Remember the chosen theme."""
        self.change(replace(self.settings.now, theme=name))

    def action_next_theme(self) -> None:
        self.theme = following(self.theme)

    def action_help(self) -> None:
        from .help import HelpScreen

        self.push_screen(HelpScreen(self.readonly, self.PLACES))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield the commands of the palette: the themes, and the actions that keys have here."""
        for theme in THEMES:
            yield SystemCommand(
                f"Theme: {theme.name}", "Switch to this theme", partial(setattr, self, "theme", theme.name)
            )
        table = next(iter(screen.query(RunTable)), None)
        owners: dict[str, DOMNode | None] = {"everywhere": self, "table": table}
        owners[getattr(screen, "PLACE", "")] = screen
        for key in KEYS:
            owner = owners.get(key.place)
            if owner is not None and key.group != "Move" and not (key.writes and self.readonly):
                yield SystemCommand(
                    key.label or key.about, key.about, partial(self.run_action, key.action, owner)
                )
