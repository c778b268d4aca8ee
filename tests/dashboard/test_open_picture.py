"""Pictures of cells: drawn for real, and passed to a fake program that opens files."""

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

from .driver import Driver, drive, ended_run, new_run


def make_search(runs_dir: Path, name: str) -> Run:
    """Create a search that derived different cells at steps 1 and 3."""
    run = new_run(runs_dir, name)
    with RunSession(run, epochs=1, steps=4) as session:
        session.write_genotype(1, 1, PUBLISHED["DARTS_V2"])
        session.write_genotype(3, 1, PUBLISHED["PC_DARTS_cifar"])
        session.set_progress(1, 4)
        session.finish("completed")
    return run


@pytest.fixture
def opened_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Provide a display and an opener that records the files it is given in the returned file."""
    folder = tmp_path / "bin"
    folder.mkdir()
    file = tmp_path / "opened"
    install_opener(folder, f'printf "%s\\n" "$1" >> "{file}"')
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":7")
    return file


def install_opener(folder: Path, does: str) -> None:
    for name in ("xdg-open", "open"):
        program = folder / name
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)


def test_draws_the_selected_run_or_the_cells_on_its_page(tmp_path: Path, opened_files: Path) -> None:
    run = make_search(tmp_path / "runs", "one")

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
    last, first = (Path(line) for line in opened_files.read_text().splitlines())
    assert last.parent == first.parent == Path(os.environ["XDG_CACHE_HOME"]) / "entrannas" / "pictures"
    assert last.name.startswith(f"{run.id}-")
    assert f"{run.id}-step-1-" in first.name
    assert last.read_bytes().startswith(b"\x89PNG")
    command = [sys.executable, "-m", "entrannas_cli", "genotype", "draw", f"{run.path}@1", "-o", "same.png"]
    subprocess.run(command, check=True, capture_output=True)
    assert first.read_bytes() == Path("same.png").read_bytes() != last.read_bytes()


def test_path_is_shown_where_no_viewer_is_available(
    tmp_path: Path, opened_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_search(tmp_path / "runs", "one")
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
    assert not opened_files.exists()


def test_failure_is_reported(tmp_path: Path, opened_files: Path) -> None:
    ended_run(tmp_path / "runs", "bare")
    make_search(tmp_path / "runs", "one")

    async def look(driver: Driver) -> None:
        await driver.find("bare")
        await driver.press("p")
        await driver.until(lambda: any("has no genotype yet" in note for note in driver.notes), "the reason")
        await driver.press("escape")
        install_opener(tmp_path / "bin", "exit 4")
        await driver.find("one")
        await driver.press("p")
        await driver.until(lambda: any("found no viewer" in note for note in driver.notes), "the failure")

    drive(tmp_path / "runs", look)


def test_several_marked_runs_are_rejected(tmp_path: Path, opened_files: Path) -> None:
    for n in range(6):
        ended_run(tmp_path / "runs", f"n{n}")

    async def look(driver: Driver) -> None:
        await driver.press("a", "p")
        await driver.until(lambda: driver.notes, "the refusal")
        assert driver.notes == ["6 runs are marked: mark at most 5 to open their pictures"]

    drive(tmp_path / "runs", look)


def test_does_not_wait_for_the_viewer_to_close(
    tmp_path: Path, opened_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_opener(tmp_path / "bin", f'echo $$ > "{opened_files}"; exec sleep 600')
    monkeypatch.setattr(open_picture, "STARTUP_S", 0.5)
    open_picture.open_picture(tmp_path / "any.png")
    deadline = time.monotonic() + 60
    while not (opened_files.exists() and opened_files.read_text().strip()):
        assert time.monotonic() < deadline
    os.kill(int(opened_files.read_text()), 9)  # the viewer is still running


@pytest.mark.parametrize(
    ("platform", "environ", "reason"),
    [
        ("linux", {"DISPLAY": ""}, "neither DISPLAY"),
        ("linux", {"DISPLAY": ":0", "PATH": "/nowhere"}, "xdg-open.*is not installed"),
        ("darwin", {"SSH_CONNECTION": "a 1 b 2"}, "SSH session"),
        ("darwin", {"PATH": "/nowhere"}, "open.*is not installed"),
    ],
)
def test_reasons_why_no_viewer_is_available(platform: str, environ: dict[str, str], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        open_picture.viewer(environ, platform)
