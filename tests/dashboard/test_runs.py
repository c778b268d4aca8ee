"""The Runs screen: what it shows, and that it survives whatever happens to the runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from textual.strip import Strip

from entrannas_cli.dashboard.run_details import RunDetails
from entrannas_cli.store.session import RunSession
from tests.results.generated import make_runs

from .driver import LARGE, SMALL, Driver, drive, ended_run, new_run


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    """Create three runs, one second apart."""
    folder = tmp_path / "runs"
    ended_run(folder, "first", weight_loss=0.5, supernet_accuracy=0.80, method="entrannas-dst")
    ended_run(folder, "second", "failed", weight_loss=0.1)
    new_run(folder, "third")
    return folder


def names(driver: Driver) -> list[str]:
    return [identifier.rpartition("-")[2] for identifier in driver.ids]


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_each_run_is_a_row_with_state_and_metrics(runs_dir: Path, size: tuple[int, int]) -> None:
    async def look(driver: Driver) -> None:
        assert sorted(names(driver)) == ["first", "second", "third"]
        line = next(line for line in driver.lines if "first" in line and "completed" in line)
        assert "0.500" in line
        assert "80.0" in line
        assert any("failed" in line for line in driver.lines)
        assert "3 runs" in driver.lines[0]
        assert "Filter" in driver.lines[-1]
        assert "Quit" in driver.lines[-1]

    drive(runs_dir, look, size=size)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_details_of_the_selected_run_are_beside_the_table(runs_dir: Path, size: tuple[int, int]) -> None:
    async def look(driver: Driver) -> None:
        await driver.find("second")
        await driver.until(lambda: "because of the test" in driver.shown, "the reason")

    drive(runs_dir, look, size=size)


def test_cells_appear_once_the_cursor_rests(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", 4)

    async def look(driver: Driver) -> None:
        await driver.press("G")
        await driver.until(lambda: "normal cell, 8 connections" in driver.shown, "the cells")
        assert "2 ← 0 sep3, 1 sep3" in driver.shown

    drive(tmp_path / "runs", look, size=LARGE)


def test_curves_are_drawn_where_they_fit(runs_dir: Path) -> None:
    run = new_run(runs_dir, "curved")
    with RunSession(run) as session:
        for step in range(1, 20):
            session.write_step({"step": step, "epoch": 1, "weight_loss": 1 / step})
        session.finish("completed")

    async def look(driver: Driver) -> None:
        await driver.find("curved")
        await driver.until(lambda: "0.053" in driver.shown, "the last loss in the chart's heading")

    drive(runs_dir, look, size=LARGE)


def test_new_run_appears_and_the_cursor_stays_on_its_run(runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        await driver.press("j", "space")
        before, marked = driver.current, driver.table.marked
        new_run(runs_dir, "fourth")
        await driver.until(lambda: "fourth" in names(driver), "the new run")
        assert driver.current == before
        assert driver.table.marked == marked
        assert "4 runs" in driver.lines[0]

    drive(runs_dir, look)


def test_cursor_row_stays_in_place_when_runs_appear_above(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", 40)

    async def look(driver: Driver) -> None:
        await driver.press("G", *["k"] * 5)
        before = driver.current
        line = next(n for n, line in enumerate(driver.lines) if "›" in line[:3])
        new_run(tmp_path / "runs", "newest")
        await driver.until(lambda: len(driver.ids) == 41, "the new run")
        await driver.pilot.pause()
        assert driver.current == before
        assert "›" in driver.lines[line][:3]

    drive(tmp_path / "runs", look)


def test_running_run_is_updated(runs_dir: Path) -> None:
    run = new_run(runs_dir, "moving")

    async def look(driver: Driver) -> None:
        with RunSession(run, epochs=4, steps=8) as session:
            await driver.until(lambda: "1 running" in driver.lines[0], "the state")
            session.set_progress(epoch=2, step=4)
            session.update_summary({"weight_loss": 0.25})
            await driver.until(lambda: "2/4" in driver.shown and "0.250" in driver.shown, "the progress")
            session.finish("completed")
        await driver.until(lambda: "1 running" not in driver.lines[0], "the end")

    drive(runs_dir, look)


def test_sorting_by_a_key_is_remembered(runs_dir: Path, tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"

    async def sort(driver: Driver) -> None:
        await driver.press("s")
        assert driver.screen_name == "SortScreen"
        await driver.press("home", "j", "j", "enter")  # state, epoch, loss
        assert names(driver) == ["second", "first", "third"]
        await driver.press("r")
        assert names(driver) == ["first", "second", "third"], "what has no loss stays at the end"

    async def again(driver: Driver) -> None:
        assert names(driver) == ["first", "second", "third"]

    drive(runs_dir, sort, settings=settings)
    drive(runs_dir, again, settings=settings)


def test_clicking_a_heading_sorts(runs_dir: Path) -> None:
    async def click(driver: Driver) -> None:
        column = driver.lines[1].index("loss")
        await driver.pilot.click("RunTable", offset=(column + 1, 0))
        await driver.pilot.pause()
        assert names(driver) == ["second", "first", "third"]
        await driver.pilot.click("RunTable", offset=(column + 1, 0))
        await driver.pilot.pause()
        assert names(driver) == ["first", "second", "third"]

    drive(runs_dir, click)


def test_columns_are_chosen_and_remembered(runs_dir: Path, tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"

    async def choose(driver: Driver) -> None:
        assert "epoch" in driver.lines[1]
        await driver.press("C", "home", "j", "space", "escape")
        assert "epoch" not in driver.lines[1]

    async def again(driver: Driver) -> None:
        assert "epoch" not in driver.lines[1]
        assert "state" in driver.lines[1]

    drive(runs_dir, choose, settings=settings)
    drive(runs_dir, again, settings=settings)


def test_hidden_columns_are_reached_by_scrolling_right(runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        assert "method" not in driver.lines[1]
        assert driver.lines[1].rstrip().endswith("›")
        await driver.press(*["l"] * 8)
        assert "tags" in driver.lines[1]
        assert "first" in driver.shown, "the run's column stays"
        await driver.press(*["h"] * 8)
        assert "state" in driver.lines[1]

    drive(runs_dir, look)


def test_filter_applies_while_typing_and_escape_clears_it(runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        await driver.press("slash", *"loss", "less_than_sign", *"0.2")
        assert names(driver) == ["second"]
        assert "1 of 3 runs" in driver.lines[0]
        await driver.type(" x=1")
        assert "no such column" in driver.shown
        await driver.press("escape")
        await driver.press("escape")
        assert len(driver.ids) == 3
        await driver.find("zz")
        assert "none of 3 runs matches" in driver.shown

    drive(runs_dir, look)


def test_marks_are_counted_and_cleared(runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        await driver.press("space", "space")
        assert "2 marked" in driver.lines[0]
        await driver.press("a")
        assert "3 marked" in driver.lines[0]
        await driver.press("A")
        assert "marked" not in driver.lines[0]

    drive(runs_dir, look)


def test_missing_folder_is_not_an_error_and_is_picked_up_later(tmp_path: Path) -> None:
    async def look(driver: Driver) -> None:
        assert "no runs in" in driver.shown
        assert "press n to start one" in driver.shown
        await driver.press("enter", "S", "D", "y", "j", "G")
        new_run(tmp_path / "later", "first")
        await driver.until(lambda: names(driver) == ["first"], "the run")

    drive(tmp_path / "later", look)


def test_folder_may_disappear_while_shown(runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        await driver.press("j")
        shutil.rmtree(runs_dir)
        await driver.until(lambda: not driver.ids, "the end of the runs")
        await driver.until(lambda: driver.app.screen.query_one(RunDetails)._run is None, "an empty pane")
        new_run(runs_dir, "again")
        await driver.until(lambda: names(driver) == ["again"], "the new folder")

    drive(runs_dir, look, size=LARGE)


def test_deleting_the_selected_run_selects_the_next_one(runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        await driver.press("j")
        before, below = driver.ids[1], driver.ids[2]
        shutil.rmtree(runs_dir / before)
        await driver.until(lambda: len(driver.ids) == 2, "the deletion")
        assert driver.current == below

    drive(runs_dir, look)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_terminal_becomes_small_and_large_again(runs_dir: Path, size: tuple[int, int]) -> None:
    async def look(driver: Driver) -> None:
        await driver.press("G")
        before = driver.current
        for small in ((20, 5), (1, 1), size):
            await driver.pilot.resize_terminal(*small)
            await driver.pilot.pause(0.1)
        assert driver.current == before
        assert any("›" in line[:3] for line in driver.lines)

    drive(runs_dir, look, size=size)


def test_broken_runs_show_the_reason(runs_dir: Path) -> None:
    (runs_dir / "20261124-120000-cut").mkdir()
    (runs_dir / "20261124-120000-cut" / "status.json").write_text('{"state": "runn')

    async def look(driver: Driver) -> None:
        await driver.find("broken")
        assert names(driver) == ["cut"]
        assert "status.json: not JSON" in driver.shown
        await driver.press("enter")
        await driver.until(
            lambda: driver.screen_name == "RunScreen" and "not JSON" in driver.shown, "the page"
        )

    drive(runs_dir, look)


def test_text_from_files_is_shown_verbatim(runs_dir: Path) -> None:
    ended_run(
        runs_dir,
        "odd",
        method="[red]dst[/]\x1b[31m",
        weight_loss=1.0,
        warnings=["[bold]collapse[/bold] \x1b[0m"],
    )
    ended_run(runs_dir, "bad", "failed")
    (runs_dir / "[b]20261124[@click=app.quit]").mkdir()

    async def look(driver: Driver) -> None:
        assert any("[b]20261124" in line for line in driver.lines)
        await driver.find("odd")
        await driver.until(lambda: "[bold]collapse[/bold] \\x1b[0m" in driver.shown, "the warning")
        assert "[red]dst[/]\\x1b[31m" in driver.shown
        await driver.press("enter", "3")
        await driver.until(
            lambda: "[bold]collapse[/bold] \\x1b[0m" in driver.shown, "the warning on the page"
        )
        assert "\x1b" not in driver.shown

    drive(runs_dir, look, size=LARGE)


def test_run_page_follows_its_run_and_survives_its_deletion(runs_dir: Path) -> None:
    run = new_run(runs_dir, "shown")

    async def look(driver: Driver) -> None:
        await driver.find("shown")
        await driver.press("enter")
        await driver.until(lambda: driver.screen_name == "RunScreen" and "seed" in driver.shown, "the page")
        with RunSession(run) as session:
            await driver.until(lambda: "running" in driver.shown, "the state on the page")
            session.finish("completed")
        await driver.until(lambda: "completed" in driver.shown, "the end on the page")
        shutil.rmtree(run.path)
        await driver.until(lambda: "this run is gone" in driver.lines[0], "that it is gone")
        assert "seed" in driver.shown
        await driver.press("escape")
        assert driver.screen_name == "RunsScreen"

    drive(runs_dir, look)


def test_nothing_is_redrawn_without_changes(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", 20)

    async def look(driver: Driver) -> None:
        await driver.pilot.pause(0.5)
        drawn: list[int] = []
        render = driver.table.render_line

        def noted(y: int) -> Strip:
            drawn.append(y)
            return render(y)

        driver.table.render_line = noted  # type: ignore[method-assign]
        for _ in range(20):  # loading may take a while, but then nothing may change
            drawn.clear()
            await driver.pilot.pause(1.5)
            if not drawn:
                break
        assert drawn == []
        await driver.press("j")
        assert len(set(drawn)) == 2, "a step of the cursor draws two lines"

    drive(tmp_path / "runs", look)


def test_thousand_runs_render_only_the_visible_rows(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", 1000)

    async def look(driver: Driver) -> None:
        assert len(driver.ids) == 1000
        drawn: list[int] = []
        row = driver.table._row

        def noted(index: int) -> Strip:
            drawn.append(index)
            return row(index)

        driver.table._row = noted  # type: ignore[method-assign]
        await driver.press("pagedown", "pagedown", "G")
        assert driver.current == driver.ids[-1]
        assert 0 < len(drawn) < 150, "no more than a few screenfuls are made"

    drive(tmp_path / "runs", look)
