"""The Run screen with real run directories."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from rich.style import Style
from textual.pilot import Pilot
from textual.widgets import Static, TabbedContent

from entrannas_cli.dashboard.chart import ChartView
from entrannas_cli.dashboard.run import screen
from entrannas_cli.dashboard.run.cells_tab import CellsTab
from entrannas_cli.dashboard.run.charts_tab import ChartsTab
from entrannas_cli.dashboard.run.heat_map import edge_names, heat_map, usable
from entrannas_cli.dashboard.run.time_left import left_text, seconds_left
from entrannas_cli.dashboard.settings import SettingsFile
from entrannas_cli.dashboard.watch_app import WatchApp
from entrannas_cli.monitor.run_metrics import RunMetrics
from entrannas_cli.spaces.published import PUBLISHED
from entrannas_cli.store.create import create_run
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession
from entrannas_cli.store.status import Status

from .driver import LARGE, SMALL, new_run, press, until

WEIGHTS = [[0.1, 0.6, 0.3], [0.95, 0.03, 0.02]]


class WatchDriver:
    """The app, its keyboard, and the text on its screen."""

    def __init__(self, app: WatchApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def shown(self) -> str:
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in line) for line in strips)

    @property
    def charts(self) -> dict[str, ChartView]:
        """Visible charts by title."""
        return {one.chart.title: one for one in self.app.screen.query(ChartView) if one.display}

    def steps(self, title: str, name: str) -> list[float]:
        if title not in self.charts:
            return []
        lines = {line.name: line for line in self.charts[title].chart.lines}
        return list(lines[name].trace.x) if name in lines else []

    async def press(self, *keys: str) -> None:
        await press(self.pilot, *keys)

    async def until(self, condition: Callable[[], object], what: str, seconds: float = 60) -> None:
        await until(self.pilot, condition, lambda: f"waited {seconds} s for {what}:\n{self.shown}", seconds)


def watch(
    run: Run,
    scenario: Callable[[WatchDriver], Awaitable[None]],
    *,
    size: tuple[int, int] = SMALL,
    **more: bool,
) -> None:
    async def main() -> None:
        app = WatchApp(run, settings=SettingsFile(run.path.parent.parent / "settings.json"), **more)
        async with app.run_test(size=size) as pilot:
            await scenario(WatchDriver(app, pilot))

    asyncio.run(main())


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def step_row(step: int, loss: float = 0.5) -> dict[str, object]:
    return {
        **{"step": step, "epoch": 1, "weight_loss": loss, "architecture_loss": 2 * loss, "temperature": 5.0},
        **{"sparsity_normal": 0.25, "sparsity_reduce": 0.5, "accuracy": 0.3},
    }


def epoch_row(step: int, epoch: int) -> dict[str, object]:
    return {
        **{"step": step, "epoch": epoch, "supernet_accuracy": 0.8, "derived_accuracy": 0.7, "gap": 0.1},
        **{"weights_normal": WEIGHTS, "weights_reduce": WEIGHTS, "operations_normal": {"skip_connect": 7}},
    }


def make_search(runs_dir: Path, name: str, cells: tuple[str, ...] = ("DARTS_V2", "PC_DARTS_cifar")) -> Run:
    """Create a search of eight steps that derived ``cells``."""
    run = new_run(runs_dir, name)
    with RunSession(run, epochs=2, steps=8) as session:
        session.begin_attempt(1)
        for step in range(1, 9):
            session.write_step(step_row(step))
        for n, cell in enumerate(cells):
            session.write_genotype(2 * n + 1, 1, PUBLISHED[cell])
        session.write_epoch(epoch_row(4, 1))
        session.log("the first line\nthe second [bold]line\x1b[2J")
        session.update_summary(
            {"method": "darts", "space": "standard", "warnings": ["signs of a [collapse]"]}
        )
        session.set_progress(2, 8)
        session.finish("completed")
    return run


def test_search_shows_its_details_and_curves(runs_dir: Path) -> None:
    run = make_search(runs_dir, "one")

    async def scenario(it: WatchDriver) -> None:
        await it.until(lambda: len(it.charts) == 5, "the charts")
        assert set(it.charts) == {"loss", "accuracy", "sparsity", "consistency gap", "temperature"}
        assert it.steps("loss", "architecture") == list(range(1, 9))
        assert it.steps("accuracy", "derived") == [4]
        await it.until(lambda: "architecture 1" in it.shown, "a chart on the screen")
        for text in (run.id, "completed", "epoch 2 of 2", "step 8 of 8", "darts · standard"):
            assert text in it.shown
        # two columns only where they fit
        regions = [chart.region for chart in it.charts.values()]
        assert (regions[0].y == regions[1].y) is (it.app.size.width > 120)

    for size in (SMALL, LARGE):
        watch(run, scenario, size=size)


def test_chart_fills_the_screen_and_escape_restores_the_others(runs_dir: Path) -> None:
    run = make_search(runs_dir, "one")

    async def scenario(it: WatchDriver) -> None:
        await it.until(lambda: len(it.charts) == 5, "the charts")
        before = 11  # rows per chart in one column
        await it.until(lambda: it.charts["loss"].region.height == before, "the room for each")
        await it.press("f")
        await it.until(lambda: list(it.charts) == ["loss"], "one chart")
        await it.until(lambda: it.charts["loss"].region.height > before, "it to grow")
        await it.press("f")  # the focused chart asks for full screen
        await it.until(lambda: len(it.charts) == 5, "all charts")
        await it.until(lambda: it.charts["loss"].region.height == before, "the size it had")
        await it.press("tab", "f")
        part = it.app.screen.query_one(ChartsTab)
        assert part.has_class("-full")
        await it.press("escape")
        assert not part.has_class("-full")

    watch(run, scenario)


def test_new_steps_appear_and_resumed_steps_are_not_repeated(runs_dir: Path) -> None:
    run = new_run(runs_dir, "live")

    async def scenario(it: WatchDriver) -> None:
        with RunSession(run, epochs=2, steps=20) as session:
            session.begin_attempt(1)
            await it.until(lambda: "no metrics yet" in it.shown, "the note")
            session.write_step(step_row(1))
            await it.until(lambda: it.steps("loss", "training") == [1], "the first step")
            for step in (2, 3, 4):
                session.write_step(step_row(step, loss=9.0))
                session.write_genotype(step, 1, PUBLISHED["DARTS_V2"])
            await it.until(lambda: it.steps("loss", "training") == [1, 2, 3, 4], "more")
            await it.until(lambda: "step 4 of 20" in it.shown, "the progress")
            session.finish("stopped", "because of the test")
        await it.until(lambda: "because of the test" in it.shown, "the reason")
        with RunSession(run, epochs=2, steps=20) as session:
            session.begin_attempt(3)
            session.write_step(step_row(3, loss=1.0))
            await it.until(lambda: it.steps("loss", "training") == [1, 2, 3], "what was redone")
            values = it.charts["loss"].chart.lines[0].trace.y
            assert list(values) == [0.5, 9.0, 1.0]
            await it.until(lambda: "attempt 2" in it.shown, "the attempt")
            await it.press("2")
            await it.until(lambda: "1 of 1" in it.shown, "the cells that are left")
            session.finish("stopped", "")

    watch(run, scenario)


def test_nothing_is_redrawn_without_changes(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_search(runs_dir, "one")
    monkeypatch.setattr(screen, "POLL_S", 0.05)
    updates: list[Static] = []
    update = Static.update

    def noted(self: Static, *arguments: Any, **options: Any) -> None:
        updates.append(self)
        update(self, *arguments, **options)

    monkeypatch.setattr(Static, "update", noted)

    async def scenario(it: WatchDriver) -> None:
        await it.until(lambda: len(it.charts) == 5, "the charts")
        for key in "124":
            await it.press(key)
            for _ in range(25):  # loading may take a while, but then nothing may change for eight refreshes
                updates.clear()
                await it.pilot.pause(0.4)
                if not updates:
                    break
            assert updates == [], key

    watch(run, scenario)


def test_slider_moves_through_the_history_and_follows_again(runs_dir: Path) -> None:
    run = make_search(runs_dir, "one", ("DARTS_V2", "PC_DARTS_cifar", "DARTS_V2"))

    async def scenario(it: WatchDriver) -> None:
        part = it.app.screen.query_one(CellsTab)
        await it.until(lambda: it.charts, "the run")
        await it.press("2")
        await it.until(lambda: "3 of 3" in it.shown and "normal cell, 8 connections" in it.shown, "the cells")
        newest = it.shown
        await it.press("left_square_bracket")
        await it.until(lambda: "step 3, epoch 1" in it.shown and "2 of 3" in it.shown, "the ones before")
        assert not part.follows
        assert it.shown.split("normal cell", 1)[1] != newest.split("normal cell", 1)[1]
        await it.press("left_curly_bracket", "left_square_bracket")
        await it.until(lambda: "1 of 3" in it.shown, "the first")
        with RunSession(run, epochs=2, steps=20) as session:
            session.write_genotype(9, 2, PUBLISHED["PC_DARTS_cifar"])
            await it.until(lambda: "1 of 4" in it.shown, "the first, still")
            await it.press("right_square_bracket")
            await it.until(lambda: "2 of 4" in it.shown, "the next")
            await it.press("right_curly_bracket")
            await it.until(lambda: "4 of 4" in it.shown and "newest" in it.shown, "the newest")
            session.write_genotype(10, 2, PUBLISHED["DARTS_V2"])
            await it.until(lambda: "5 of 5" in it.shown, "that it follows")
            session.finish("stopped", "")

    watch(run, scenario)


def test_narrow_screen_shows_cells_in_short_form(runs_dir: Path) -> None:
    run = make_search(runs_dir, "one")

    async def scenario(it: WatchDriver) -> None:
        await it.until(lambda: "completed" in it.shown, "the run")
        await it.press("2")
        await it.until(lambda: "2 ← 0 " in it.shown, "the cells")

    watch(run, scenario, size=(40, 20))


def test_architecture_is_legible_without_colours_and_shows_warnings(runs_dir: Path) -> None:
    run = make_search(runs_dir, "one")

    async def scenario(it: WatchDriver) -> None:
        await it.until(lambda: it.charts, "the run")
        await it.press("3")
        await it.until(lambda: "0→2" in it.shown and "skip_connect" in it.shown, "the map")
        assert "! signs of a [collapse]" in it.shown
        row = next(line for line in it.shown.splitlines() if "1→2" in line)
        assert row.split("1→2")[1].split()[:3] == [">9", "0", "0"]

    watch(run, scenario, size=LARGE)


def test_log_can_be_searched_and_is_escaped(runs_dir: Path) -> None:
    run = make_search(runs_dir, "one")

    async def scenario(it: WatchDriver) -> None:
        await it.until(lambda: it.charts, "the run")
        await it.press("slash")
        await it.until(lambda: "the second [bold]line\\x1b[2J" in it.shown, "the log")
        await it.press(*"first")
        await it.until(lambda: "1 of the last" in it.shown and "second" not in it.shown, "what was found")
        assert it.app.screen.query_one(TabbedContent).active == "log"
        await it.press(*"6x")  # while typing, keys of the screen are plain letters
        await it.until(lambda: "no line contains" in it.shown, "that there is none")
        await it.press("escape")
        await it.until(lambda: "second" in it.shown, "all lines")

    watch(run, scenario)


def test_configuration_and_system_tabs(runs_dir: Path) -> None:
    run = make_search(runs_dir, "one")

    async def scenario(it: WatchDriver) -> None:
        await it.until(lambda: it.charts, "the run")
        await it.press("5")
        await it.until(lambda: 'dataset = "digits"' in it.shown, "the configuration")
        await it.press("6")
        await it.until(lambda: "this machine" in it.shown and "not running here" in it.shown, "a sample")

    watch(run, scenario)


def test_deleted_run_stays_visible_and_is_marked_as_gone(runs_dir: Path) -> None:
    run = make_search(runs_dir, "one")

    async def scenario(it: WatchDriver) -> None:
        await it.until(lambda: it.charts, "the run")
        shutil.rmtree(run.path)
        await it.until(lambda: "this run is gone" in it.shown, "that it is gone")
        assert it.steps("loss", "training") == list(range(1, 9))
        await it.press("2")
        await it.until(lambda: "2 of 2" in it.shown, "its cells")
        await it.press("S")  # no run to stop, and no crash
        await it.press("4", "5", "6", "1", "f")
        assert it.app.is_running

    watch(run, scenario)


def test_training_has_its_own_charts(runs_dir: Path) -> None:
    run = create_run(
        runs_dir,
        kind="train",
        space="",
        method="",
        seed=0,
        name="trained",
        files={"config.toml": "seed = 0\n"},
    )
    with RunSession(run, epochs=2, steps=4) as session:
        session.begin_attempt(1)
        for step in range(1, 5):
            session.write_step(
                {"step": step, "epoch": 1, "weight_loss": 1.0, "accuracy": 0.5, "learning_rate": 0.1}
            )
        session.write_epoch({"step": 4, "epoch": 1, "validation_loss": 0.9, "validation_accuracy": 0.6})
        session.finish("completed")

    async def scenario(it: WatchDriver) -> None:
        await it.until(lambda: "learning rate" in it.charts, "the charts")
        assert it.steps("loss", "validation") == [4]
        assert "temperature" not in it.charts
        await it.press("3")
        await it.until(lambda: "no architecture parameters" in it.shown, "the note")
        await it.press("2")
        await it.until(lambda: "no cells" in it.shown, "the other note")

    watch(run, scenario)


def test_run_without_metrics_shows_its_cells(runs_dir: Path) -> None:
    run = new_run(runs_dir, "random", method="random")
    with RunSession(run) as session:
        session.write_genotype(0, 0, PUBLISHED["DARTS_V2"])
        session.finish("completed")

    async def scenario(it: WatchDriver) -> None:
        await it.until(lambda: "this run has no metrics" in it.shown, "the note")
        await it.press("f", "3")
        await it.until(lambda: "no architecture parameters" in it.shown, "the other note")
        await it.press("2")
        await it.until(lambda: "normal cell, 8 connections" in it.shown, "the cells")

    watch(run, scenario)


@pytest.mark.parametrize("damage", ["everything", "status", "empty"])
def test_broken_run_shows_the_reason(runs_dir: Path, damage: str) -> None:
    run = make_search(runs_dir, "broken")
    for file in run.path.iterdir():
        if damage == "empty" and file.is_file():
            file.unlink()
        elif file.is_file() and (damage == "everything" or file.name == "status.json"):
            file.write_bytes(b'{"kind": [[[ \xff\n\x00{}\n')

    async def scenario(it: WatchDriver) -> None:
        await it.until(lambda: "broken" in it.shown or "created" in it.shown, "the state")
        for key in "123456":
            await it.press(key)
        assert it.app.is_running

    watch(run, scenario)


def test_absurd_epoch_is_ignored(runs_dir: Path) -> None:
    run = new_run(runs_dir, "one")
    with RunSession(run, epochs=5) as session:
        session.begin_attempt(1)
        session.write_step({"step": 3, "epoch": 10**400, "weight_loss": 1.0})

        async def look(driver: WatchDriver) -> None:
            await driver.until(lambda: "step 3 of ?" in driver.shown, "the step")
            assert "epoch 0 of 5" in driver.shown

        watch(run, look)


def test_terminal_becomes_tiny_and_large_again(runs_dir: Path) -> None:
    run = make_search(runs_dir, "one")

    async def scenario(it: WatchDriver) -> None:
        await it.until(lambda: it.charts, "the run")
        for key in "134":
            await it.press(key)
            await it.pilot.resize_terminal(20, 5)
            await it.pilot.resize_terminal(*LARGE)
        await it.press("2")
        await it.until(lambda: "reduction cell, 8 connections" in it.shown, "the cells")

    watch(run, scenario)


def test_open_tab_follows_a_running_search(runs_dir: Path) -> None:
    run = new_run(runs_dir, "live")
    (run.path / "config.toml").unlink()

    async def scenario(it: WatchDriver) -> None:
        with RunSession(run, epochs=2, steps=20) as session:
            session.begin_attempt(1)
            await it.until(lambda: "no metrics yet" in it.shown, "the run")
            await it.press("3")
            await it.until(lambda: "no architecture parameters yet" in it.shown, "the note")
            session.write_epoch(epoch_row(4, 1))
            await it.until(lambda: "after step 4, epoch 1" in it.shown and ">9" in it.shown, "the map")
            session.write_epoch({**epoch_row(8, 2), "weights_normal": [[0.1, 0.2, 0.7], [0.3, 0.4, 0.3]]})
            await it.until(lambda: "after step 8, epoch 2" in it.shown and ">7" in it.shown, "the next one")
            session.update_summary({"warnings": ["signs of a collapse"]})
            await it.until(lambda: "! signs of a collapse" in it.shown, "the warning")
            await it.press("5")
            await it.until(lambda: "the configuration cannot be read" in it.shown, "that it isn't there")
            (run.path / "config.toml").write_text('space = "late"\n')
            await it.until(lambda: 'space = "late"' in it.shown, "the configuration")
            await it.press("6")
            await it.until(lambda: "runs as" in it.shown and "nothing yet" in it.shown, "the system")
            session.write_step({"step": 9, "epoch": 3, "weight_loss": 0.5, "images_per_second": 1234.5})
            await it.until(lambda: "1234.5" in it.shown, "the pace")
            session.write_step({"step": 10, "epoch": 3, "weight_loss": 0.5, "images_per_second": 987.5})
            await it.until(lambda: "987.5" in it.shown, "the next one")
            session.finish("stopped", "")
        await it.until(lambda: "ran as" in it.shown and "not running here" in it.shown, "the end")

    watch(run, scenario, size=(120, 60))


@pytest.mark.parametrize("nodes", [1, 4, 7])
def test_threshold_curves_are_named_after_their_nodes(runs_dir: Path, nodes: int) -> None:
    run = new_run(runs_dir, "dst", method="entrannas-dst")
    with RunSession(run, epochs=2, steps=8) as session:
        session.begin_attempt(1)
        for step in range(1, 9):
            both = {
                f"thresholds_{kind}": [step / 100 + n for n in range(nodes)] for kind in ("normal", "reduce")
            }
            session.write_step(step_row(step) | both)
        session.finish("completed")

    async def scenario(it: WatchDriver) -> None:
        await it.until(lambda: len(it.charts) == 5, "loss, sparsity, temperature, both thresholds")
        for kind in ("normal", "reduction"):
            title = f"thresholds of the {kind} cell's nodes"
            names = [line.name for line in it.charts[title].chart.lines]
            assert names == [str(2 + n) for n in range(nodes)]
            assert it.steps(title, names[-1]) == list(range(1, 9))
        await it.until(lambda: it.charts[title].size.height, "room for it")
        it.charts[title].focus()
        last = f"{1 + nodes} " if nodes > 1 else ""  # a single threshold needs no name
        await it.until(lambda: f"{last}{nodes - 1 + 0.08:.3f}" in it.shown, "every node in the legend")

    watch(run, scenario)


def test_help_lists_only_keys_of_this_screen(runs_dir: Path) -> None:
    run = make_search(runs_dir, "one")

    async def scenario(it: WatchDriver) -> None:
        await it.until(lambda: it.charts, "the run")
        await it.press("question_mark")
        await it.until(lambda: "Keys" in it.shown, "the help")
        for here in ("Show one chart alone", "Zoom in", "Search the log", "Quit", "Edit tags and note"):
            assert here in it.shown
        for elsewhere in (
            "filter",
            "Filter",
            "Sort",
            "Mark",
            "columns",
            "one run",
            "the runs",
            "click a run",
        ):
            assert elsewhere not in it.shown, elsewhere

    watch(run, scenario, size=(100, 90))


def test_readonly_disables_the_keys_that_write(runs_dir: Path) -> None:
    run = make_search(runs_dir, "one")

    async def scenario(it: WatchDriver) -> None:
        await it.until(lambda: "read-only" in it.shown, "the run")
        await it.press("D")
        assert "Stop" not in it.shown
        assert len(it.app.screen_stack) == 1

    watch(run, scenario, readonly=True)
    assert run.path.is_dir()


# without the screen


def test_edge_names_follow_the_space() -> None:
    assert edge_names(14) == [f"{i}→{j}" for j in range(2, 6) for i in range(j)]


@pytest.mark.parametrize(
    "value", [None, [], [[]], [[0.1], [0.1, 0.2]], [["a"]], [[2.0]], [[float("nan")]], [[0.1]] * 65]
)
def test_invalid_weights_are_not_drawn(value: object) -> None:
    assert usable(value) is None


def test_heat_map_fits_its_width_and_highlights_large_weights() -> None:
    names = ["max_pool_3x3", "sep_conv_3x3", "conv_1x7_7x1"]
    drawn = heat_map("normal cell", WEIGHTS, names, 40)
    lines = drawn.plain.splitlines()
    assert max(map(len, lines)) <= 40
    assert lines[-1].split() == ["1→2", ">9", "0", "0"]
    papers = {
        drawn.plain[span.start : span.end].strip(): span.style.bgcolor.triplet
        for span in drawn.spans
        if isinstance(span.style, Style) and span.style.bgcolor and span.style.bgcolor.triplet
    }
    assert sum(papers[">9"]) > sum(papers[">6"]) > sum(papers["0"])


def test_time_left_counts_this_attempt_only(runs_dir: Path) -> None:
    run = new_run(runs_dir, "paced")
    rows = [*((n, 1000 + n) for n in (1, 2)), *((n, 90000 + 2 * n) for n in range(3, 11))]
    (run.path / "metrics.jsonl").write_text(
        "".join(f'{{"kind":"step","step":{step},"time":{at}.0}}\n' for step, at in rows)
    )
    course = RunMetrics(run)
    course.read()
    status = Status(state="running", started=89000.0, step=10, steps=20)
    assert seconds_left(course, status) == pytest.approx(20.0)
    assert left_text(course, status) == "20 s left"
    assert seconds_left(course, Status(state="running", started=99999.0, steps=20)) is None
    assert "unknown number of steps" in left_text(course, Status(state="running"))
    assert left_text(course, Status(state="completed", started=1.0, ended=31.0)) == "took 30 s"


def test_watch_needs_a_terminal_and_a_run(runs_dir: Path) -> None:
    run = make_search(runs_dir, "one")
    command = [sys.executable, "-m", "entrannas_cli", "watch", "--runs-dir", str(runs_dir)]
    done = subprocess.run([*command, run.id], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    assert "Traceback" not in done.stderr
    missing = subprocess.run([*command, "nothing"], capture_output=True, text=True, timeout=120, check=False)
    assert missing.returncode == 2
    assert "nothing" in missing.stderr


def test_imports_no_heavy_packages() -> None:
    code = "import entrannas_cli.dashboard.watch_app, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "pandas", "pydantic", "matplotlib", "numpy"} & set(loaded.split())
