"""The real program in a real terminal with a real search, from the form to an exported file."""

from __future__ import annotations

import csv
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from entrannas_cli.store.find_run import list_runs
from entrannas_cli.store.run import Run
from entrannas_cli.store.stop import request_stop, wait_until_ended

from ..render.test_live_terminal import Terminal
from .driver import ended_run

PROJECT = """\
preset = "quick"
[search]
epochs = 500
batch_size = 32
[network]
cells = 3
channels = 2
[architecture]
temperature_end = 0.5
[evaluation]
every = 500
[device]
threads = 1
"""
TIMEOUT_S = 120.0  # seconds; generous for busy machines


class Session(Terminal):
    """The dashboard on the runs of the working directory."""

    def __init__(self) -> None:
        super().__init__(
            sys.executable,
            *("-m", "entrannas_cli", "dashboard"),
            environment={"XDG_CONFIG_HOME": str(Path.cwd() / "settings")},
            columns=120,
            lines=40,
        )

    def press(self, keys: str) -> None:
        self.process.send(keys)

    def until(self, holds: Callable[[str], object]) -> str:
        end = time.monotonic() + TIMEOUT_S
        while not holds(shown := self.read(0.05)):
            assert self.process.isalive(), f"it ended:\n{shown}"
            assert time.monotonic() < end, f"never shown:\n{shown}"
        return shown

    def back(self) -> None:
        """Return to the table of runs; Esc followed by a key at once would be read as Alt plus that key."""
        self.press("\x1b")
        self.until(lambda shown: shown.lstrip().startswith("entrannas  2 runs"))

    def loss(self) -> str:
        """Return the weight loss in the legend of the chart."""
        found = re.search(r"training (\d+\.\d+)", self.read(0.05))
        return found[1] if found else ""


@pytest.fixture
def session() -> Iterator[Session]:
    folder = Path.cwd()
    (folder / "entrannas.toml").write_text(PROJECT)
    before = ended_run(folder / "runs", "before", weight_loss=0.5)
    opened = Session()
    yield opened
    opened.process.close(force=True)
    for run in list_runs(folder / "runs"):
        if run.path != before.path and run.status().state == "running":
            wait_until_ended(run, request_stop(run).attempt, TIMEOUT_S)


def test_start_watch_stop_resume_compare_and_export_a_search(session: Session) -> None:
    def started() -> Run:
        (run,) = [run for run in list_runs(Path("runs").absolute()) if "before" not in run.id]
        return run

    session.until(lambda shown: "before" in shown)
    session.press("n")
    session.until(lambda shown: "a new run" in shown)
    session.press("\x1b[B" * 3 + "digits")  # down to the data set
    session.until(lambda shown: "✓ 1 search" in shown and "entrannas search --dataset digits" in shown)
    session.press("\x13")  # ctrl+s
    shown = session.until(lambda shown: "1 Curves" in shown and "running" in shown)
    run = started()
    assert run.id in shown

    first = session.until(lambda _: session.loss()) and session.loss()
    session.until(lambda _: session.loss() not in ("", first))

    session.press("S")
    session.until(lambda shown: "Stop this run?" in shown)
    session.press("y")
    session.until(lambda shown: "stopped" in shown.splitlines()[0] + shown.splitlines()[1])
    assert run.status().reason == "asked by the dashboard"
    before = run.status().step

    session.press("R")
    session.until(lambda shown: "Resume this run?" in shown)
    session.press("\r")
    session.until(lambda shown: "running" in shown.splitlines()[0] + shown.splitlines()[1])
    stopped_at = session.loss()
    session.until(lambda _: session.loss() not in ("", stopped_at))
    assert run.status().step >= before
    assert run.status().attempt == 2

    session.back()
    session.press("ac")
    session.until(lambda shown: "3 Differences" in shown)
    session.press("2")
    session.until(lambda shown: "before" in shown and "seed" in shown)
    session.press("x")
    session.until(lambda shown: "Export" in shown and ".csv" in shown)
    session.press("\r")
    session.until(lambda shown: list(Path.cwd().glob("*.csv")) and "wrote" in shown)
    (written,) = Path.cwd().glob("*.csv")
    with written.open(newline="") as file:
        rows = {row["run"]: row for row in csv.DictReader(file)}
    assert len(rows) == 2
    (name,) = (name for name in rows if run.id in name)
    assert rows[name]["state"] == "running"
    assert rows[name]["dataset"] == "digits"

    session.back()
    session.press("q")
    _, code = session.ended()
    assert code == 0
    os.kill(run.status().pid, 0)  # the search continues without the dashboard
