"""Snapshots: a picture of each screen on a small and on a large terminal. Themes differ only in their colours.

The pictures are in ``snapshots``; any browser shows them. If a change to them is intended, look at the new ones and
update them:

    pytest tests/dashboard/test_snapshots.py --snapshot-update

They need the releases of Textual and Rich in ``snapshots/made-with.txt``, which the ``test`` extra installs. With
others the tests fail.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from textual.theme import Theme

from entrannas_cli.dashboard.themes import THEMES

from ..isolation import build_once
from . import snapshot_runs
from .driver import LARGE, SMALL, Driver, drive, until
from .screen_pictures import FOLDER, MADE_WITH, UPDATE, Album, check_versions, contrast, texts_of

SIZES = {"80x24": SMALL, "160x45": LARGE}
LEGIBLE = (
    3  # contrast; test_components asks more of the palettes, here are also the cursor, heat maps and buttons
)
TABS = {  # tabs of the run page: name of the picture, and a text on it
    "run-curves": "accuracy",
    "run-cells": "normal cell",
    "run-architecture": "normal cell",
    "run-log": "checkpoint after step",
    "run-configuration": "[data]",
    "run-system": "GPU 0",
}
SCREENS = (
    "runs",
    *TABS,
    *("tags-and-note", "confirmation", "help"),
    *("compare-curves", "compare-table", "compare-differences", "export"),
    *("launch-search", "launch-training"),
    "no-runs",
)


@pytest.fixture
def album(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Album]:
    check_versions(request.config)
    album = Album(update=request.config.getoption(UPDATE), folder=tmp_path)
    with snapshot_runs.frozen_environment():
        yield album


@pytest.fixture
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    def make() -> None:
        with snapshot_runs.frozen_environment():
            snapshot_runs.build_runs()

    with chdir(build_once(tmp_path_factory, "snapshot_runs", make)):
        yield snapshot_runs.RUNS


class Camera:
    """Take pictures of an app: call ``shot`` with the name of each screen."""

    def __init__(self, driver: Driver, shot: Callable[[str], Awaitable[None]]) -> None:
        self.driver, self.shot = driver, shot

    async def take(self, name: str, shows: str) -> None:
        await self.driver.until(lambda: shows in self.driver.shown, shows)
        for line in self.driver.app.screen.query("Input, TextArea"):
            line.cursor_blink = False  # type: ignore[attr-defined]
        await self.shot(name)

    async def go(self, *keys: str, to: str) -> None:
        await self.driver.press(*keys)
        await self.driver.until(lambda: self.driver.screen_name == to, to)


async def walk(camera: Camera) -> None:
    """Visit all screens, as a user would."""
    driver = camera.driver
    await driver.press("g", "down")  # the running search
    await camera.take("runs", "reduction cell")
    await camera.go("enter", to="RunScreen")
    for number, (tab, shows) in enumerate(TABS.items(), 1):
        await driver.press(str(number))
        await camera.take(tab, shows)
    await camera.go("escape", to="RunsScreen")
    await camera.go("e", to="NotesScreen")
    await camera.take("tags-and-note", "third try")
    await camera.go("escape", to="RunsScreen")
    await driver.press("g", "down", "down", "space", "space")  # the failed run, then the stopped one
    await camera.go("D", to="ConfirmScreen")
    await camera.take("confirmation", "Delete these 2 runs")
    await camera.go("n", to="RunsScreen")
    await driver.press("A")
    await camera.go("question_mark", to="HelpScreen")
    await camera.take("help", "Act on runs")
    await camera.go("escape", to="RunsScreen")
    await driver.find("kind=search state!=created state!=failed state!=broken")
    await camera.go("c", to="CompareScreen")
    await camera.take("compare-curves", "super-net accuracy")
    await driver.press("2")
    await camera.take("compare-table", "cifar10")
    await driver.press("3")
    await camera.take("compare-differences", "network.channels")
    await camera.go("x", to="ExportScreen")
    await camera.take("export", "differences.csv")
    await camera.go("escape", to="CompareScreen")
    await camera.go("escape", "escape", to="RunsScreen")
    await driver.press("G")  # a completed search
    await camera.go("n", to="LaunchScreen")
    await camera.take("launch-search", "✓ 1 search")
    await driver.press("ctrl+t")
    await camera.take("launch-training", "✓ 1 training")


@pytest.mark.parametrize("size", SIZES)
def test_every_screen_matches_its_snapshot(runs_dir: Path, album: Album, tmp_path: Path, size: str) -> None:
    async def scenario(driver: Driver) -> None:
        await walk(Camera(driver, lambda name: album.take(driver, f"{name}-{size}")))

    drive(runs_dir, scenario, size=SIZES[size], settings=tmp_path / "settings.json")
    album.check()


def test_empty_folder_matches_its_snapshot(album: Album, tmp_path: Path) -> None:
    for size in SIZES:

        async def look(driver: Driver) -> None:
            camera = Camera(driver, lambda name: album.take(driver, f"{name}-{size}"))  # noqa: B023
            await camera.take("no-runs", "no runs in runs yet")

        drive(snapshot_runs.RUNS, look, size=SIZES[size], settings=tmp_path / f"{size}.json")
    album.check()


async def read(driver: Driver, theme: Theme) -> None:
    """Wait until ``theme`` is in use and all that is written can be read."""
    driver.app.theme = theme.name

    def faint() -> set[tuple[str, str, str]]:
        return {
            (text, ink, paper)
            for text, ink, paper in texts_of(driver)
            if any(map(str.isalnum, text)) and contrast(ink, paper) < LEGIBLE
        }

    def legible() -> bool:
        papers = {paper for _, _, paper in texts_of(driver)}
        return not papers.isdisjoint({theme.background, theme.surface}) and not faint()

    await until(driver.pilot, legible, lambda: f"{driver.screen_name}, {theme.name}: {faint()}", 20)


def test_on_every_screen_what_is_written_stands_out_in_every_theme(runs_dir: Path, tmp_path: Path) -> None:
    async def scenario(driver: Driver) -> None:
        async def in_every_theme(name: str) -> None:
            for theme in (*THEMES[1:], THEMES[0]):
                await read(driver, theme)

        await walk(Camera(driver, in_every_theme))

    with snapshot_runs.frozen_environment():
        drive(runs_dir, scenario, size=SMALL, settings=tmp_path / "settings.json")


def test_no_snapshot_is_unused(request: pytest.FixtureRequest) -> None:
    if request.config.getoption(UPDATE):
        pytest.skip("they are being made")
    pictures = {f"{name}-{size}.svg" for name in SCREENS for size in SIZES}
    assert {path.name for path in FOLDER.iterdir()} == {*pictures, MADE_WITH.name}
