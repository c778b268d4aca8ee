"""The Runs screen: what it shows, and that it goes on whatever happens to the runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from textual.strip import Strip

from entrannas_cli.dashboard.run_details import RunDetails
from entrannas_cli.store.session import RunSession
from tests.results.generated import make_runs

from .driving import LARGE, SMALL, Driver, drive, ended, made


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    """Three runs, a second apart."""
    folder = tmp_path / "runs"
    ended(folder, "first", weight_loss=0.5, supernet_accuracy=0.80, method="entrannas-dst")
    ended(folder, "second", "failed", weight_loss=0.1)
    made(folder, "third")
    return folder


def names(driver: Driver) -> list[str]:
    return [identifier.rpartition("-")[2] for identifier in driver.ids]


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_every_run_is_a_line_with_its_state_and_figures(runs_dir: Path, size: tuple[int, int]) -> None:
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
def test_beside_the_table_stands_the_run_under_the_cursor(runs_dir: Path, size: tuple[int, int]) -> None:
    async def look(driver: Driver) -> None:
        await driver.find("second")
        await driver.until(lambda: "because of the test" in driver.shown, "the reason")

    drive(runs_dir, look, size=size)


def test_the_cells_are_shown_once_the_cursor_rests(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", 4)

    async def look(driver: Driver) -> None:
        await driver.press("G")
        await driver.until(lambda: "normal cell, 8 connections" in driver.shown, "the cells")
        assert "2 ← 0 sep3, 1 sep3" in driver.shown

    drive(tmp_path / "runs", look, size=LARGE)


def test_curves_are_drawn_where_there_is_room(runs_dir: Path) -> None:
    run = made(runs_dir, "curved")
    with RunSession(run) as session:
        for step in range(1, 20):
            session.write_step({"step": step, "epoch": 1, "weight_loss": 1 / step})
        session.finish("completed")

    async def look(driver: Driver) -> None:
        await driver.find("curved")
        await driver.until(lambda: "0.053" in driver.shown, "the last loss in the chart's heading")

    drive(runs_dir, look, size=LARGE)


def test_a_run_that_starts_elsewhere_appears_and_the_cursor_stays_with_its_run(runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        await driver.press("j", "space")
        before, marked = driver.current, driver.table.marked
        made(runs_dir, "fourth")
        await driver.until(lambda: "fourth" in names(driver), "the new run")
        assert driver.current == before
        assert driver.table.marked == marked
        assert "4 runs" in driver.lines[0]

    drive(runs_dir, look)


def test_the_line_of_the_cursor_stays_where_it_is_when_runs_appear_above(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", 40)

    async def look(driver: Driver) -> None:
        await driver.press("G", *["k"] * 5)
        before = driver.current
        line = next(n for n, line in enumerate(driver.lines) if "›" in line[:3])
        made(tmp_path / "runs", "newest")
        await driver.until(lambda: len(driver.ids) == 41, "the new run")
        await driver.pilot.pause()
        assert driver.current == before
        assert "›" in driver.lines[line][:3]

    drive(tmp_path / "runs", look)


def test_a_running_run_moves(runs_dir: Path) -> None:
    run = made(runs_dir, "moving")

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


def test_a_click_on_a_heading_sorts(runs_dir: Path) -> None:
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


def test_columns_without_room_are_reached_to_the_right(runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        assert "method" not in driver.lines[1]
        assert driver.lines[1].rstrip().endswith("›")
        await driver.press(*["l"] * 8)
        assert "tags" in driver.lines[1]
        assert "first" in driver.shown, "the run's column stays"
        await driver.press(*["h"] * 8)
        assert "state" in driver.lines[1]

    drive(runs_dir, look)


def test_the_filter_narrows_as_one_types_and_escape_ends_it(runs_dir: Path) -> None:
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


def test_marks_are_counted_and_taken_away(runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        await driver.press("space", "space")
        assert "2 marked" in driver.lines[0]
        await driver.press("a")
        assert "3 marked" in driver.lines[0]
        await driver.press("A")
        assert "marked" not in driver.lines[0]

    drive(runs_dir, look)


def test_a_missing_folder_is_no_error_and_fills_by_itself(tmp_path: Path) -> None:
    async def look(driver: Driver) -> None:
        assert "no runs in" in driver.shown
        assert "press n to start one" in driver.shown
        await driver.press("enter", "S", "D", "y", "j", "G")
        made(tmp_path / "later", "first")
        await driver.until(lambda: names(driver) == ["first"], "the run")

    drive(tmp_path / "later", look)


def test_the_folder_may_go_while_it_is_shown(runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        await driver.press("j")
        shutil.rmtree(runs_dir)
        await driver.until(lambda: not driver.ids, "the end of the runs")
        await driver.until(lambda: driver.app.screen.query_one(RunDetails)._run is None, "an empty pane")
        made(runs_dir, "again")
        await driver.until(lambda: names(driver) == ["again"], "the new folder")

    drive(runs_dir, look, size=LARGE)


def test_a_run_deleted_under_the_cursor_leaves_it_on_the_next(runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        await driver.press("j")
        before, below = driver.ids[1], driver.ids[2]
        shutil.rmtree(runs_dir / before)
        await driver.until(lambda: len(driver.ids) == 2, "the deletion")
        assert driver.current == below

    drive(runs_dir, look)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_small_terminal_and_back(runs_dir: Path, size: tuple[int, int]) -> None:
    async def look(driver: Driver) -> None:
        await driver.press("G")
        before = driver.current
        for small in ((20, 5), (1, 1), size):
            await driver.pilot.resize_terminal(*small)
            await driver.pilot.pause(0.1)
        assert driver.current == before
        assert any("›" in line[:3] for line in driver.lines)

    drive(runs_dir, look, size=size)


def test_broken_runs_are_lines_with_their_reason(runs_dir: Path) -> None:
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


def test_text_from_files_is_shown_as_it_stands(runs_dir: Path) -> None:
    ended(
        runs_dir,
        "odd",
        method="[red]dst[/]\x1b[31m",
        weight_loss=1.0,
        warnings=["[bold]collapse[/bold] \x1b[0m"],
    )
    ended(runs_dir, "bad", "failed")
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


def test_the_page_of_a_run_follows_it_and_outlives_it(runs_dir: Path) -> None:
    run = made(runs_dir, "shown")

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


def test_nothing_is_drawn_while_nothing_changes(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", 20)

    async def look(driver: Driver) -> None:
        await driver.pilot.pause(0.5)
        drawn: list[int] = []
        render = driver.table.render_line

        def noted(y: int) -> Strip:
            drawn.append(y)
            return render(y)

        driver.table.render_line = noted  # type: ignore[method-assign]
        for _ in range(20):  # it may take a while until all is there, but then it rests
            drawn.clear()
            await driver.pilot.pause(1.5)
            if not drawn:
                break
        assert drawn == []
        await driver.press("j")
        assert len(set(drawn)) == 2, "a step of the cursor draws two lines"

    drive(tmp_path / "runs", look)


def test_a_thousand_runs_cost_a_screenful(tmp_path: Path) -> None:
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
