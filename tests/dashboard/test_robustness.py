"""What the dashboard survives: vanishing folders, tiny terminals, clock jumps, few colours, very long runs."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import TabbedContent

from entrannas_cli.dashboard.chart import ChartView
from entrannas_cli.store.run import METRICS_FILE, Run
from entrannas_cli.store.session import RunSession
from entrannas_cli.store.status import STALE_AFTER_S, STATUS_FILE, process_identity

from ..render.test_live_terminal import Terminal
from .driver import LARGE, SMALL, Driver, drive, ended_run, new_run

TINY = (20, 5)
YEAR = 365 * 86400.0


def make_search(runs_dir: Path, name: str) -> Run:
    """Create a run with content on every tab."""
    run = new_run(runs_dir, name)
    with RunSession(run, epochs=1, steps=20) as session:
        session.begin_attempt(1)
        for step in range(1, 21):
            session.write_step({"step": step, "epoch": 1, "weight_loss": 1 / step})
            session.log(f"line {step}")
        session.write_epoch(
            {"step": 20, "epoch": 1, "weights_normal": [[0.2, 0.8]], "operations_normal": {"skip": 7}}
        )
        session.finish("completed")
    return run


def test_empty_folder_is_explained_and_new_runs_appear(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()

    async def look(driver: Driver) -> None:
        assert "no runs in" in driver.shown
        for key in ("enter", "space", "a", "e", "p", "s", "escape", "C", "escape", "D"):
            await driver.press(key)
        new_run(tmp_path / "runs", "first")
        await driver.until(lambda: len(driver.ids) == 1, "the run")

    drive(tmp_path / "runs", look)


@pytest.mark.parametrize(("key", "dialog"), [("D", "ConfirmScreen"), ("e", "NotesScreen")])
def test_folder_disappears_while_a_dialog_is_open(tmp_path: Path, key: str, dialog: str) -> None:
    ended_run(tmp_path / "runs", "one")

    async def look(driver: Driver) -> None:
        await driver.press(key)
        await driver.until(lambda: driver.screen_name == dialog, "the dialog")
        shutil.rmtree(tmp_path / "runs")
        await driver.until(lambda: not driver.ids, "the end of the runs")
        assert driver.screen_name == dialog
        await driver.press("y" if key == "D" else "x", "enter")
        await driver.until(lambda: any("can't be read" in note for note in driver.notes), "the reason")
        new_run(tmp_path / "runs", "again")
        await driver.until(lambda: len(driver.ids) == 1, "the new folder")

    drive(tmp_path / "runs", look)


def test_internal_error_is_shown_and_polling_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended_run(tmp_path / "runs", "one")

    async def look(driver: Driver) -> None:
        with monkeypatch.context() as broken:
            broken.setattr("entrannas_cli.monitor.run_index.run_names", lambda _: 1 / 0)
            await driver.until(lambda: "internal error: ZeroDivisionError" in driver.shown, "the error")
            assert len(driver.ids) == 1
        new_run(tmp_path / "runs", "two")
        await driver.until(lambda: len(driver.ids) == 2, "the new run")
        assert "internal error" not in driver.shown

    drive(tmp_path / "runs", look, size=LARGE)


def test_folder_disappears_while_a_run_page_is_open(tmp_path: Path) -> None:
    make_search(tmp_path / "runs", "one")

    async def look(driver: Driver) -> None:
        await driver.press("enter")
        await driver.until(lambda: "step 20 of 20" in driver.shown, "the page")
        shutil.rmtree(tmp_path / "runs")
        await driver.until(lambda: "this run is gone" in driver.lines[0], "that it is gone")
        for key in ("2", "3", "4", "5", "6", "1", "p", "e", "R"):
            await driver.press(key)
        await driver.press("escape")
        await driver.until(
            lambda: driver.screen_name == "RunsScreen" and "no runs in" in driver.shown, "home"
        )

    drive(tmp_path / "runs", look)


HOME = {
    "the filter": (("slash", "o"), "RunsScreen"),
    "the choice of a column": (("s",), "SortScreen"),
    "the columns": (("C",), "ColumnsScreen"),
    "a question": (("D",), "ConfirmScreen"),
    "tags and note": (("e",), "NotesScreen"),
    "the help": (("question_mark",), "HelpScreen"),
    "the palette": (("ctrl+p",), "CommandPalette"),
}
PAGE = {
    **{f"tab {n}": ((str(n),), "RunScreen") for n in range(1, 7)},
    "a full chart": (("1", "f"), "RunScreen"),
    "the search in the log": (("slash", "l"), "RunScreen"),
}


@pytest.mark.parametrize("screens", [HOME, PAGE], ids=["home", "page"])
def test_every_screen_survives_becoming_tiny_and_large_again(
    tmp_path: Path, screens: dict[str, tuple[tuple[str, ...], str]]
) -> None:
    make_search(tmp_path / "runs", "one")

    async def look(driver: Driver) -> None:
        if screens is PAGE:
            await driver.press("enter")
            await driver.until(lambda: "step 20 of 20" in driver.shown, "the page")
        for what, (keys, screen) in screens.items():
            await driver.press(*keys)
            await driver.until(lambda screen=screen: driver.screen_name == screen, what)
            before = driver.app.focused, driver.app.screen
            for size in (TINY, SMALL):
                await driver.pilot.resize_terminal(*size)
                await driver.pilot.pause()
                assert len(driver.lines) == size[1], what
                assert all(len(line) <= size[0] for line in driver.lines), what
            assert (driver.app.focused, driver.app.screen) == before, what
            if screens is HOME:
                await driver.press("escape", "escape")
                await driver.until(
                    lambda: driver.table.has_focus and "completed" in driver.shown, f"not {what}"
                )
            else:
                await driver.until(lambda: "step 20 of 20" in driver.shown, f"the page after {what}")

    drive(tmp_path / "runs", look)


@pytest.mark.parametrize("size", [(20, 3), (1, 1)])
def test_paging_a_list_without_room(tmp_path: Path, size: tuple[int, int]) -> None:
    ended_run(tmp_path / "runs", "one")

    async def look(driver: Driver) -> None:
        await driver.press("s")
        await driver.pilot.resize_terminal(*size)
        await driver.press("pagedown", "pageup")
        assert driver.screen_name == "SortScreen"

    drive(tmp_path / "runs", look, size=size)


def test_file_server_is_temporarily_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_search(tmp_path / "runs", "one")
    stat = os.stat

    def stale(path: Any, *args: Any, **how: Any) -> os.stat_result:
        if not isinstance(path, int) and os.fspath(path) == str(run.path):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return stat(path, *args, **how)

    async def look(driver: Driver) -> None:
        await driver.press("enter")
        await driver.until(lambda: "step 20 of 20" in driver.shown, "the page")
        monkeypatch.setattr(os, "stat", stale)
        await driver.until(lambda: "this run is gone" in driver.lines[0], "that it is gone")
        monkeypatch.setattr(os, "stat", stat)
        await driver.until(lambda: "step 20 of 20" in driver.shown, "the page again")

    drive(tmp_path / "runs", look)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (("n",), "the working directory is gone"),
        (("c", "x", "enter"), "give an absolute path"),
        (("p",), "the working directory is gone"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_working_directory_disappears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: tuple[str, ...], said: str
) -> None:
    make_search(tmp_path / "runs", "one")
    (tmp_path / "project").mkdir()

    async def look(driver: Driver) -> None:
        monkeypatch.chdir(tmp_path / "project")
        (tmp_path / "project").rmdir()
        for key in keys:
            await driver.press(key)
            await driver.pilot.pause(0.3)
        await driver.until(lambda: said in driver.shown or any(said in note for note in driver.notes), said)

    drive(tmp_path / "runs", look)


def change_status(run: Run, **changes: Any) -> None:
    path = run.path / STATUS_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_times_from_a_wrong_clock_are_shown_and_sorted(tmp_path: Path) -> None:
    now = time.time()
    for name, at in (("ahead", now + YEAR), ("behind", now - YEAR), ("never", 0.0), ("epoch", 1.0)):
        run = ended_run(tmp_path / "runs", name)
        change_status(run, created=at, started=at, ended=at - 1000, heartbeat=at)
    ended_run(tmp_path / "runs", "now")

    async def look(driver: Driver) -> None:
        lines = {name: next(line for line in driver.lines if name in line) for name in ("ahead", "behind")}
        assert " 0s" in lines["ahead"], "no run is younger than now"
        assert " 365d" in lines["behind"]
        await driver.press("slash")
        await driver.type("age<1h")
        await driver.until(lambda: "behind" not in driver.shown, "the filter")
        await driver.press("escape")
        for name in ("ahead", "never"):
            await driver.find(name)
            await driver.press("enter")
            await driver.until(
                lambda name=name: driver.screen_name == "RunScreen" and name in driver.lines[0], "the page"
            )
            await driver.press("escape", "escape")

    drive(tmp_path / "runs", look)


def test_clock_is_changed_during_a_run(tmp_path: Path) -> None:
    run = new_run(tmp_path / "runs", "live")
    host, pid, created = process_identity()
    alive = {"state": "running", "host": host, "pid": pid, "process_created": created, "attempt": 1}

    async def look(driver: Driver) -> None:
        # the clock of the run's machine is right, set back, set far ahead, and right again
        for epoch, shift in enumerate((0.0, -2 * STALE_AFTER_S, YEAR, 0.0), 1):
            beat = time.time() + shift
            change_status(run, **alive, heartbeat=beat, started=beat, epoch=epoch, epochs=4)
            os.utime(run.path / STATUS_FILE, (beat, beat))  # file times jump along
            await driver.until(lambda epoch=epoch: f"{epoch}/4" in driver.shown, "the change")
            assert ("running?" in driver.shown) is (shift < 0), "only silence is a doubt"
            await driver.press("enter")
            await driver.until(
                lambda epoch=epoch: (
                    driver.screen_name == "RunScreen" and f"epoch {epoch} of 4" in driver.shown
                ),
                "the page",
            )
            await driver.press("escape")

    drive(tmp_path / "runs", look, size=LARGE)


COLOURS = {
    "few": {"TERM": "xterm", "COLORTERM": ""},
    "none": {"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"},
}


@pytest.mark.parametrize("kind", COLOURS)
def test_real_terminal_with_few_colours(tmp_path: Path, kind: str) -> None:
    make_search(tmp_path / "runs", "one")
    ended_run(tmp_path / "runs", "two", "failed")
    command = (sys.executable, "-m", "entrannas_cli", "dashboard", "--runs-dir", str(tmp_path / "runs"))
    it = Terminal(*command, environment=COLOURS[kind])

    def pressed(key: str, holds: Callable[[str], object]) -> str:
        it.process.send(key)
        return it.until(holds)

    try:
        it.until(lambda text: "completed" in text and "failed" in text and "Quit" in text)
        assert re.search(r"^ ›\d+-\d+-two .*failed", it.read(), re.MULTILINE), "the cursor without a colour"
        pressed("j", lambda text: re.search(r"^ ›\d+-\d+-one", text, re.MULTILINE))
        pressed(" ", lambda text: "1 marked" in text and "●" in text)
        pressed("\r", lambda text: "step 20 of 20" in text and "training" in text)
        pressed("3", lambda text: ">8" in text)
        pressed("D", lambda text: "Delete this run?" in text)
        pressed("n", lambda text: "Delete this run?" not in text)
        it.process.send("q")
        _, code = it.ended()
    finally:
        it.process.close(force=True)
    assert code == 0
    styles = {style.decode() for style in re.findall(rb"\x1b\[([0-9;]+)m", it.sent)}
    true_colours = [found for style in styles for found in re.findall(r"8;2;(\d+);(\d+);(\d+)", style)]
    if kind == "none":
        assert all(red == green == blue for red, green, blue in true_colours)
    else:
        assert not true_colours
        assert not any(";5;" in style for style in styles)


def test_keys_work_while_a_long_run_is_read(tmp_path: Path) -> None:
    steps = 20_000  # benchmarks/monitor.py takes 200,000
    run = new_run(tmp_path / "runs", "long")
    more = ",".join(f'"metric_{n}":{n}.5' for n in range(18))
    with (run.path / METRICS_FILE).open("w") as file:
        for step in range(1, steps + 1):
            loss = 9.0 if step == 12_345 else 1.0
            row = f'"step":{step},"epoch":1,"weight_loss":{loss},"architecture_loss":0.5,{more}'
            file.write(f'{{"kind":"step","time":1795515300.0,{row}}}\n')

    async def look(driver: Driver) -> None:
        def loss() -> ChartView:
            return next(one for one in driver.app.screen.query(ChartView) if one.chart.title == "loss")

        await driver.press("enter")
        await driver.until(lambda: driver.app.screen.query(ChartView), "the page")
        await driver.press("2", "1")  # while it is still being read
        assert driver.app.screen.query_one(TabbedContent).active == "curves"
        await driver.until(
            lambda: loss().chart.lines and len(loss().chart.lines[0].trace) == steps, "all of it"
        )
        await driver.until(lambda: "10┤" in driver.shown or "8┤" in driver.shown, "the one high step")
        await driver.press("f", "plus", "L", "m", "escape")
        assert len(loss().chart.lines[0].trace) == steps

    drive(tmp_path / "runs", look)
