"""The dashboard as a test drives it: real run directories, real keys, a screen that nobody sees."""

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
LOOK = 0.02  # seconds between two looks at whether it is so; each takes the program's time
CONFIG = 'space = "standard"\nmethod = "{method}"\nseed = {seed}\n[data]\ndataset = "digits"\n'


class Driver:
    """The program and its keyboard, with what tests ask again and again."""

    def __init__(self, app: Dashboard, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot
        self.notes: list[str] = []  # all that was notified

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
        """What stands on the screen."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in line) for line in strips]

    @property
    def shown(self) -> str:
        return "\n".join(self.lines)

    async def press(self, *keys: str) -> None:
        await press(self.pilot, *keys)

    async def type(self, text: str) -> None:
        """Types without a pause between the letters, as a pasted text comes."""
        self.app.post_message(events.Paste(text))
        await self.pilot.pause()

    async def find(self, text: str) -> None:
        """Filters by ``text``, and goes back to the table."""
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
    """Presses one key after the other, each once the program has come to rest after the one before."""
    await pilot.press(*keys)
    await pilot.pause()


async def until(
    pilot: Pilot[Any], condition: Callable[[], object], waited: Callable[[], str], seconds: float = 60
) -> None:
    """Waits for ``condition``; if it doesn't come to hold, the test fails with the words of ``waited``."""
    if condition():
        return
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, waited()
        await asyncio.sleep(LOOK)
    await pilot.pause(0)  # whatever else is on its way is there too


def drive(
    runs_dir: Path,
    scenario: Scenario,
    *,
    size: tuple[int, int] = SMALL,
    settings: Path | None = None,
    **more: Any,
) -> None:
    """Runs ``scenario`` on the dashboard of ``runs_dir``, once all runs are there.

    Its settings are the test's own, in its working directory unless ``settings`` names another file.
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


def made(runs_dir: Path, name: str, *, method: str = "darts", seed: int = 0) -> Run:
    """A run that was created, and not begun."""
    config = CONFIG.format(method=method, seed=seed)
    return create_run(
        runs_dir, space="standard", method=method, seed=seed, name=name, files={"config.toml": config}
    )


def ended(runs_dir: Path, name: str, state: str = "completed", **summary: Any) -> Run:
    """A run that ended in ``state``."""
    run = made(runs_dir, name, method=summary.pop("method", "darts"), seed=summary.pop("seed", 0))
    with RunSession(run, epochs=4, steps=8) as session:
        session.update_summary(summary)
        session.finish(state, "" if state == "completed" else "because of the test")
    return run
