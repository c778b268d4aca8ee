"""The Compare screen with real run directories and real exported files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from textual.widgets import Input, TabbedContent

from entrannas_cli.__main__ import main
from entrannas_cli.charts.chart import Line
from entrannas_cli.dashboard.chart import ChartView
from entrannas_cli.dashboard.compare.charts_tab import CompareChartsTab
from entrannas_cli.dashboard.compare.export_screen import ExportScreen
from entrannas_cli.dashboard.compare.grid import ComparisonTable
from entrannas_cli.dashboard.compare.metric_reader import MetricReader
from entrannas_cli.dashboard.compare.overlay import Overlay
from entrannas_cli.dashboard.compare.screen import MAX_RUNS
from entrannas_cli.metrics import METRICS
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession
from tests.results.generated import search_run

from .driver import LARGE, SMALL, Driver, drive, new_run

METHODS = ("darts", "entrannas", "entrannas-dst")


def write_steps(session: RunSession, steps: Sequence[int], loss: float) -> None:
    for step in steps:
        session.write_step({"step": step, "epoch": 1, "weight_loss": loss / step, "sparsity_normal": 0.5})


def make_search(runs_dir: Path, name: str, *, method: str = "darts", seed: int = 0, loss: float = 1.0) -> Run:
    """Create a completed search with curves and a summary."""
    run = new_run(runs_dir, name, method=method, seed=seed)
    with RunSession(run, epochs=2, steps=8) as session:
        write_steps(session, range(1, 9), loss)
        session.write_epoch({"step": 8, "epoch": 1, "supernet_accuracy": 0.8, "gap": 0.1})
        session.update_summary(
            {"method": method, "space": "standard", "seed": seed, "supernet_accuracy": 0.8}
        )
        session.finish("completed")
    return run


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    return [make_search(tmp_path / "runs", f"run-{m}", method=m, seed=n) for n, m in enumerate(METHODS)]


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def charts(driver: Driver) -> dict[str, ChartView]:
    return {one.chart.title: one for one in driver.app.screen.query(ChartView) if one.display}


def lines(driver: Driver, title: str) -> dict[str, Line]:
    chart = charts(driver).get(title)
    return {line.name: line for line in chart.chart.lines} if chart else {}


async def open_compare(driver: Driver, tab: str = "1") -> None:
    await driver.press("c")
    await driver.until(lambda: driver.screen_name == "CompareScreen", "the screen")
    await driver.until(lambda: len(lines(driver, "weight loss")) > 0, "the curves")
    if tab != "1":
        await driver.press(tab)
        await driver.until(lambda: any(result_table(driver).table.rows), "the table")


def result_table(driver: Driver) -> ComparisonTable:
    active = driver.app.screen.query_one(TabbedContent).active
    return driver.app.screen.query_one(f"#{active} ComparisonTable", ComparisonTable)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_each_marked_run_has_a_line_in_its_charts(
    runs: list[Run], runs_dir: Path, size: tuple[int, int]
) -> None:
    (runs[1].path / "metrics.jsonl").write_text('{"kind":"step","step":1,"weight_loss":2.0}\n')

    async def look(driver: Driver) -> None:
        await driver.find("run-")
        await driver.press("g", "space", "space")
        await open_compare(driver)
        await driver.until(lambda: len(lines(driver, "weight loss")) == 2, "two lines")
        assert set(lines(driver, "weight loss")) == {"run-entrannas-dst", "run-entrannas"}
        assert list(lines(driver, "weight loss")["run-entrannas-dst"].trace.x) == list(range(1, 9))
        assert set(charts(driver)) == {
            *("weight loss", "super-net accuracy", "consistency gap", "sparsity, normal cell")
        }
        assert "compare  2 runs" in driver.lines[0]
        assert "● run-entrannas-dst  ▲ run-entrannas" in driver.shown
        assert "Export" in driver.lines[-1]
        assert "Help" in driver.lines[-1]

    drive(runs_dir, look, size=size)


def test_run_has_the_same_style_in_all_charts(runs: list[Run], runs_dir: Path) -> None:
    newest = runs[2].path / "metrics.jsonl"
    newest.write_text('{"kind":"step","step":1,"weight_loss":2.0}\n')

    async def look(driver: Driver) -> None:
        await open_compare(driver)
        await driver.until(lambda: len(lines(driver, "consistency gap")) == 2, "the other chart")
        for title in ("weight loss", "consistency gap"):
            assert lines(driver, title)["run-entrannas"].number == 1

    drive(runs_dir, look, size=LARGE)


def test_without_marks_all_runs_are_compared_if_they_are_few(runs_dir: Path) -> None:
    for seed in range(MAX_RUNS + 1):
        search_run(runs_dir, seed=seed, created=1795515300.0 + seed)

    async def look(driver: Driver) -> None:
        await driver.press("c")
        assert any("too many to compare" in note for note in driver.notes)
        assert driver.screen_name == "RunsScreen"
        await driver.press("a", "c")
        await driver.until(
            lambda: f"first {MAX_RUNS} of {MAX_RUNS + 1} runs" in driver.shown, "what is drawn"
        )
        await driver.press("2")
        await driver.until(lambda: len(result_table(driver).table.rows) == MAX_RUNS + 1, "the table of all")
        await driver.press("escape")
        await driver.find("nothing like it")
        await driver.press("c")
        assert any("no run to compare" in note for note in driver.notes)

    drive(runs_dir, look, size=LARGE)


def test_running_run_is_followed_without_repeating_resumed_steps(runs: list[Run], runs_dir: Path) -> None:
    live = new_run(runs_dir, "run-live", seed=9)

    async def look(driver: Driver) -> None:
        with RunSession(live, epochs=2, steps=20) as session:
            session.begin_attempt(1)
            write_steps(session, range(1, 5), 3.0)
            await driver.until(lambda: "1 running" in driver.lines[0], "the state")
            await open_compare(driver)
            await driver.until(lambda: "run-live" in lines(driver, "weight loss"), "the line")
            write_steps(session, range(5, 9), 3.0)
            await driver.until(lambda: len(lines(driver, "weight loss")["run-live"].trace) == 8, "its growth")
            session.begin_attempt(5)
            write_steps(session, (5, 6), 9.0)
            await driver.until(
                lambda: len(lines(driver, "weight loss")["run-live"].trace) == 6, "the resumed line"
            )
            session.finish("completed")
        await driver.until(lambda: "running" not in driver.lines[0], "its end")

    drive(runs_dir, look)


def test_chart_fills_the_screen_and_escape_goes_back_step_by_step(runs: list[Run], runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        await open_compare(driver)
        await driver.press("f")
        await driver.until(lambda: set(charts(driver)) == {"weight loss"}, "one chart")
        await driver.press("plus", "L", "m", "comma")
        chart = charts(driver)["weight loss"].chart
        assert (chart.window.log, chart.smooth, chart.crosshair is not None) == (True, 5, True)
        await driver.press("escape", "escape")  # leaves the crosshair, then full screen
        await driver.until(lambda: len(charts(driver)) == 4, "all charts")
        await driver.press("escape")
        assert driver.screen_name == "RunsScreen"

    drive(runs_dir, look)


def test_refresh_after_closing_the_screen_does_nothing(runs: list[Run], runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        await open_compare(driver)
        screen = driver.app.screen
        await driver.press("escape")
        assert driver.screen_name == "RunsScreen"
        screen._poll()  # type: ignore[attr-defined]
        await driver.press("j")
        assert driver.screen_name == "RunsScreen"

    drive(runs_dir, look)


def test_charts_are_drawn_once_scrolled_into_view(runs: list[Run], runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        await open_compare(driver)
        await driver.until(lambda: "sparsity, normal cell" in charts(driver), "its place")
        assert not lines(driver, "sparsity, normal cell")
        await driver.press("end")
        await driver.until(lambda: len(lines(driver, "sparsity, normal cell")) == 3, "its lines")

    drive(runs_dir, look)


def test_table_matches_the_command(runs: list[Run], runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        await open_compare(driver, "2")
        assert sorted(row[0] for row in result_table(driver).table.rows) == sorted(run.id for run in runs)
        assert result_table(driver).table.headings[:4] == ("run", "kind", "state", "space")
        assert "Group" in driver.lines[-1]
        first = driver.shown
        await driver.press("right", "right", "right")
        assert driver.shown != first
        assert "kind" not in driver.shown
        firsts = [line[2:40].split()[0] for line in driver.lines if "run-" in line]
        assert sorted(firsts) == sorted(f"run-{method}" for method in METHODS)  # first column stays
        await driver.press("s")
        await driver.until(lambda: driver.screen_name == "ChoiceScreen", "the question")
        await driver.press("down", "enter")  # sort by the first column
        await driver.until(lambda: "▲" in driver.shown, "the arrow")
        assert [row[0] for row in result_table(driver).table.rows] == sorted(run.id for run in runs)
        await driver.press("r")
        await driver.until(lambda: "▼" in driver.shown, "the other arrow")
        assert [row[0] for row in result_table(driver).table.rows] == sorted(
            (run.id for run in runs), reverse=True
        )

    drive(runs_dir, look)


def test_groups_and_published_results(runs: list[Run], runs_dir: Path) -> None:
    make_search(runs_dir, "again", seed=7)

    async def look(driver: Driver) -> None:
        await open_compare(driver, "2")
        await driver.press("g")
        await driver.until(lambda: driver.screen_name == "ChoiceScreen", "the question")
        await driver.press("down", "enter")
        await driver.until(lambda: "by method" in driver.lines[0], "the heading")
        await driver.until(lambda: result_table(driver).table.keys[0] == "method", "the groups")
        assert {row[0]: row[1] for row in result_table(driver).table.rows} == {
            **{"darts": "2", "entrannas": "1", "entrannas-dst": "1"}
        }
        await driver.press("enter")  # a group has no page of its own
        assert any("not one of your runs" in note for note in driver.notes)
        await driver.press("P")
        await driver.until(lambda: any(result_table(driver).table.published), "published rows")
        assert "published" in driver.lines[0]

    drive(runs_dir, look)


def test_enter_opens_the_run_of_the_row(runs: list[Run], runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        await open_compare(driver, "2")
        await driver.press("down")
        chosen = result_table(driver).current
        await driver.press("enter")
        await driver.until(lambda: driver.screen_name == "RunScreen" and chosen in driver.shown, "the page")
        await driver.press("escape")
        assert driver.screen_name == "CompareScreen"

    drive(runs_dir, look)


def test_configuration_tab_shows_only_differences(runs: list[Run], runs_dir: Path) -> None:
    twin = make_search(runs_dir, "twin")

    async def look(driver: Driver) -> None:
        await open_compare(driver, "3")
        assert [row[0] for row in result_table(driver).table.rows] == ["method", "seed"]
        assert set(result_table(driver).table.headings[1:]) == {*(f"run-{m}" for m in METHODS), "twin"}
        await driver.press("escape")
        await driver.find("twin")
        await driver.press("c", "3")
        await driver.until(lambda: "need at least two runs" in driver.shown, "that one is not enough")
        await driver.press("escape", "slash")
        driver.app.screen.query_one("#filter", Input).value = "seed=0"
        await driver.press("enter", "c", "3")
        await driver.until(lambda: "2 runs are the same" in driver.shown, "that nothing differs")

    drive(runs_dir, look)
    assert twin.path.is_dir()


def test_removed_and_broken_runs_are_named_and_the_others_stay(runs: list[Run], runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        await open_compare(driver)
        await driver.until(lambda: len(lines(driver, "weight loss")) == 3, "all lines")
        shutil.rmtree(runs[0].path)
        (runs[1].path / "status.json").write_text('{"state": [bold]')
        await driver.until(
            lambda: "left out: run-darts: its folder is gone" in driver.shown, "the first reason"
        )
        await driver.until(
            lambda: "left out: run-entrannas: status.json" in driver.shown, "the second reason"
        )
        await driver.until(
            lambda: set(lines(driver, "weight loss")) == {"run-entrannas-dst"}, "the one line left"
        )
        await driver.press("2")
        await driver.until(
            lambda: [row[0] for row in result_table(driver).table.rows] == [runs[2].id], "its row"
        )
        shutil.rmtree(runs_dir)
        await driver.until(lambda: "no runs left" in driver.shown, "that there is none")
        await driver.press("1", "3", "x")
        assert any("no runs left" in note for note in driver.notes)
        await driver.press("escape")
        await driver.until(lambda: driver.ids == [], "that the Runs screen, not told meanwhile, knows it too")

    drive(runs_dir, look)


@pytest.mark.parametrize(
    ("tab", "names"),
    [
        ("2", ["comparison.csv", "comparison.md", "comparison.tex"]),
        ("3", ["differences.csv", "differences.md", "differences.tex"]),
    ],
)
def test_export_writes_the_same_file_as_the_command(
    runs: list[Run], runs_dir: Path, tab: str, names: list[str]
) -> None:
    async def look(driver: Driver) -> None:
        await open_compare(driver, tab)
        for n, name in enumerate(names):
            await driver.press("x")
            await driver.until(lambda: driver.screen_name == "ExportScreen", "the dialog")
            await driver.press(*["down", "j"][:n])
            assert name in driver.shown
            assert "3 runs" in driver.shown  # what will be exported
            await driver.press("enter")
            told = f"wrote {Path(name).resolve()}: "
            await driver.until(lambda: any(told in note for note in driver.notes), "the outcome")  # noqa: B023

    drive(runs_dir, look)
    for name in names:
        again = f"again{Path(name).suffix}"
        options = ["--diff"] if tab == "3" else []
        with pytest.raises(SystemExit) as ended:
            main(["compare", "--runs-dir", str(runs_dir), "--output", again, *options])
        assert not ended.value.code
        assert Path(name).read_text() == Path(again).read_text()
        assert len(Path(name).read_text().splitlines()) > 2


def test_export_dialog_settles(runs: list[Run], runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Format and file name follow each other, and settle on what the user chose."""
    told: list[str] = []
    tell = ExportScreen._update_texts

    def noted(dialog: ExportScreen) -> None:
        told.append(dialog._chosen.key)
        tell(dialog)

    monkeypatch.setattr(ExportScreen, "_update_texts", noted)

    async def look(driver: Driver) -> None:
        await driver.press("a", "c", "x")
        await driver.until(lambda: driver.screen_name == "ExportScreen", "the dialog")
        await driver.pilot.pause(0.3)
        assert set(told) == {"html"}
        await driver.pilot.press("up", "up", "down", "up")
        await driver.pilot.pause(0.3)
        assert driver.app.screen.query_one("#file", Input).value == "comparison.md"
        assert len(told) < 20

    drive(runs_dir, look)


def test_export_asks_before_replacing_a_file(runs: list[Run], runs_dir: Path) -> None:
    old = Path("comparison.csv")
    old.write_text("old")

    async def look(driver: Driver) -> None:
        await open_compare(driver, "2")
        await driver.press("x", "enter")
        await driver.until(lambda: driver.screen_name == "AskScreen", "the question")
        await driver.press("enter")  # Enter alone does not replace it
        await driver.until(lambda: driver.screen_name == "ExportScreen", "the dialog again")
        assert old.read_text() == "old"
        await driver.press("enter")
        await driver.until(lambda: driver.screen_name == "AskScreen", "the question")
        await driver.press("y")
        await driver.until(lambda: any(note.startswith("wrote") for note in driver.notes), "the outcome")

    drive(runs_dir, look)
    assert old.read_text().startswith("run,")


def test_export_dialog_rejects_invalid_file_names(runs: list[Run], runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        await open_compare(driver, "2")
        await driver.press("x", "tab")
        line = driver.app.screen.query_one("#file", Input)
        for name, reason in (
            ("nowhere/x.tex", "no folder nowhere"),
            ("x.txt", "unsupported file ext"),
            (" ", "needs a name"),
        ):
            line.value = name
            await driver.press("enter")
            await driver.until(lambda: reason in driver.shown, "the reason")  # noqa: B023
        line.value = "x.tex"
        await driver.until(lambda: "result table of 3 runs" in driver.shown, "what goes out")
        await driver.press("enter")
        await driver.until(lambda: any(note.startswith("wrote") for note in driver.notes), "the outcome")

    drive(runs_dir, look)
    assert r"\begin{tabular}" in Path("x.tex").read_text()  # the format follows the extension


def test_report_is_made_in_a_subprocess(runs_dir: Path) -> None:
    search_run(runs_dir, seed=1)
    run = make_search(runs_dir, "drawn")
    before = set(sys.modules)  # other tests create pages in this process

    async def look(driver: Driver) -> None:
        await open_compare(driver)
        await driver.press("x")
        await driver.until(lambda: "report.html" in driver.shown, "the usual form of curves")
        await driver.press("enter")
        await driver.until(lambda: any(note.startswith("wrote") for note in driver.notes), "the outcome")

    drive(runs_dir, look)
    page = Path("report.html").read_text()
    assert "<html" in page
    assert run.id in page
    assert not {"matplotlib", "jinja2", "entrannas_cli.report.page"} & (set(sys.modules) - before)


def test_report_failure_is_shown(runs: list[Run], runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        await open_compare(driver)
        await driver.press("x")
        await driver.until(lambda: driver.screen_name == "ExportScreen", "the dialog")
        for run in runs:  # after it was loaded
            (run.path / "status.json").write_text("broken")
        await driver.press("enter")
        await driver.until(lambda: any("no run is left" in note for note in driver.notes), "the reason")
        assert driver.app.is_running

    drive(runs_dir, look)
    assert not Path("report.html").exists()


def test_readonly_has_no_export(runs: list[Run], runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        await open_compare(driver, "2")
        assert "read-only" in driver.lines[0]
        assert "Export" not in driver.lines[-1]
        await driver.press("x")
        assert driver.screen_name == "CompareScreen"
        titles = [command.title for command in driver.app.get_system_commands(driver.app.screen)]
        assert "Group" in titles
        assert "Export" not in titles

    drive(runs_dir, look, readonly=True)


def test_terminal_becomes_tiny_and_large_again(runs: list[Run], runs_dir: Path) -> None:
    async def look(driver: Driver) -> None:
        await open_compare(driver)
        for key in "123":
            await driver.press(key)
            await driver.pilot.resize_terminal(20, 5)
            await driver.press("right", "down", "left", "end", "home")
            await driver.pilot.resize_terminal(*LARGE)
        await driver.press("1")
        await driver.until(lambda: len(lines(driver, "consistency gap")) == 3, "the curves")

    drive(runs_dir, look)


def test_text_from_files_is_not_markup(runs_dir: Path) -> None:
    for seed in range(2):
        run = make_search(runs_dir, f"odd-{seed}", seed=seed)
        (run.path / "config.toml").write_text(f'space = "standard"\nmethod = "[bold]{seed}\\u001b[2J"\n')

    async def look(driver: Driver) -> None:
        await open_compare(driver, "3")
        await driver.until(lambda: "[bold]1\\x1b[2J" in driver.shown, "the text itself")

    drive(runs_dir, look)


def test_metrics_are_read_in_portions_until_complete(runs: list[Run]) -> None:
    tracks = MetricReader([run.path for run in runs], frozenset({"weight_loss"}))
    overlay = Overlay(METRICS["weight_loss"])
    while tracks.read(0.001):
        pass
    turns = 1
    while not overlay.update(tracks.all, 0.0):  # no time budget: one line per call
        turns += 1
    assert turns == 4
    assert [len(line.trace) for line in overlay.lines(tracks.all)] == [8, 8, 8]
    assert overlay.update(tracks.all, 0.0)  # nothing new
    assert tracks.all[0].metrics.names("step") == ("weight_loss",)


def test_curves_tab_says_when_there_are_no_metrics(runs_dir: Path) -> None:
    new_run(runs_dir, "waiting")

    async def look(driver: Driver) -> None:
        await driver.press("c")
        await driver.until(lambda: "no metrics yet" in driver.shown, "the note")
        assert not driver.app.screen.query_one(CompareChartsTab).grid.full
        await driver.press("f")  # nothing to enlarge
        assert driver.app.is_running

    drive(runs_dir, look)


def test_imports_no_heavy_packages() -> None:
    code = "import entrannas_cli.dashboard.compare.screen, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "pandas", "pydantic", "matplotlib", "numpy", "jinja2"} & set(loaded.split())
