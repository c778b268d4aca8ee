"""Rankings as real processes."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest

from entrannas_cli.store.find_run import list_runs
from entrannas_cli.store.run import TRAININGS, Run

from ..search.runs import in_process as entrannas
from ..search.runs import only_run, start, uninterrupted_search, wait_for
from .rankings import BUDGET, assert_same_ranking


@pytest.fixture(scope="module")
def search_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Create a search that several tests rank."""
    return uninterrupted_search(tmp_path_factory)


def newest() -> Run:
    return Run(max(Path("runs").iterdir(), key=lambda path: path.name))


def test_ranking_names_the_best_cells(search_run: Run) -> None:
    result = entrannas("rank", str(search_run.path), *BUDGET, "--json", "--quiet")
    summary = json.loads(result.stdout)
    run = newest()
    rows = summary["ranking"]
    assert len(rows) == 3
    assert any(row["is_last"] for row in rows)
    accuracies = [row["accuracy"] for row in rows]
    assert accuracies == sorted(accuracies, reverse=True)
    assert all(0 < row["inherited_accuracy"] < 1 for row in rows)
    assert summary["kendall_cells"] == 3
    # the winner can be trained, shown and drawn by the name of the ranking
    assert run.genotype() is not None
    winner = next(child for child in list_runs(run.path / TRAININGS) if child.id == rows[0]["training"])
    assert winner.genotype() == run.genotype()
    assert winner.summary()["validation_accuracy"] == rows[0]["accuracy"]
    assert "test_error" not in winner.summary()  # a cell is never tested on the data that it was chosen by
    assert summary["search"]["id"] == search_run.id
    assert search_run.status().state == "completed"


def test_inherited_accuracy_of_the_last_cells_equals_that_of_the_search(search_run: Run) -> None:
    entrannas("rank", str(search_run.path), *BUDGET[2:], "--epochs", "1", "--top", "1", "--quiet")
    (row,) = newest().summary()["ranking"]
    assert row["is_last"]
    assert row["inherited_accuracy"] == pytest.approx(search_run.summary()["derived_accuracy"], abs=1e-9)


def test_ranking_resumes_after_kill_and_stop(search_run: Run) -> None:
    process = start("rank", str(search_run.path), *BUDGET, "--quiet", "--set", "checkpoint.minutes=0")
    run = only_run()
    wait_for(lambda: len(list_runs(run.path / TRAININGS)) == 2, "the second training")
    wait_for(lambda: list_runs(run.path / TRAININGS)[0].metrics("step"), "its first step")
    process.kill()
    assert run.status().state == "lost"
    first = min(list_runs(run.path / TRAININGS), key=lambda child: child.id)
    assert first.status().state == "completed"
    process = start("resume", run.id, "--quiet")
    wait_for(lambda: len(list_runs(run.path / TRAININGS)) == 3, "the third training")
    process.send_signal(signal.SIGINT)
    errors = process.end()
    assert process.returncode == 130, errors
    entrannas("resume", run.id, "--quiet")
    summary = run.summary()
    assert summary["state"] == "completed"
    assert len(list_runs(run.path / TRAININGS)) == 3
    assert first.status().attempt == 1  # finished candidates are not trained again

    entrannas("rank", str(search_run.path), *BUDGET, "--quiet", "--name", "undisturbed")
    (other,) = (one for one in list_runs(Path("runs")) if one.id.endswith("undisturbed"))
    assert_same_ranking(run, other)


def test_search_without_checkpoint_is_ranked(search_run: Run) -> None:
    entrannas("search", "--method", "random", "--dataset", "digits", "--quiet")
    search = only_run()
    warned = json.dumps(search.summary() | {"warnings": ["signs of a collapse"]})
    (search.path / "summary.json").write_text(warned)
    result = entrannas("rank", "latest", *BUDGET[2:], "--epochs", "1", "--quiet", "--json")
    summary = json.loads(result.stdout)
    assert summary["warnings"] == [f"{search.id}: signs of a collapse"]
    (row,) = summary["ranking"]
    assert row["inherited_accuracy"] is None
    assert 0 < row["accuracy"] < 1
    assert "drew its cells at random" in Path("runs", summary["id"], "log.txt").read_text()


def test_searches_on_different_data_are_rejected(search_run: Run) -> None:
    entrannas("search", "--method", "random", "--dataset", "synthetic", "--quiet")
    result = entrannas("rank", str(search_run.path), "latest", "--quiet", check=False)
    assert result.returncode == 2
    assert "searched on different data than" in result.stderr
    assert len(list_runs(Path("runs"))) == 1


def test_invalid_settings_are_rejected_before_creating_a_run(search_run: Run) -> None:
    wrong = ("--top", "1", "--preset", "quick", "--batch-size", "5000")
    result = entrannas("rank", str(search_run.path), *wrong, "--quiet", check=False)
    assert result.returncode == 2
    assert "train.batch_size" in result.stderr
    assert list_runs(Path("runs")) == []


def test_ranking_of_an_older_release_resumes_with_its_old_defaults(search_run: Run) -> None:
    """Releases without the key always had a batch-norm after pooling."""
    entrannas("rank", str(search_run.path), *BUDGET, "--top", "1", "--quiet")
    run = newest()
    config = run.path / "config.toml"
    config.write_text("".join(line for line in config.open() if "batch_norm" not in line))
    shutil.rmtree(run.path / TRAININGS)
    status = json.loads((run.path / "status.json").read_text())
    (run.path / "status.json").write_text(json.dumps(status | {"state": "stopped"}))
    entrannas("resume", run.id, "--quiet")
    (child,) = list_runs(run.path / TRAININGS)
    assert child.status().state == "completed"
    assert "pool_batch_norm = true" in (child.path / "config.toml").read_text()
