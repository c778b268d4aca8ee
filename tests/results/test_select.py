"""Selecting the runs to compare, whatever else is in the folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from entrannas_cli.common.errors import UsageError
from entrannas_cli.results.select_runs import select_runs

from .generated import START, make_runs, search_run, train_run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Create two searches, one of them named, a training and a broken run."""
    folder = tmp_path / "work" / "runs"
    search = search_run(folder, seed=3)
    search_run(folder, name="20261124-111500-wide", method="darts")
    train_run(folder, search, created=START + 7200)
    broken = folder / "20261124-130000-half"
    broken.mkdir()
    (broken / "status.json").write_text('{"state": "runn')
    return folder


SEARCH, NAMED = "20261124-101500-standard-entrannas-dst-s3", "20261124-111500-wide"
TRAINED = "20261124-121500-standard-entrannas-dst-s3-s0"


def ids(references: list[str], runs: Path) -> list[str]:
    return [run.id for run in select_runs(references, runs).runs]


def test_default_is_all_runs_newest_first(runs: Path) -> None:
    found = select_runs([], runs)
    assert [run.id for run in found.runs] == [TRAINED, NAMED, SEARCH]
    assert [run.path for run in found.runs] == [runs / run.id for run in found.runs]
    (problem,) = found.problems
    assert problem.startswith("20261124-130000-half: status.json: not JSON")
    assert select_runs([], runs.parent / "none").runs == ()


def test_references_keep_their_order_and_count_once(runs: Path) -> None:
    assert ids(["wide", "20261124-10", "runs/" + TRAINED, NAMED, str(runs / SEARCH)], runs) == [
        NAMED,
        SEARCH,
        TRAINED,
    ]
    with pytest.raises(UsageError, match=r"half: status\.json"):
        select_runs(["latest"], runs)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*dst*", [TRAINED, SEARCH]),
        ("*-wide", [NAMED]),
        ("w*", [NAMED]),  # a name, without the time
        ("runs/20261124-1[01]*", [NAMED, SEARCH]),
        ("./runs/*s3", [SEARCH]),
        ("runs", [TRAINED, NAMED, SEARCH]),
        ("runs/", [TRAINED, NAMED, SEARCH]),
        (".", []),
    ],
)
def test_glob_patterns_and_folders(runs: Path, pattern: str, expected: list[str]) -> None:
    if expected:
        assert ids([pattern], runs) == expected
    else:
        with pytest.raises(UsageError, match="contains none"):
            select_runs([pattern], runs)


def test_id_that_looks_like_a_pattern_is_an_id(runs: Path) -> None:
    search_run(runs, name="20261124-140000-[wide]")
    assert ids(["20261124-140000-[wide]"], runs) == ["20261124-140000-[wide]"]
    assert ids(["runs/20261124-140000-[wide]"], runs) == ["20261124-140000-[wide]"]


def test_other_files_matched_by_the_shell_are_skipped(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (runs / "README.md").write_text("notes")
    (runs / "figures").mkdir()
    os.utime(runs / "figures", (START, START))  # a recent folder could be a run that is being created
    (runs / "gone").symlink_to("nowhere")
    (runs / "summary").write_text("{")
    (runs / TRAINED / "summary.json").write_text("{")
    everything = sorted(map(str, Path("runs").iterdir()))
    found = select_runs(everything, runs)
    assert [run.id for run in found.runs] == [SEARCH, NAMED]
    assert [problem.split(": ")[0] for problem in found.problems] == [
        *("runs/README.md", "runs/figures", "runs/gone", "runs/summary"),
        *(TRAINED, "20261124-130000-half"),
    ]
    monkeypatch.chdir(runs)
    inside = select_runs(sorted(map(str, Path().iterdir())), runs)
    assert [run.id for run in inside.runs] == [SEARCH, NAMED]
    assert len(inside.problems) == 6


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("nothing", 'run "nothing": no such run in'),
        ("runs/nothing", "runs/nothing: no such run directory"),
        ("*nothing*", '"\\*nothing\\*": no run in .*work/runs matches this pattern'),
        ("none/*", '"none/\\*": no path matches this pattern'),
        ("20261124-1", 'run "20261124-1": 4 runs match'),
        ("", 'run "": no such run'),
        ("\x1b[31m", r"\\x1b\[31m"),
    ],
)
def test_reference_without_a_match_is_an_error(runs: Path, reference: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        select_runs([SEARCH, reference], runs)


def test_no_usable_run_is_an_error(runs: Path) -> None:
    (runs / "README").write_text("")
    with pytest.raises(UsageError, match="no run is left of 2 arguments") as caught:
        select_runs(["runs/README", "20261124-130000-half"], runs)
    assert [line.split(": ")[0] for line in caught.value.details] == ["runs/README", "20261124-130000-half"]


def test_folder_is_scanned_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand arguments from the shell must not cause a thousand directory scans."""
    made = make_runs(tmp_path / "many", 60)
    scans: list[object] = []
    scan = os.scandir

    def noted(path: str) -> Any:
        scans.append(path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", noted)
    assert len(select_runs([run.id for run in made], tmp_path / "many").runs) == 60
    assert len(select_runs([str(run.path) for run in made], tmp_path / "many").runs) == 60
    assert len(scans) <= 2
