"""A small ranking, and comparison of two of them."""

from __future__ import annotations

from entrannas_cli.store.find_run import list_runs
from entrannas_cli.store.run import LOG_FILE, TRAININGS, Run

__all__ = ["BUDGET", "assert_same_ranking"]

BUDGET = (
    *("--epochs", "1", "--top", "3", "--preset", "quick"),
    *("--set", "derived.cells=3", "--set", "derived.channels=4"),
)


def assert_same_ranking(one: Run, other: Run) -> None:
    """Assert the same rows of the ranking, bit for bit, and as many trainings."""
    rows = [
        [{key: row[key] for key in row if key != "training"} for row in run.summary()["ranking"]]
        for run in (one, other)
    ]
    assert rows[0] == rows[1], f"{rows[0]}\n{rows[1]}\n{(other.path / LOG_FILE).read_text()}"
    assert one.genotype() == other.genotype()
    assert len(list_runs(one.path / TRAININGS)) == len(list_runs(other.path / TRAININGS))
