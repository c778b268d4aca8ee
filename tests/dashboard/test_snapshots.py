"""The looks: a picture of each screen, in both themes, on a small and on a large terminal.

The pictures lie in ``snapshots``; any browser shows them. Where a change alters them and is right, look at the new
ones and renew them:

    pytest tests/dashboard/test_snapshots.py --snapshot-update

They hold for the releases of Textual and Rich in ``snapshots/made-with.txt``. With others the tests are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from ..isolation import made_once
from . import scenery
from .driving import LARGE, SMALL, Driver, drive
from .picturing import FOLDER, MADE_WITH, UPDATE, Album, check_versions

SIZES = {"80x24": SMALL, "160x45": LARGE}
LOOKS = ("dark", "light")
TABS = {  # of a run's page: the name of the picture, and a text that there is
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
    with scenery.frozen():
        yield album


@pytest.fixture
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    def make() -> None:
        with scenery.frozen():
            scenery.build()

    with chdir(made_once(tmp_path_factory, "scenery", make)):
        yield scenery.RUNS


class Camera:
    """Takes pictures of a program, in each of ``looks``."""

    def __init__(self, album: Album, driver: Driver, size: str, looks: tuple[str, ...] = LOOKS) -> None:
        self.album, self.driver, self.size, self.looks = album, driver, size, looks

    async def take(self, name: str, shows: str) -> None:
        await self.driver.until(lambda: shows in self.driver.shown, shows)
        for look in self.looks:
            self.driver.app.theme = look
            await self.driver.pilot.pause()
            for line in self.driver.app.screen.query("Input, TextArea"):
                line.cursor_blink = False  # type: ignore[attr-defined]
            await self.album.take(self.driver, f"{name}-{look}-{self.size}")

    async def go(self, *keys: str, to: str) -> None:
        await self.driver.press(*keys)
        await self.driver.until(lambda: self.driver.screen_name == to, to)


async def walk(camera: Camera) -> None:
    """Through all screens, as a user would."""
    driver = camera.driver
    await driver.press("g", "down")  # the running one
    await camera.take("runs", "reduction cell")
    await camera.go("enter", to="RunScreen")
    for number, (tab, shows) in enumerate(TABS.items(), 1):
        await driver.press(str(number))
        await camera.take(tab, shows)
    await camera.go("escape", to="RunsScreen")
    await camera.go("e", to="NotesScreen")
    await camera.take("tags-and-note", "third try")
    await camera.go("escape", to="RunsScreen")
    await driver.press("g", "down", "down", "space", "space")  # the failed one, and the stopped one
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
def test_every_screen_looks_as_it_did(runs_dir: Path, album: Album, tmp_path: Path, size: str) -> None:
    async def scenario(driver: Driver) -> None:
        await walk(Camera(album, driver, size))

    drive(runs_dir, scenario, size=SIZES[size], settings=tmp_path / "settings.json")
    album.check()


def test_an_empty_folder_looks_as_it_did(album: Album, tmp_path: Path) -> None:
    for size in SIZES:

        async def look(driver: Driver) -> None:
            await Camera(album, driver, size).take("no-runs", "no runs in runs yet")  # noqa: B023

        drive(scenery.RUNS, look, size=SIZES[size], settings=tmp_path / f"{size}.json")
    album.check()


def test_high_contrast_looks_as_it_did(runs_dir: Path, album: Album, tmp_path: Path) -> None:
    async def look(driver: Driver) -> None:
        camera = Camera(album, driver, "80x24", ("high-contrast",))
        await driver.press("g", "down")
        await camera.take("runs", "reduction cell")
        await camera.go("enter", to="RunScreen")
        await camera.take("run-curves", TABS["run-curves"])

    drive(runs_dir, look, settings=tmp_path / "settings.json")
    album.check()


def test_no_picture_is_left_over(request: pytest.FixtureRequest) -> None:
    if request.config.getoption(UPDATE):
        pytest.skip("they are being made")
    both = {f"{name}-{look}-{size}.svg" for name in SCREENS for look in LOOKS for size in SIZES}
    more = {f"{name}-high-contrast-80x24.svg" for name in ("runs", "run-curves")}
    assert {path.name for path in FOLDER.iterdir()} == {*both, *more, MADE_WITH.name}
