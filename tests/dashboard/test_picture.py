"""Pictures of cells: really drawn, and given to the program that opens files (one of the test's own)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from entrannas_cli.common.errors import UsageError
from entrannas_cli.figures import open_picture
from entrannas_cli.spaces.published import PUBLISHED
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession

from .driving import Driver, drive, ended, made


def searched(runs_dir: Path, name: str) -> Run:
    """A search that derived other cells at steps 1 and 3."""
    run = made(runs_dir, name)
    with RunSession(run, epochs=1, steps=4) as session:
        session.write_genotype(1, 1, PUBLISHED["DARTS_V2"])
        session.write_genotype(3, 1, PUBLISHED["PC_DARTS_cifar"])
        session.set_progress(1, 4)
        session.finish("completed")
    return run


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A screen, and a program that opens files: it writes down which."""
    folder = tmp_path / "bin"
    folder.mkdir()
    file = tmp_path / "opened"
    opener(folder, f'printf "%s\\n" "$1" >> "{file}"')
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":7")
    return file


def opener(folder: Path, does: str) -> None:
    for name in ("xdg-open", "open"):
        program = folder / name
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)


def test_the_run_under_the_cursor_and_on_its_page_the_cells_that_are_shown(
    tmp_path: Path, opened: Path
) -> None:
    run = searched(tmp_path / "runs", "one")

    async def look(driver: Driver) -> None:
        await driver.press("p")
        await driver.until(lambda: any(note.startswith("opened ") for note in driver.notes), "the picture")
        await driver.press("enter")
        await driver.until(lambda: driver.app.screen.targets, "the page")  # type: ignore[attr-defined]
        await driver.press("2")
        await driver.until(lambda: "2 of 2" in driver.shown, "the cells")
        await driver.press("left_square_bracket", "p")
        await driver.until(
            lambda: len([n for n in driver.notes if n.startswith("opened ")]) == 2, "the other"
        )

    drive(tmp_path / "runs", look)
    last, first = (Path(line) for line in opened.read_text().splitlines())
    assert last.parent == first.parent == Path(os.environ["XDG_CACHE_HOME"]) / "entrannas" / "pictures"
    assert last.name.startswith(f"{run.id}-")
    assert f"{run.id}-step-1-" in first.name
    assert last.read_bytes().startswith(b"\x89PNG")
    command = [sys.executable, "-m", "entrannas_cli", "genotype", "draw", f"{run.path}@1", "-o", "same.png"]
    subprocess.run(command, check=True, capture_output=True)
    assert first.read_bytes() == Path("same.png").read_bytes() != last.read_bytes()


def test_where_nothing_can_show_it_the_place_is_told(
    tmp_path: Path, opened: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched(tmp_path / "runs", "one")
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("SSH_CONNECTION", "a 1 b 2")
    monkeypatch.setattr(open_picture, "MAX_KEPT", 2)
    folder = Path(os.environ["XDG_CACHE_HOME"]) / "entrannas" / "pictures"
    folder.mkdir(parents=True)
    for n in range(5):
        (folder / f"old{n}.png").touch()
        os.utime(folder / f"old{n}.png", (n, n))

    async def look(driver: Driver) -> None:
        await driver.press("p")
        await driver.until(lambda: any("the picture is in" in note for note in driver.notes), "the place")
        (told,) = (note for note in driver.notes if "the picture is in" in note)
        assert "no screen for pictures" in told
        drawn = Path(told.removeprefix("the picture is in ").partition(": ")[0])
        assert {file.name for file in folder.iterdir()} == {drawn.name, "old4.png"}, (
            "it doesn't grow for ever"
        )
        assert driver.app.clipboard == ""

    drive(tmp_path / "runs", look)
    assert not opened.exists()


def test_what_fails_is_told(tmp_path: Path, opened: Path) -> None:
    ended(tmp_path / "runs", "bare")
    searched(tmp_path / "runs", "one")

    async def look(driver: Driver) -> None:
        await driver.find("bare")
        await driver.press("p")
        await driver.until(lambda: any("has no genotype yet" in note for note in driver.notes), "the reason")
        await driver.press("escape")
        opener(tmp_path / "bin", "exit 4")
        await driver.find("one")
        await driver.press("p")
        await driver.until(lambda: any("found no viewer" in note for note in driver.notes), "the failure")

    drive(tmp_path / "runs", look)


def test_many_marked_runs_are_refused(tmp_path: Path, opened: Path) -> None:
    for n in range(6):
        ended(tmp_path / "runs", f"n{n}")

    async def look(driver: Driver) -> None:
        await driver.press("a", "p")
        await driver.until(lambda: driver.notes, "the refusal")
        assert driver.notes == ["6 runs are marked: mark at most 5 to open their pictures"]

    drive(tmp_path / "runs", look)


def test_a_viewer_that_stays_open_is_not_waited_for(
    tmp_path: Path, opened: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opener(tmp_path / "bin", f'echo $$ > "{opened}"; exec sleep 600')
    monkeypatch.setattr(open_picture, "STARTUP_S", 0.5)
    open_picture.open_picture(tmp_path / "any.png")
    deadline = time.monotonic() + 60
    while not (opened.exists() and opened.read_text().strip()):
        assert time.monotonic() < deadline
    os.kill(int(opened.read_text()), 9)  # it lives on


@pytest.mark.parametrize(
    ("platform", "environ", "reason"),
    [
        ("linux", {"DISPLAY": ""}, "neither DISPLAY"),
        ("linux", {"DISPLAY": ":0", "PATH": "/nowhere"}, "xdg-open.*is not installed"),
        ("darwin", {"SSH_CONNECTION": "a 1 b 2"}, "SSH session"),
        ("darwin", {"PATH": "/nowhere"}, "open.*is not installed"),
    ],
)
def test_why_nothing_can_be_shown(platform: str, environ: dict[str, str], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        open_picture.viewer(environ, platform)
