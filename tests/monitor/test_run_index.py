"""The index of all runs: what a refresh finds, what it skips, and folders in any condition."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from entrannas_cli.common.atomic import write_json
from entrannas_cli.monitor import run_index as module
from entrannas_cli.monitor.run_index import IndexChanges, RunIndex
from entrannas_cli.store.create import create_run
from entrannas_cli.store.find_run import list_runs
from entrannas_cli.store.notes import change_notes
from entrannas_cli.store.overview import overview
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession
from entrannas_cli.store.status import Status, write_status

from ..results.generated import make_runs
from ..store.processes import kill, python


def age_files(folder: Path) -> None:
    """Make all files old enough for their modification times to be trusted."""
    for path in folder.rglob("*"):
        os.utime(path, (1e9, 1e9))


@contextmanager
def count_reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Yield a list that collects the ids that are read meanwhile."""
    read: list[str] = []

    def counted(run: Run) -> object:
        read.append(run.id)
        return overview(run)

    with monkeypatch.context() as patch:
        patch.setattr(module, "overview", counted)
        yield read


def without_age(rows: object) -> list[dict[str, object]]:
    dicts = [row.to_dict() for row in rows.values()]  # type: ignore[attr-defined]
    return [{k: v for k, v in row.items() if k not in ("age", "heartbeat_age")} for row in dicts]


def test_rows_equal_those_of_a_list(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    make_runs(runs, 30, broken=2)
    watched = RunIndex(runs)
    changes = watched.refresh()
    listed = list_runs(runs)
    assert list(watched.rows) == [run.id for run in listed] == list(changes.added)
    assert without_age(watched.rows) == without_age({run.id: overview(run) for run in listed})
    assert watched.refresh() == IndexChanges()


def test_only_what_changed_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = tmp_path / "runs"
    made = [run.id for run in make_runs(runs, 12)]
    age_files(runs)
    watched = RunIndex(runs)
    watched.refresh()
    before = watched.rows
    with count_reads(monkeypatch) as read:
        assert watched.refresh() == IndexChanges()
        assert read == []
        summary = runs / made[3] / "summary.json"
        write_json(summary, {**json.loads(summary.read_text()), "gap": 0.25})
        change_notes(Run(runs / made[5]), add=["good"])
        shutil.rmtree(runs / made[7])
        new = create_run(runs, space="standard", method="darts", seed=3, now=2e9)
        changes = watched.refresh(thorough=True)
    assert set(read) == {made[3], made[5], new.id}
    assert changes.added == (new.id,)
    assert set(changes.changed) == {made[3], made[5]}
    assert changes.removed == (made[7],)
    assert watched.rows[made[3]].gap == 0.25
    assert watched.rows[made[5]].notes.tags == ("good",)
    assert next(iter(watched.rows)) == new.id
    assert made[7] in before  # rows handed out earlier stay unchanged
    assert before[made[3]].gap != 0.25


def test_completed_runs_are_checked_rarely_unless_thorough(tmp_path: Path) -> None:
    runs = [run for run in make_runs(tmp_path / "runs", 12) if run.status().state == "completed"]
    age_files(tmp_path / "runs")
    watched = RunIndex(tmp_path / "runs")
    watched.refresh()
    for gap in (0.25, 0.5):
        for run in runs:
            write_json(run.path / "summary.json", {"space": "standard", "gap": gap})
        looks = [
            watched.refresh(thorough=gap == 0.5) for _ in range(module.FULL_LOOK_EVERY if gap == 0.25 else 1)
        ]
        assert sorted(name for look in looks for name in look.changed) == sorted(run.id for run in runs)
        assert all(watched.rows[run.id].gap == gap for run in runs)


def test_undetectable_change_is_found_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same size and same time, as within one tick of a file system's clock."""
    monkeypatch.setattr(module, "FRESH_S", 0.3)
    run = create_run(tmp_path / "runs", space="standard", method="darts", seed=0)
    summary = run.path / "summary.json"
    summary.write_text('{"space": "standard", "gap": 0.25}')
    watched = RunIndex(tmp_path / "runs")
    watched.refresh()
    times = summary.stat()
    with summary.open("r+") as file:
        file.write('{"space": "standard", "gap": 0.75}')
    os.utime(summary, ns=(times.st_atime_ns, times.st_mtime_ns))
    time.sleep(0.35)
    assert watched.refresh().changed == (run.id,)
    assert watched.rows[run.id].gap == 0.75


def test_session_is_followed_until_it_dies(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    watched = RunIndex(runs)
    assert watched.refresh() == IndexChanges()
    code = (
        "import sys, time; from pathlib import Path; from entrannas_cli.store.create import create_run\n"
        "from entrannas_cli.store.session import RunSession\n"
        "run = create_run(Path(sys.argv[1]), space='standard', method='darts', seed=0)\n"
        "with RunSession(run, epochs=2, steps=8) as session:\n"
        "    print(run.id, flush=True); sys.stdin.readline()\n"
        "    session.update_summary({'gap': 0.5}); print('done', flush=True); time.sleep(60)\n"
    )
    process = python(code, runs)
    identifier = process.stdout.readline().strip()
    try:
        assert watched.refresh().added == (identifier,)
        first = watched.rows[identifier]
        assert first.status.state == "running"
        process.stdin.write("go\n")
        process.stdin.flush()
        process.stdout.readline()
        assert watched.refresh().changed == (identifier,)
        assert watched.rows[identifier].gap == 0.5
        assert watched.rows[identifier].status.observed > first.status.observed
    finally:
        kill(process)
    assert watched.refresh().changed == (identifier,)
    assert watched.rows[identifier].status.state == "lost"


def test_running_row_ages_and_becomes_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = create_run(tmp_path / "runs", space="standard", method="darts", seed=0)
    status = Status(state="running", host="elsewhere", heartbeat=time.time(), created=time.time() - 5)
    write_status(run.path, status)
    age_files(tmp_path / "runs")
    watched = RunIndex(tmp_path / "runs")
    watched.refresh()
    age = watched.rows[run.id].age
    time.sleep(0.02)
    assert watched.refresh() == IndexChanges()  # older, but not worth reporting
    assert watched.rows[run.id].age > age
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 120)
    assert watched.refresh().changed == (run.id,)
    assert watched.rows[run.id].status.stale


def test_ended_rows_age_without_being_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = tmp_path / "runs"
    make_runs(runs, 2)
    age_files(runs)
    watched = RunIndex(runs)
    watched.refresh()
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 3600)
    assert watched.refresh() == IndexChanges()
    assert [row.status.observed for row in watched.rows.values()] == [now + 3600] * 2


def test_budget_reads_the_newest_first(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    make_runs(runs, 20)
    age_files(runs)
    watched = RunIndex(runs)
    order = [run.id for run in list_runs(runs)]
    for number in range(1, 21):
        changes = watched.refresh(budget=0, thorough=True)
        assert list(watched.rows) == order[:number]
        assert changes.added == (order[number - 1],)
        assert changes.waiting == 20 - number
    for run in list_runs(runs):  # all change at once
        write_json(run.path / "summary.json", {})
    for number in range(1, 21):
        changes = watched.refresh(budget=0, thorough=True)
        assert changes.changed == (order[number - 1],)
        assert changes.waiting == 20 - number
        assert list(watched.rows) == order


def test_directory_that_is_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRESH_S", 0.05)
    folder = tmp_path / "runs" / "20261124-101500-x"
    folder.mkdir(parents=True)
    watched = RunIndex(tmp_path / "runs")
    watched.refresh()
    assert watched.rows[folder.name].problems == ("not a run directory",)
    (folder / "config.toml").write_text("")
    assert watched.refresh().changed == (folder.name,)
    assert watched.rows[folder.name].problems == ("status.json: no such file",)


def test_folders_in_any_condition(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    watched = RunIndex(runs)
    assert watched.refresh() == IndexChanges()  # missing
    runs.mkdir()
    assert watched.refresh() == IndexChanges()  # empty
    made = {run.id for run in make_runs(runs, 4)}
    assert set(watched.refresh().added) == made
    shutil.move(runs, tmp_path / "away")
    runs.write_text("")
    changes = watched.refresh()  # replaced by a file: the rows stay, and the reason is given
    assert "can't be read" in changes.problem
    assert "\n" not in changes.problem
    assert set(watched.rows) == made
    runs.unlink()
    assert set(watched.refresh().removed) == made
    assert dict(watched.rows) == {}
    shutil.move(tmp_path / "away", runs)
    assert set(watched.refresh().added) == made


def test_strange_entries_are_tolerated(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "circle").symlink_to(runs / "circle")
    (runs / "file").write_text("")
    (runs / ".hidden").mkdir()
    for name, file in (("a\x1b[31m", "status.json"), (os.fsdecode(b"\xff\xfe"), "summary.json")):
        (runs / name).mkdir()
        os.mkfifo(runs / name / file)
    (runs / "b" / "status.json").mkdir(parents=True)
    watched = RunIndex(runs)
    assert len(watched.refresh().added) == 3
    assert all(row.problems or row.status.state == "created" for row in watched.rows.values())
    watched.refresh()


def test_run_replaced_under_the_same_name_is_read_again(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    run, other = (create_run(runs, space="standard", method="darts", seed=n, name=f"n{n}") for n in (0, 1))
    with RunSession(other, epochs=1) as session:
        session.finish("stopped")
    age_files(runs)
    watched = RunIndex(runs)
    watched.refresh()
    shutil.rmtree(run.path)
    other.path.rename(run.path)
    changes = watched.refresh()
    assert changes == IndexChanges(changed=(run.id,), removed=(other.id,))
    assert watched.rows[run.id].status.state == "stopped"


def test_thousand_runs_are_cheap(tmp_path: Path) -> None:
    """The limit is several times what ``benchmarks/monitor.py`` measures, since tests run in parallel."""
    make_runs(tmp_path / "runs", 1000)
    age_files(tmp_path / "runs")
    watched = RunIndex(tmp_path / "runs")
    begun = time.process_time()
    watched.refresh()
    first = time.process_time() - begun
    looks = []
    for _ in range(5):
        begun = time.process_time()
        assert watched.refresh() == IndexChanges()
        looks.append(time.process_time() - begun)
    assert first < 1.2
    assert min(looks) < 0.05
