"""Stop, resume, delete and copy: confirmed, applied to real runs, and reported."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from entrannas_cli.dashboard import actions
from entrannas_cli.dashboard.keys import KEYS
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession

from .driver import LARGE, SMALL, Driver, drive, ended_run, new_run

SIZES = pytest.mark.parametrize("size", [SMALL, LARGE])


def start_session(run: Run) -> threading.Thread:
    """Start a session that works on ``run`` until it is asked to stop."""
    begun = threading.Event()

    def work() -> None:
        with RunSession(run, epochs=4, steps=100) as session:
            step = 0
            begun.set()
            while not session.stop_requested:
                step += 1
                session.write_step({"step": step, "epoch": 1, "weight_loss": 1.0})
                threading.Event().wait(0.01)
            session.finish("stopped", session.stop_reason)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert begun.wait(10)
    return thread


@SIZES
def test_stop_asks_waits_and_reports_the_outcome(tmp_path: Path, size: tuple[int, int]) -> None:
    run = new_run(tmp_path / "runs", "worker")
    thread = start_session(run)

    async def stop(driver: Driver) -> None:
        await driver.until(lambda: "running" in driver.shown, "the run")
        await driver.press("S")
        await driver.until(lambda: driver.screen_name == "ConfirmScreen", "the question")
        assert run.id in driver.shown
        assert run.status().state == "running"
        await driver.press("y")
        await driver.until(lambda: any("stopped at step" in note for note in driver.notes), "the outcome")
        assert any("asked" in note for note in driver.notes)
        await driver.until(lambda: "1 running" not in driver.lines[0], "the new state")

    drive(tmp_path / "runs", stop, size=size)
    thread.join(10)
    assert run.status().state == "stopped"
    assert run.status().reason == "asked by the dashboard"


def test_declining_changes_nothing(tmp_path: Path) -> None:
    run = new_run(tmp_path / "runs", "worker")
    start_session(run)

    async def refuse(driver: Driver) -> None:
        for key, answer in (("S", "n"), ("S", "escape"), ("S", "right"), ("D", "n")):
            await driver.press(key)
            if key == "D":
                await driver.until(lambda: any("is running" in note for note in driver.notes), "the reason")
                assert driver.screen_name == "RunsScreen", "what can't be done isn't asked"
                continue
            await driver.until(lambda: driver.screen_name == "ConfirmScreen", "the question")
            await driver.press(answer)
            if answer == "right":
                await driver.press("enter")
            await driver.until(lambda: driver.screen_name == "RunsScreen", "the end of the question")
        assert run.status().state == "running"

    drive(tmp_path / "runs", refuse)
    (run.path / "stop").touch()


@SIZES
def test_delete_names_the_run_and_needs_more_than_enter(tmp_path: Path, size: tuple[int, int]) -> None:
    kept, gone = ended_run(tmp_path / "runs", "kept"), ended_run(tmp_path / "runs", "gone")

    async def delete(driver: Driver) -> None:
        await driver.find("gone")
        await driver.press("D")
        await driver.until(lambda: driver.screen_name == "ConfirmScreen", "the question")
        assert gone.id in driver.shown
        assert "This cannot be" in driver.shown
        await driver.press("enter")
        assert gone.path.is_dir()
        await driver.press("D")
        await driver.until(lambda: driver.screen_name == "ConfirmScreen", "the question")
        await driver.press("y")
        await driver.until(lambda: f"removed {gone.id}" in driver.notes, "the outcome")
        await driver.press("escape")
        await driver.until(lambda: driver.ids == [kept.id], "the row's end")

    drive(tmp_path / "runs", delete, size=size)
    assert not gone.path.exists()
    assert kept.path.is_dir()


def test_marked_runs_are_deleted_together_and_failures_are_reported(tmp_path: Path) -> None:
    runs = [ended_run(tmp_path / "runs", f"n{n}") for n in range(5)]
    held = new_run(tmp_path / "runs", "held")
    start_session(held)

    async def delete(driver: Driver) -> None:
        await driver.press("a", "D")
        await driver.until(lambda: driver.screen_name == "ConfirmScreen", "the question")
        assert "these 5 runs" in driver.shown
        assert all(run.id in driver.shown for run in runs)
        assert any(held.id in note and "is running" in note for note in driver.notes)
        await driver.press("y")
        await driver.until(lambda: "Delete: done for 5 runs" in driver.notes, "the outcome")
        await driver.until(lambda: driver.ids == [held.id], "the rows' end")
        assert driver.table.marked == {held.id}

    drive(tmp_path / "runs", delete)
    (held.path / "stop").touch()


def test_failed_resume_shows_the_error_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "STARTUP_S", 60.0)  # generous for busy machines
    run = ended_run(tmp_path / "runs", "failing", "stopped")
    (run.path / "config.toml").write_text("space = ")

    async def resume(driver: Driver) -> None:
        await driver.press("R")
        await driver.until(lambda: driver.screen_name == "ConfirmScreen", "the question")
        await driver.press("enter")
        await driver.until(
            lambda: any("failed again" in note and "not valid TOML" in note for note in driver.notes),
            "the failure",
        )

    drive(tmp_path / "runs", resume)


def test_completed_run_can_be_neither_stopped_nor_resumed(tmp_path: Path) -> None:
    ended_run(tmp_path / "runs", "done")

    async def both(driver: Driver) -> None:
        await driver.press("R")
        await driver.until(lambda: any("nothing left to do" in note for note in driver.notes), "the reason")
        await driver.press("S")
        await driver.until(lambda: any("it is completed" in note for note in driver.notes), "the reason")
        assert driver.screen_name == "RunsScreen"

    drive(tmp_path / "runs", both)


def test_actions_work_on_the_run_page(tmp_path: Path) -> None:
    run = ended_run(tmp_path / "runs", "paged")

    async def delete(driver: Driver) -> None:
        await driver.press("enter")
        await driver.until(lambda: driver.screen_name == "RunScreen", "the page")
        await driver.press("y")
        assert driver.app.clipboard == run.id
        await driver.press("D")
        await driver.until(lambda: driver.screen_name == "ConfirmScreen", "the question")
        await driver.press("y")
        await driver.until(lambda: "this run is gone" in driver.lines[0], "its end")
        await driver.press("D")
        await driver.until(lambda: any("no run here" in note for note in driver.notes), "that there is none")

    drive(tmp_path / "runs", delete)


def test_ids_are_copied(tmp_path: Path) -> None:
    runs = [ended_run(tmp_path / "runs", f"n{n}") for n in range(2)]

    async def copy(driver: Driver) -> None:
        await driver.press("y")
        assert driver.app.clipboard == driver.current
        await driver.press("a", "y")
        assert sorted(driver.app.clipboard.split()) == sorted(run.id for run in runs)

    drive(tmp_path / "runs", copy)


@SIZES
def test_readonly_disables_actions_that_write(tmp_path: Path, size: tuple[int, int]) -> None:
    run = new_run(tmp_path / "runs", "worker")
    start_session(run)

    async def look(driver: Driver) -> None:
        assert "read-only" in driver.lines[0]
        assert "Delete" not in driver.lines[-1]
        for place in ("table", "page"):
            if place == "page":
                await driver.press("enter")
                assert "read-only" in driver.lines[0]
                assert "Delete" not in driver.lines[-1]
            for key in ("S", "R", "D", "y"):
                await driver.press(key)
            await driver.pilot.pause(0.2)
            assert driver.screen_name in ("RunsScreen", "RunScreen")
        assert driver.notes == []
        assert driver.app.clipboard == ""
        titles = [command.title for command in driver.app.get_system_commands(driver.app.screen)]
        assert not {"Stop", "Resume", "Delete"} & set(titles)
        await driver.press("question_mark")
        assert all(key.about not in driver.shown for key in KEYS if key.writes and len(key.about) > 20)

    drive(tmp_path / "runs", look, size=size, readonly=True)
    assert run.status().state == "running"
    (run.path / "stop").touch()


def test_command_palette_offers_the_same_actions(tmp_path: Path) -> None:
    ended_run(tmp_path / "runs", "one")

    async def look(driver: Driver) -> None:
        await driver.press("ctrl+p")
        await driver.type("theme: light")
        await driver.pilot.pause(0.3)
        await driver.press("enter")
        await driver.until(lambda: driver.app.theme == "light", "the theme")
        await driver.press("ctrl+p")
        await driver.type("columns")
        await driver.pilot.pause(0.3)
        await driver.press("enter")
        await driver.until(lambda: driver.screen_name == "ColumnsScreen", "the columns")

    drive(tmp_path / "runs", look)
