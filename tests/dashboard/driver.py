"""Drive the dashboard in tests: real run directories, real key presses, a headless screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from textual import events
from textual.pilot import Pilot
from textual.widgets import Static

from entrannas_cli.dashboard.app import Dashboard
from entrannas_cli.dashboard.run_table import RunTable
from entrannas_cli.dashboard.settings import SettingsFile
from entrannas_cli.store.create import create_run
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession

Scenario = Callable[["Driver"], Awaitable[None]]
SMALL, LARGE = (80, 24), (160, 45)
POLL_S = 0.02  # seconds between two checks; each one takes time away from the app
CONFIG = 'space = "standard"\nmethod = "{method}"\nseed = {seed}\n[data]\ndataset = "digits"\n'


class Driver:
    """The app, its keyboard, and the queries that tests repeat."""

    def __init__(self, app: Dashboard, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot
        self.notes: list[str] = []  # every notification so far

    @property
    def table(self) -> RunTable:
        return self.app.screen_stack[0].query_one(RunTable)

    @property
    def ids(self) -> list[str]:
        return [run.id for run in self.table.rows]

    @property
    def current(self) -> str:
        return self.table.current.id if self.table.current else ""

    @property
    def screen_name(self) -> str:
        return type(self.app.screen).__name__

    def text_of(self, selector: str) -> str:
        return str(self.app.screen.query_one(selector, Static).render())

    @property
    def lines(self) -> list[str]:
        """Text of each line on the screen."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in line) for line in strips]

    @property
    def shown(self) -> str:
        return "\n".join(self.lines)

    async def press(self, *keys: str) -> None:
        await press(self.pilot, *keys)

    async def type(self, text: str) -> None:
        """Type without pauses between the letters, like pasted text."""
        self.app.post_message(events.Paste(text))
        await self.pilot.pause()

    async def find(self, text: str) -> None:
        """Filter by ``text``, then return to the table."""
        await self.press("slash")
        await self.type(text)
        await self.press("enter")

    async def until(self, condition: Callable[..., object], what: str, seconds: float = 60) -> None:
        await until(
            self.pilot,
            condition,
            lambda: f"waited {seconds} s for {what}:\n{self.shown}\n{self.notes}",
            seconds,
        )


async def press(pilot: Pilot[Any], *keys: str) -> None:
    """Press one key after the other, and let the app settle after each."""
    await pilot.press(*keys)
    await pilot.pause()


async def until(
    pilot: Pilot[Any], condition: Callable[[], object], waited: Callable[[], str], seconds: float = 60
) -> None:
    """Wait for ``condition``; if it never holds, fail with the text of ``waited``."""
    if condition():
        return
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, waited()
        await asyncio.sleep(POLL_S)
    await pilot.pause(0)  # let whatever else is pending arrive


def drive(
    runs_dir: Path,
    scenario: Scenario,
    *,
    size: tuple[int, int] = SMALL,
    settings: Path | None = None,
    **more: Any,
) -> None:
    """Run ``scenario`` on the dashboard of ``runs_dir`` once all runs are loaded.

    The settings file is in the test's working directory unless ``settings`` names another one.
    """

    async def main() -> None:
        app = Dashboard(runs_dir, settings=SettingsFile(settings or Path.cwd() / "settings.json"), **more)
        async with app.run_test(size=size, notifications=True) as pilot:
            driver = Driver(app, pilot)
            driver.notes += [note.message for note in app._notifications]
            notify = app.notify

            def noted(message: str, **how: Any) -> None:
                driver.notes.append(message)
                notify(message, **how)

            app.notify = noted  # type: ignore[method-assign]
            await driver.until(lambda: app.snapshot.complete, "the runs")
            await pilot.pause()
            await scenario(driver)

    asyncio.run(main())


def new_run(runs_dir: Path, name: str, *, method: str = "darts", seed: int = 0) -> Run:
    """Create a run without starting it."""
    config = CONFIG.format(method=method, seed=seed)
    return create_run(
        runs_dir, space="standard", method=method, seed=seed, name=name, files={"config.toml": config}
    )


def ended_run(runs_dir: Path, name: str, state: str = "completed", **summary: Any) -> Run:
    """Create a run that ended in ``state``."""
    run = new_run(runs_dir, name, method=summary.pop("method", "darts"), seed=summary.pop("seed", 0))
    with RunSession(run, epochs=4, steps=8) as session:
        session.update_summary(summary)
        session.finish(state, "" if state == "completed" else "because of the test")
    return run
