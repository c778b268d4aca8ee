"""The history of derived cells, as a search appends to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from entrannas_cli.common.files import BrokenRun
from entrannas_cli.monitor import cell_history as module
from entrannas_cli.monitor.cell_history import CellHistory
from entrannas_cli.spaces.published import PUBLISHED
from entrannas_cli.store.create import create_run
from entrannas_cli.store.run import GENOTYPES_FILE, Run
from entrannas_cli.store.session import RunSession

CELLS = list(PUBLISHED.values())[:3]


def entry(step: int, number: int = 0, **values: Any) -> dict[str, Any]:
    return {"step": step, "epoch": step // 10, "genotype": CELLS[number].to_dict(), **values}


def write(folder: Path, *rows: dict[str, Any]) -> Run:
    with (folder / GENOTYPES_FILE).open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return Run(folder)


def test_history_equals_that_of_the_run(tmp_path: Path) -> None:
    run = create_run(tmp_path, space="standard", method="entrannas-dst", seed=0)
    history = CellHistory(run)
    assert history.read() is False
    assert (len(history), history.version, history.at_step(5)) == (0, 0, None)
    for first in (1, 20):  # the second attempt goes back a few steps
        with RunSession(run, epochs=4) as session:
            session.begin_attempt(first)
            for step, cells in ((first, CELLS[0]), (first + 9, CELLS[1]), (first + 29, CELLS[2])):
                session.write_genotype(step, step // 10, cells)
            session.finish("stopped")
        history.read()
        assert [history.entry(n) for n in range(len(history))] == run.genotypes()
    assert history.steps == [1, 10, 20, 29, 49]
    version = history.version
    history.read()
    assert history.version == version


def test_cells_at_a_step(tmp_path: Path) -> None:
    history = CellHistory(write(tmp_path, entry(5), entry(10, 1), entry(10, 2), entry(30)))
    history.read()
    assert [history.at_step(step) for step in (4, 5, 9, 10, 29, 30, 99)] == [None, 0, 0, 2, 2, 3, 3]
    assert history.entry(-1).step == 30


def test_invalid_entries_are_named(tmp_path: Path) -> None:
    run = write(tmp_path, entry(1), entry(2, genotype=5), entry(3, epoch="x"), {"step": 4})
    history = CellHistory(run)
    history.read()
    assert history.entry(2).epoch == 0
    for index in (1, 3):
        with pytest.raises(BrokenRun, match=f"genotypes.jsonl: step {index + 1}: "):
            history.entry(index)


def test_history_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(json.dumps(CELLS[0].to_dict()))
    monkeypatch.setattr(module, "MAX_CHARS", 40 * size)
    history = CellHistory(write(tmp_path, *(entry(step) for step in range(1, 201))))
    history.read()
    assert 30 <= len(history) <= 48
    assert history.forgotten + len(history) == 200
    assert (history.steps[-1], history.entry(-1).genotype) == (200, CELLS[0])
    assert len(history._parsed) <= module.CACHED_GENOTYPES
    (tmp_path / GENOTYPES_FILE).unlink()
    history.read()
    assert (len(history), history.forgotten) == (0, 0)


def test_reading_in_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_BYTES", 2000)
    history = CellHistory(write(tmp_path, *(entry(step) for step in range(1, 31))))
    counts = []
    while history.read(budget=0):
        counts.append(len(history))
    assert len(counts) > 5
    assert counts == sorted(set(counts))
    assert len(history) == 30
