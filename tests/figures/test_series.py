"""From rows to curves: reading, averaging and thinning."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from entrannas_cli.common.errors import UsageError
from entrannas_cli.figures.metric_series import Axis, Series, average, read_series, smoothed, thinned
from entrannas_cli.figures.plotted_metrics import names_in, parse_metrics, value_in
from entrannas_cli.figures.run_labels import run_labels
from entrannas_cli.figures.style import line_look
from entrannas_cli.metrics import metric_of
from entrannas_cli.store.run import Run

from .runs import write_rows

VALUES = hnp.arrays(np.float64, st.integers(1, 300), elements=st.floats(-1e6, 1e6))


def curve_of(run: Run, name: str, axis: Axis = "step") -> list[tuple[float, float]]:
    series = read_series(run, [metric_of(name)], axis).series.get(name)
    return [] if series is None else list(zip(series.x.tolist(), series.y.tolist(), strict=True))


def step(number: int, epoch: int = 1, **values: Any) -> dict[str, Any]:
    return {"kind": "step", "step": number, "epoch": epoch, **values}


def epoch(number: int, last: int, **values: Any) -> dict[str, Any]:
    return {"kind": "epoch", "step": last, "epoch": number, **values}


def test_curves_use_step_rows_where_possible_else_epoch_rows(tmp_path: Path) -> None:
    rows = [
        step(1, weight_loss=3.0, learning_rate=0.5),
        step(2, weight_loss=1.0, learning_rate=0.3),
        epoch(1, 2, weight_loss=2.5, gap=0.1),
        step(3, 2, weight_loss=0.5, learning_rate=0.1),
        epoch(2, 3, weight_loss=0.75, gap=-0.02),
    ]
    run = write_rows(tmp_path, rows)
    assert curve_of(run, "loss") == [(1, 3.0), (2, 1.0), (3, 0.5)]
    assert curve_of(run, "gap") == [(2, 10.0), (3, -2.0)]
    assert curve_of(run, "loss", "epoch") == [(1, 2.5), (2, 0.75)]
    assert curve_of(run, "learning_rate", "epoch") == [(1, 0.4), (2, 0.1)]
    assert curve_of(run, "temperature") == []
    names = read_series(run, []).names
    assert names == ["gap", "learning_rate", "loss", "weight_loss"]


def test_time_excludes_pauses_and_repeated_steps(tmp_path: Path) -> None:
    def attempt(number: int, first: int, time: float) -> dict[str, Any]:
        return {"kind": "attempt", "attempt": number, "first_step": first, "time": time}

    rows = [
        attempt(1, 1, 1000),
        step(1, time=1002, weight_loss=4.0),
        step(2, time=1005, weight_loss=3.0),
        step(3, time=1010, weight_loss=9.0),  # repeated after a resume
        attempt(2, 3, 90000),
        step(3, time=90004, weight_loss=2.0),
        attempt(3, 4, 200000),  # this attempt wrote no steps
        attempt(4, 4, 300000),
        step(4, time=300001, weight_loss=1.0),
        step(5, time=299999, weight_loss=0.5),  # the clock was set back
    ]
    run = write_rows(tmp_path, rows)
    assert curve_of(run, "loss", "time") == [(2, 4.0), (5, 3.0), (9, 2.0), (10, 1.0), (10, 0.5)]


def test_metrics_over_several_keys_and_nodes() -> None:
    row = {"sparsity_normal": 0.5, "sparsity_reduce": 0.75, "thresholds_normal": [0.25, 0.75]}
    row |= {"connections_normal": [1, 2], "connections_reduce": [3, 4], "entropy_reduce": 0.5}
    values = {name: value_in(row, metric_of(name)) for name in ("sparsity", "connections", "entropy", "gap")}
    assert values == {"sparsity": 62.5, "connections": 10, "entropy": 0.5, "gap": None}
    assert value_in(row, metric_of("sparsity_reduce")) == 75
    assert value_in(row, metric_of("connections_reduce")) == 7
    assert value_in(row, metric_of("thresholds_normal")) == 0.5
    assert metric_of("test_accuracy").title == "test accuracy (%)"
    assert metric_of("gap").title == "consistency gap (%)"


ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.text(max_size=3),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.lists(st.one_of(st.floats(), st.none(), st.text(max_size=1)), max_size=3),
    st.dictionaries(st.text(max_size=1), st.floats(), max_size=1),
)
KEYS = st.sampled_from(
    ["step", "epoch", "time", "weight_loss", "gap", "sparsity_normal", "connections_normal"]
)


@given(rows=st.lists(st.dictionaries(KEYS, ODD), max_size=6), axis=st.sampled_from(["step", "epoch", "time"]))
def test_damaged_rows_give_only_finite_points(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], axis: Axis
) -> None:
    kinds = ("step", "epoch")
    written = [{"step": n, **row, "kind": kinds[n % 2]} for n, row in enumerate(rows)]
    run = write_rows(tmp_path_factory.mktemp("rows"), written)
    metrics = [metric_of(name) for name in ("loss", "gap", "sparsity", "connections")]
    for series in read_series(run, metrics, axis).series.values():
        assert len(series.x) == len(series.y) > 0
        assert np.isfinite(series.x).all()
        assert np.isfinite(series.y).all()
        assert (np.diff(series.x) >= 0).all()
    names_in(written)


@given(VALUES, st.integers(1, 400))
def test_smoothing_is_a_centred_mean(y: np.ndarray, window: int) -> None:
    series = Series(np.arange(len(y), dtype=float), y)
    result = smoothed(series, window)
    assert (result.x == series.x).all()
    half = window // 2
    for n in range(len(y)):
        reach = min(half, n, len(y) - 1 - n)
        assert math.isclose(result.y[n], y[n - reach : n + reach + 1].mean(), rel_tol=1e-9, abs_tol=1e-6)


@given(VALUES, st.integers(2, 120))
def test_thinning_keeps_peaks(y: np.ndarray, most: int) -> None:
    series = Series(np.arange(len(y), dtype=float), y)
    result = thinned(series, most)
    assert len(result.y) <= most
    assert result.y.max() == y.max()
    assert result.y.min() == y.min()
    assert (np.diff(result.x) > 0).all()
    assert (y[result.x.astype(int)] == result.y).all()


def test_group_is_averaged_up_to_its_shortest_run() -> None:
    members = [
        Series(np.array([1.0, 2.0, 3.0, 4.0]), np.array([4.0, 3.0, 2.0, 1.0])),
        Series(np.array([2.0, 4.0, 6.0]), np.array([5.0, 9.0, 0.0])),
        Series(np.array([1.0, 5.0]), np.array([1.0, 1.0])),
    ]
    band = average(members)
    assert band.x.tolist() == [2, 3, 4]
    at_three = [2.0, 7.0, 1.0]
    assert band.mean[1] == pytest.approx(statistics.mean(at_three))
    assert band.deviation[1] == pytest.approx(statistics.stdev(at_three))
    alone = average(members[:1])
    assert alone.mean.tolist() == [4, 3, 2, 1]
    assert np.isnan(alone.deviation).all()
    assert not len(average([members[0], Series(np.array([9.0]), np.array([1.0]))]).x)
    long = [Series(np.arange(9000.0) + shift, np.ones(9000)) for shift in (0.0, 0.5)]
    assert len(average(long, 100).x) == 100


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.text("a_$-\x1b20261124-101500", min_size=1, max_size=30)),
        max_size=8,
    )
)
def test_labels_are_unique(names: list[tuple[str, str]]) -> None:
    runs = [Run(Path("/runs", folder, name.replace("/", "-"))) for folder, name in names]
    labels = run_labels(list(dict.fromkeys(runs)))
    assert len(set(labels)) == len(labels)
    assert all(label and label.isprintable() for label in labels)


def test_labels_are_shortened_where_unambiguous() -> None:
    ids = [
        "20261124-101500-standard-darts-s0",
        "20261124-101600-standard-darts-s1",
        "20261124-101700-standard-darts-s1",
    ]
    ids += ["20261124-101800-train-20261124-101500-standard-darts-s0"]
    labels = run_labels([Run(Path("/runs", name)) for name in ids])
    assert labels == ["standard-darts-s0", *ids[1:3], "train-standard-darts-s0"]


def test_each_line_looks_different() -> None:
    looks = [line_look(number) for number in range(140)]
    assert len(set(looks)) == 140
    near = [(a, b) for n, a in enumerate(looks) for b in looks[n + 1 : n + 4]]
    assert all((a.dashes, a.marker) != (b.dashes, b.marker) for a, b in near)  # also without colours


def test_metric_lists_are_parsed() -> None:
    assert [metric.key for metric in parse_metrics(["loss, gap", "loss", "sparsity"])] == [
        "loss",
        "gap",
        "sparsity",
    ]
    for text in ("", "loss,,gap", "loss,"):
        with pytest.raises(UsageError, match="empty name"):
            parse_metrics([text])
