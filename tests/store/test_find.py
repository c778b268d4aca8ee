"""References to runs, and removing runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from entrannas_cli.common.errors import UsageError
from entrannas_cli.store.create import create_run
from entrannas_cli.store.find_run import find_run, list_runs, remove_run
from entrannas_cli.store.messages import reference_to
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession
from entrannas_cli.store.status import Status, write_status

from .processes import kill, python

NOW = 1795515300.0  # 2026-11-24 10:15:00 UTC


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Create three ended runs: two of the same second, and a named one an hour later."""
    folder = tmp_path / "work" / "runs"
    for seed, later, name in ((0, 0, None), (1, 0, None), (0, 3600, "wide cells")):
        run = create_run(folder, space="standard", method="darts", seed=seed, name=name, now=NOW + later)
        write_status(run.path, Status(state="completed", created=NOW + later))
    return folder


FIRST, SECOND, NAMED = (
    "20261124-101500-standard-darts-s0",
    "20261124-101500-standard-darts-s1",
    "20261124-111500-wide-cells",
)


def test_runs_are_listed_newest_first(runs: Path) -> None:
    (runs / ".hidden").mkdir()
    (runs / "file").write_text("")
    (runs / "circle").symlink_to("circle")
    (runs / "renamed").mkdir()
    os.utime(runs / "renamed", (NOW + 1800, NOW + 1800))
    assert [run.id for run in list_runs(runs)] == [NAMED, "renamed", SECOND, FIRST]
    assert list_runs(runs / "none") == []


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        (FIRST, FIRST),
        ("20261124-111", NAMED),
        ("20261124-101500-standard-darts-s1", SECOND),
        ("latest", NAMED),
        ("wide-cells", NAMED),
        ("standard-darts-s0", FIRST),
        (f"runs/{FIRST}", FIRST),
        (f"./runs/{FIRST}/", FIRST),
        (f"runs/../runs/{FIRST}", FIRST),
    ],
)
def test_references_resolve(runs: Path, reference: str, found: str) -> None:
    assert find_run(reference, runs) == Run(runs / found)


def test_exact_id_wins_over_a_prefix(runs: Path) -> None:
    second = create_run(runs, space="standard", method="darts", seed=0, now=NOW)
    assert second.id == f"{FIRST}-2"
    assert find_run(FIRST, runs).id == FIRST


def test_directory_in_the_working_directory(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs)
    assert find_run(FIRST, runs / "runs").path == runs / FIRST
    monkeypatch.chdir(runs / FIRST)
    assert find_run(".", runs / "none").id == FIRST


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("20261124-1015", ["2 runs match", FIRST, SECOND]),
        ("wide", ["no such run", f"did you mean {NAMED}"]),
        (
            "20261124-101500-standard-dart-s3",
            ["no such run", "did you mean 20261124-101500-standard-darts-s"],
        ),
        ("quite-else", ["no such run", "entrannas runs list"]),
        ("", ["no such run"]),
        ("a\x1b[31mb\0", ["no such run", "a\\x1b[31mb"]),
        ("no/such", ["no such run directory"]),
        ("runs/", ["not a run directory"]),
        ("/dev/null", ["not a run directory"]),
    ],
)
def test_unknown_and_ambiguous_references_are_rejected(runs: Path, reference: str, says: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        find_run(reference, runs)
    for text in says:
        assert text in str(caught.value)
    assert str(caught.value).replace("\n", "").isprintable()


def test_empty_runs_folder(tmp_path: Path) -> None:
    for reference in ("latest", "20261124"):
        with pytest.raises(UsageError, match="no runs in"):
            find_run(reference, tmp_path / "runs")


def test_reference_to_a_run(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reference_to(Run(runs / FIRST)) == FIRST
    monkeypatch.chdir(tmp_path)
    assert reference_to(Run(runs / FIRST)) == str(runs / FIRST)
    assert reference_to(Run(tmp_path / "a b")) == f"'{tmp_path}/a b'"
    monkeypatch.setenv("ENTRANNAS_RUNS_DIR", str(runs))
    assert reference_to(Run(runs / FIRST)) == FIRST


# removing


def test_remove_deletes_the_directory(runs: Path) -> None:
    (runs / FIRST / "sub" / "deep").mkdir(parents=True)
    (runs / FIRST / "sub" / "deep" / "file").write_text("")
    remove_run(Run(runs / FIRST))
    assert not (runs / FIRST).exists()
    assert len(list_runs(runs)) == 2


def test_remove_does_not_follow_symlinks(runs: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("")
    (runs / FIRST / "checkpoints").symlink_to(outside)
    (runs / "linked").symlink_to(runs / SECOND)
    remove_run(Run(runs / FIRST))
    remove_run(Run(runs / "linked"))
    assert (outside / "precious").exists()
    assert [run.id for run in list_runs(runs)] == [NAMED, SECOND]
    assert (runs / SECOND / "status.json").exists()


def test_remove_rejects_directories_that_are_not_runs(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "work" / "notes").mkdir()
    (tmp_path / "work" / "notes" / "thesis.tex").write_text("")
    for path in (tmp_path / "work" / "notes", runs, tmp_path / "none"):
        with pytest.raises(UsageError):
            remove_run(Run(path))
    (runs / "status.json").write_text("{}")  # the folder looks like a run but contains others
    with pytest.raises(UsageError, match="contains runs"):
        remove_run(Run(runs))
    assert len(list_runs(runs)) == 3
    assert (tmp_path / "work" / "notes" / "thesis.tex").exists()


def test_broken_and_empty_runs_can_be_removed(runs: Path) -> None:
    (runs / FIRST / "status.json").write_text("{")
    (runs / SECOND / "status.json").unlink()
    (runs / "empty").mkdir()
    os.utime(runs / "empty", (NOW, NOW))
    for name in (FIRST, SECOND, "empty"):
        remove_run(Run(runs / name))
    assert [run.id for run in list_runs(runs)] == [NAMED]


def test_remove_rejects_a_running_run(runs: Path) -> None:
    run = Run(runs / FIRST)
    with RunSession(run) as session:
        with pytest.raises(
            UsageError, match=rf"is running \(process {os.getpid()} on .*entrannas stop {FIRST}"
        ):
            remove_run(run)
        assert run.status().state == "running"
        session.finish("completed")
        with pytest.raises(UsageError, match="is held by another process"):  # until the lock is released
            remove_run(run)
    remove_run(run)
    assert not run.path.exists()


HOLD = """
import sys, time
from pathlib import Path
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession
with RunSession(Run(Path(sys.argv[1]))):
    print("holds", flush=True)
    time.sleep(60)
"""


def test_remove_rejects_a_run_on_another_host_until_it_is_dead(runs: Path) -> None:
    run = Run(runs / FIRST)
    process = python(HOLD, run.path)
    assert process.stdout.readline() == "holds\n"
    with pytest.raises(UsageError, match=f"process {process.pid}"):
        remove_run(run)
    kill(process)
    remove_run(run)
    assert not run.path.exists()


def test_remove_rejects_a_run_that_is_being_started(runs: Path) -> None:
    run = create_run(runs, space="standard", method="darts", seed=0)
    with pytest.raises(UsageError, match="being started"):
        remove_run(run)
