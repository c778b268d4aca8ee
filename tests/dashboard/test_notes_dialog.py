"""The dialog for tags and notes, for one run and for several."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from textual.widgets import Button, Input, TextArea

from entrannas_cli.dashboard.notes_dialog import TagSuggester
from entrannas_cli.store.notes import MAX_NOTE_CHARS, NOTES_FILE, Notes, change_notes, read_notes

from .driver import LARGE, SMALL, Driver, drive, ended_run

SIZES = pytest.mark.parametrize("size", [SMALL, LARGE])


async def open_dialog(driver: Driver) -> None:
    await driver.press("e")
    await driver.until(lambda: driver.screen_name == "NotesScreen", "the dialog")
    await driver.until(lambda: driver.app.screen.query_one(Input).has_focus, "the tags")


async def wait_until_closed(driver: Driver, screen: str = "RunsScreen") -> None:
    await driver.until(lambda: driver.screen_name == screen, "the dialog's end")


@SIZES
def test_saved_notes_show_at_once(tmp_path: Path, size: tuple[int, int]) -> None:
    run = ended_run(tmp_path / "runs", "one")
    change_notes(run, add=["old"])

    async def edit(driver: Driver) -> None:
        await open_dialog(driver)
        assert run.id in driver.shown
        assert driver.app.screen.query_one(Input).value == "old "
        await driver.press(*["backspace"] * 4, *"new, good")
        await driver.press("tab", *"so it goes", "enter", *"[b]x", "ctrl+s")
        await wait_until_closed(driver)
        await driver.until(lambda: driver.notes, "the outcome")
        assert driver.notes == [f"{run.id}: tags good new, note saved"]
        await driver.until(lambda: "good new" in driver.shown, "the tags")
        if size == LARGE:
            assert "so it goes" in driver.shown
            assert "[b]x" in driver.shown

    drive(tmp_path / "runs", edit, size=size)
    assert read_notes(run) == Notes(("good", "new"), "so it goes\n[b]x")


def test_notes_can_be_edited_on_the_run_page(tmp_path: Path) -> None:
    run = ended_run(tmp_path / "runs", "one")

    async def edit(driver: Driver) -> None:
        await driver.press("enter")
        await driver.until(lambda: driver.screen_name == "RunScreen", "the page")
        await driver.until(lambda: driver.app.screen.targets, "the run")  # type: ignore[attr-defined]
        await open_dialog(driver)
        await driver.press(*"wide", "enter")
        await wait_until_closed(driver, "RunScreen")
        await driver.until(lambda: any("wide" in line for line in driver.lines[:5]), "the tag in the head")
        await open_dialog(driver)
        await driver.press("tab", *"text", "ctrl+s")
        await driver.until(lambda: any("text" in line for line in driver.lines[:5]), "the note in the head")

    drive(tmp_path / "runs", edit)
    assert read_notes(run) == Notes(("wide",), "text")


def test_common_tags_of_several_runs_are_edited(tmp_path: Path) -> None:
    runs = [ended_run(tmp_path / "runs", name) for name in ("one", "two", "three")]
    for run in runs:
        change_notes(run, add=["all", "both"], note="kept")
    change_notes(runs[0], add=["own"])

    async def edit(driver: Driver) -> None:
        await driver.press("a")
        await open_dialog(driver)
        screen = driver.app.screen
        assert "Tags of 3 runs" in driver.shown
        assert "own (1 of 3)" in driver.shown
        assert screen.query_one(Input).value == "all both "
        assert not screen.query(TextArea)
        change_notes(runs[1], add=["meanwhile"])  # by someone else
        screen.query_one(Input).value = "both new"
        await driver.press("enter")
        await driver.until(lambda: "3 runs: +new −all" in driver.notes, "the outcome")

    drive(tmp_path / "runs", edit)
    tags = [read_notes(run).tags for run in runs]
    assert tags == [("both", "new", "own"), ("both", "meanwhile", "new"), ("both", "new")]
    assert all(read_notes(run).note == "kept" for run in runs)


def test_invalid_input_is_reported_while_typing(tmp_path: Path) -> None:
    run = ended_run(tmp_path / "runs", "one")

    async def edit(driver: Driver) -> None:
        await open_dialog(driver)
        save = driver.app.screen.query_one("#save", Button)
        await driver.press(*"good [b]")
        await driver.until(lambda: 'tag "[b]" contains an invalid character' in driver.shown, "the fault")
        assert save.disabled
        await driver.press("enter")
        await driver.press("ctrl+s")
        assert driver.screen_name == "NotesScreen"
        await driver.press(*["backspace"] * 3)
        await driver.until(lambda: not save.disabled, "that it may be saved")
        driver.app.screen.query_one(TextArea).text = "x" * (MAX_NOTE_CHARS + 1)
        await driver.until(lambda: f"at most {MAX_NOTE_CHARS}" in driver.shown, "the other fault")
        await driver.press("ctrl+s")
        assert driver.screen_name == "NotesScreen"
        await driver.press("escape")
        await wait_until_closed(driver)
        assert driver.notes == []

    drive(tmp_path / "runs", edit)
    assert not (run.path / NOTES_FILE).exists()


def test_unchanged_notes_are_not_written(tmp_path: Path) -> None:
    run = ended_run(tmp_path / "runs", "one")
    change_notes(run, note="a\x1b[2Jb\r\nc")
    before = (run.path / NOTES_FILE).read_bytes()

    async def look(driver: Driver) -> None:
        await open_dialog(driver)
        assert "a[2Jb" in driver.shown
        await driver.press("ctrl+s")
        await driver.until(lambda: "nothing was changed" in driver.notes, "the outcome")

    drive(tmp_path / "runs", look)
    assert (run.path / NOTES_FILE).read_bytes() == before


def test_failed_save_is_reported(tmp_path: Path) -> None:
    broken, gone = ended_run(tmp_path / "runs", "broken"), ended_run(tmp_path / "runs", "gone")
    (broken.path / NOTES_FILE).write_text("{")

    async def edit(driver: Driver) -> None:
        await driver.find("broken")
        await driver.press("e")
        await driver.until(lambda: any("notes.json" in note for note in driver.notes), "the fault")
        assert driver.screen_name == "RunsScreen"
        await driver.press("escape")
        await driver.find("gone")
        await open_dialog(driver)
        await driver.press(*"late")
        shutil.rmtree(gone.path)
        await driver.press("enter")
        await driver.until(lambda: any("can't be read" in note for note in driver.notes), "the other fault")
        await driver.press("e")
        await driver.until(lambda: any("no run" in note for note in driver.notes) or not driver.ids, "none")

    drive(tmp_path / "runs", edit)
    assert (broken.path / NOTES_FILE).read_text() == "{"
    assert not gone.path.exists()


def test_low_screen_shows_the_line_being_typed(tmp_path: Path) -> None:
    ended_run(tmp_path / "runs", "one")

    async def edit(driver: Driver) -> None:
        await driver.pilot.resize_terminal(20, 5)
        await open_dialog(driver)
        await driver.press(*"seen")
        await driver.until(lambda: "seen" in driver.shown, "what was typed")

    drive(tmp_path / "runs", edit)


def test_readonly_has_no_notes_dialog(tmp_path: Path) -> None:
    ended_run(tmp_path / "runs", "one")

    async def look(driver: Driver) -> None:
        await driver.press("e")
        await driver.press("question_mark")  # opens after whatever "e" might have opened
        assert driver.screen_name == "HelpScreen"
        assert "tags and note" not in driver.shown

    drive(tmp_path / "runs", look, size=(100, 90), readonly=True)


@pytest.mark.parametrize(
    ("typed", "whole"),
    [("ba", "baseline"), ("good, ba", "good, baseline"), ("x", None), ("", None), ("baseline", None)],
)
def test_last_word_is_completed(typed: str, whole: str | None) -> None:
    assert asyncio.run(TagSuggester(["baseline", "good"]).get_suggestion(typed)) == whole
