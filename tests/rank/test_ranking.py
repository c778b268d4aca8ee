"""Which cells are candidates, which are trained, and how they are ordered."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from entrannas_cli.common.errors import UsageError
from entrannas_cli.engine.rank.candidates import (
    CANDIDATES_FILE,
    Candidate,
    candidates_json,
    find_candidates,
    read_candidates,
)
from entrannas_cli.engine.rank.ranking import chosen, kendall_tau, rank_correlation, ranking
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.store.create import create_run
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession


def cells(operation: str, connections: int = 1) -> Genotype:
    cell = CellGraph((tuple(Connection(source, operation) for source in range(connections)),) * 2)
    return Genotype(cell, cell)


A, B, C = cells("skip_connect"), cells("max_pool_3x3"), cells("sep_conv_3x3", 2)


def make_search(folder: Path, history: list[tuple[int, int, Genotype]], epochs: dict[int, int]) -> Run:
    """Create a search whose cells changed at (step, epoch); ``epochs`` maps epochs to their last steps."""
    run = create_run(folder, space="standard", method="entrannas-dst", seed=0)
    with RunSession(run) as session:
        session.begin_attempt(1)
        for step, epoch, genotype in history:
            session.write_genotype(step, epoch, genotype)
        for epoch, step in epochs.items():
            session.write_epoch(
                {"step": step, "epoch": epoch, "sparsity_normal": 0.1 * epoch, "sparsity_reduce": 0.5}
            )
        session.finish("completed")
    return run


def candidate(number: int, step: int = 0, *, is_last: bool = False, genotype: Genotype = A) -> Candidate:
    return Candidate(
        number=number,
        search="s",
        path=Path("s"),
        epoch=number,
        step=step,
        is_last=is_last,
        genotype=genotype,
        sparsity_normal=0.5,
        sparsity_reduce=None,
    )


def test_candidates_are_the_distinct_cells_at_epoch_ends(tmp_path: Path) -> None:
    history = [(0, 0, A), (3, 1, B), (12, 2, C), (18, 2, A), (25, 3, B)]
    one = make_search(tmp_path, history, {1: 10, 2: 20, 3: 30})
    found = find_candidates([one])
    # C existed only within epoch 2; B was current at the end of epochs 1 and 3
    assert [(c.number, c.epoch, c.step, c.genotype) for c in found] == [(1, 1, 10, B), (2, 2, 20, A)]
    assert [c.is_last for c in found] == [True, False]
    assert found[1].sparsity_normal == pytest.approx(0.2)
    both = find_candidates([one, make_search(tmp_path, history[:1], {})])
    assert [(c.number, c.genotype, c.is_last) for c in both][2:] == [(3, A, True)]
    assert both[2].sparsity_normal is None


def test_candidates_round_trip_through_their_file(tmp_path: Path) -> None:
    run = make_search(tmp_path, [(0, 0, A), (5, 1, C)], {1: 10})
    found = find_candidates([run])
    (run.path / CANDIDATES_FILE).write_text(candidates_json(found))
    assert read_candidates(run) == found
    for damaged in ("", "[]", "{}", '{"candidates": [{}]}', '{"candidates": 3}'):
        (run.path / CANDIDATES_FILE).write_text(damaged)
        with pytest.raises(UsageError, match=CANDIDATES_FILE):
            read_candidates(run)


def test_only_searches_with_cells_can_be_ranked(tmp_path: Path) -> None:
    training = create_run(tmp_path, kind="train", space="", method="", seed=0)
    with pytest.raises(UsageError, match="a train run: only searches"):
        find_candidates([training])
    empty = create_run(tmp_path, space="standard", method="darts", seed=0)
    with pytest.raises(UsageError, match=r"no cells yet \(state: created\)"):
        find_candidates([empty])


def test_last_cells_and_best_inherited_accuracies_are_chosen() -> None:
    all_of_them = [candidate(1), candidate(2), candidate(3), candidate(4, is_last=True)]
    inherited = {1: 0.5, 2: 0.9, 3: 0.7, 4: 0.1}
    assert [c.number for c in chosen(all_of_them, inherited, 2)] == [2, 4]
    assert [c.number for c in chosen(all_of_them, inherited, 1)] == [4]
    assert [c.number for c in chosen(all_of_them, inherited, 9)] == [1, 2, 3, 4]
    unknown = [candidate(1, step=10), candidate(2, step=30), candidate(3, step=20)]
    assert [c.number for c in chosen(unknown, {}, 2)] == [2, 3]  # the most recent ones


def summary(accuracy: float, state: str = "completed", parameters: int = 10) -> dict[str, Any]:
    return {"id": "x", "state": state, "validation_accuracy": accuracy, "parameters": parameters}


def test_order_is_by_accuracy_then_size_with_failures_last() -> None:
    rows = ranking(
        [
            (candidate(1), summary(0.8)),
            (candidate(2), summary(0.99, "failed")),
            (candidate(3), summary(0.9, parameters=30)),
            (candidate(4), summary(0.9, parameters=20)),
        ],
        {1: 0.3, 3: 0.4},
    )
    assert [(row["rank"], row["candidate"], row["accuracy"]) for row in rows] == [
        (1, 4, 0.9),
        (2, 3, 0.9),
        (3, 1, 0.8),
        (4, 2, None),
    ]
    assert [row["inherited_accuracy"] for row in rows] == [None, 0.4, 0.3, None]


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=2, max_size=12))
def test_kendalls_tau_equals_scipy(pairs: list[tuple[int, int]]) -> None:
    expected = kendalltau(*zip(*pairs, strict=True))
    tau, p = kendall_tau(pairs)
    if math.isnan(expected.statistic):
        assert (tau, p) == (None, None)
    else:
        assert tau == pytest.approx(expected.statistic)
        assert p == pytest.approx(expected.pvalue)


def test_kendalls_tau_of_rows() -> None:
    def rows(*pairs: tuple[float | None, float | None]) -> list[dict[str, Any]]:
        return [{"accuracy": accuracy, "inherited_accuracy": inherited} for accuracy, inherited in pairs]

    # of the three pairs, two agree and one disagrees
    found = rank_correlation(rows((0.1, 0.2), (0.2, 0.1), (0.3, 0.3), (0.4, None), (None, 0.9)))
    assert found["kendall_tau"] == pytest.approx(1 / 3)
    assert found["kendall_cells"] == 3
    assert 0 < found["kendall_p"] <= 1
    assert rank_correlation(rows((0.1, 0.2), (0.3, 0.1)))["kendall_tau"] == pytest.approx(-1)
    for few in (rows(), rows((0.1, 0.2)), rows((0.1, 0.2), (0.1, 0.3))):
        assert rank_correlation(few)["kendall_tau"] is None
