"""Creating a directory for each run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrannas_cli.common.errors import RunFailed, UsageError
from entrannas_cli.store.create import create_run, slug
from entrannas_cli.store.find_run import list_runs
from entrannas_cli.store.run import Run

from .processes import python

NOW = 1795515300.0  # 2026-11-24 10:15:00 UTC


def create(runs_dir: Path, **changes: Any) -> Run:
    arguments = {"space": "standard", "method": "entrannas-dst", "seed": 0, "now": NOW}
    return create_run(runs_dir, **{**arguments, **changes})


def test_id_has_time_and_description(tmp_path: Path) -> None:
    runs = tmp_path / "deep" / "runs"
    assert create(runs).id == "20261124-101500-standard-entrannas-dst-s0"
    assert create(runs, name="My first try").id == "20261124-101500-My-first-try"
    assert create(runs, space="../own space", seed=7).id == "20261124-101500-own-space-entrannas-dst-s7"


def test_duplicate_id_gets_a_number(tmp_path: Path) -> None:
    ids = [create(tmp_path / "runs").id for _ in range(12)]
    assert ids[1:] == [f"{ids[0]}-{n}" for n in range(2, 13)]
    assert [run.id for run in list_runs(tmp_path / "runs")] == ids[::-1]


def test_new_run_is_complete(tmp_path: Path) -> None:
    run = create(
        tmp_path / "runs", files={"config.toml": "seed = 3\n", "space.toml": 'name = "ä"\n'}, kind="train"
    )
    assert run.config() == {"seed": 3}
    status = run.status()
    assert (status.state, status.kind, status.created, status.pid) == ("created", "train", NOW, os.getpid())
    summary = run.summary()
    assert (summary["id"], summary["method"], summary["kind"]) == (run.id, "entrannas-dst", "train")
    assert run.genotype() is None
    assert run.metrics() == []
    assert run.genotypes() == []
    assert run.checkpoints() == []


CREATE = """
import sys
from pathlib import Path
from entrannas_cli.store.create import create_run
from entrannas_cli.store import status
import psutil
print("ready", flush=True)
sys.stdin.readline()
for seed in range(5):
    run = create_run(Path(sys.argv[1]), space="standard", method="darts", seed=seed, now=float(sys.argv[2]),
                     files={"config.toml": f"who = {sys.argv[3]}"})
    print(run.id, flush=True)
"""


def test_concurrent_runs_get_separate_directories(tmp_path: Path) -> None:
    processes = [python(CREATE, tmp_path / "runs", NOW, n) for n in range(10)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    ids = {}
    for number, process in enumerate(processes):
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        for identifier in out.split():
            assert identifier not in ids
            ids[identifier] = number
    assert len(ids) == 50
    for identifier, number in ids.items():
        assert Run(tmp_path / "runs" / identifier).config() == {"who": number}


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        ".hidden",
        "../up",
        "a/b",
        "a\\b",
        "a\x1b[31m",
        "a\nb",
        "a\u202eb",
        "---",
        "x" * 101,
        "latest",
    ],
)
def test_invalid_names_are_rejected(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        create(tmp_path / "runs", name=name)
    assert str(caught.value).isprintable()
    assert not (tmp_path / "runs").exists()


@given(st.text(max_size=60))
def test_any_name_is_safe_or_rejected(name: str) -> None:
    refused = ""
    try:
        text = slug(name)
    except UsageError as error:
        text, refused = "refused", str(error)
    assert refused.isprintable()
    assert text
    assert text.isprintable()
    assert not set(text) & set("/\\ \0:*?\"<>|'$`;&")
    assert text[0] not in ".-"
    assert slug(text) == text


def test_unusable_folders_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError, match=r"cannot create a run: .*--runs-dir"):
            create(folder)


def test_killed_creation_leaves_no_run(tmp_path: Path) -> None:
    """A run appears with all its files or not at all."""
    code = """
import os, signal, sys
from pathlib import Path
from entrannas_cli.store import create
create.write_json = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
create.create_run(Path(sys.argv[1]), space="s", method="m", seed=0, files={"config.toml": ""})
"""
    process = python(code, tmp_path / "runs")
    process.communicate(timeout=60)
    assert process.returncode == -9
    assert list_runs(tmp_path / "runs") == []


def test_failed_creation_leaves_no_directory(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="can't be written"):
        create(tmp_path / "runs", files={"no/such/folder": "text"})
    assert list_runs(tmp_path / "runs") == []
