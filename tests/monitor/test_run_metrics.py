"""Metrics as arrays: equal to reading the whole file, however it was written."""

from __future__ import annotations

import itertools
import json
import math
import tempfile
import time
from array import array
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrannas_cli.monitor import run_metrics as module
from entrannas_cli.monitor.run_metrics import MAX_LIST_LENGTH, MAX_SERIES, RunMetrics
from entrannas_cli.store.create import create_run
from entrannas_cli.store.run import METRICS_FILE, Run
from entrannas_cli.store.session import RunSession


def write(folder: Path, *rows: dict[str, Any] | str, mode: str = "a") -> Run:
    with (folder / METRICS_FILE).open(mode) as file:
        file.writelines((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    return Run(folder)


def step(number: int, **values: Any) -> dict[str, Any]:
    return {"kind": "step", "step": number, **values}


def epoch(number: int, **values: Any) -> dict[str, Any]:
    return {"kind": "epoch", "step": number, **values}


def marker(first: int) -> dict[str, Any]:
    return {"kind": "attempt", "attempt": 2, "first_step": first}


def points(course: RunMetrics, kind: str, key: str) -> list[tuple[float, float]]:
    """Return the points, after checking the guarantees of the arrays."""
    series = course.series(kind, key)
    x, y = series.x[: len(series)], series.y
    assert series.x.typecode == y.typecode == "d"
    assert len(x) == len(y)
    assert all(a < b for a, b in itertools.pairwise(x))
    return list(zip(x, y, strict=True))


def test_search_rows_become_curves(tmp_path: Path) -> None:
    run = create_run(tmp_path, space="standard", method="entrannas-dst", seed=0)
    course = RunMetrics(run)
    assert course.read() is False
    assert (course.version, course.names("step"), course.last("epoch")) == (0, (), {})
    with RunSession(run, epochs=2, steps=4) as session:
        session.begin_attempt(1)
        for n in range(1, 5):
            session.write_step(
                {
                    "step": n,
                    "epoch": (n + 1) // 2,
                    "weight_loss": 2 / n,
                    "thresholds_normal": [0.1, n / 10],
                    "connections_normal": [n, 2],
                }
            )
            if n % 2 == 0:
                session.write_epoch(
                    {"step": n, "epoch": n // 2, "gap": -0.1, "weights_normal": [[n, 0.5], [0.5]]}
                )
        session.finish("completed")
    assert course.read() is False
    assert points(course, "step", "weight_loss") == [(1, 2), (2, 1), (3, 2 / 3), (4, 0.5)]
    assert points(course, "step", "thresholds_normal.1") == [(1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4)]
    assert points(course, "step", "connections_normal.0") == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert points(course, "epoch", "gap") == [(2, -0.1), (4, -0.1)]
    assert course.last("epoch")["weights_normal"] == [[4, 0.5], [0.5]]
    assert course.last("step")["step"] == 4
    assert set(course.names("step")) == {
        *("time", "epoch", "weight_loss", "thresholds_normal.0", "thresholds_normal.1"),
        *("connections_normal.0", "connections_normal.1"),
    }
    assert set(course.names("epoch")) == {"time", "epoch", "gap"}
    assert points(course, "epoch", "missing") == []


def test_version_changes_with_new_data(tmp_path: Path) -> None:
    course = RunMetrics(write(tmp_path, step(1, a=1)))
    course.read()
    version = course.version
    course.read()
    assert course.version == version
    write(tmp_path, step(2, a=2))
    course.read()
    assert course.version > version
    assert points(course, "step", "a") == [(1, 1), (2, 2)]


def test_series_are_shared_not_copied(tmp_path: Path) -> None:
    course = RunMetrics(write(tmp_path, step(1, a=1, b=2)))
    course.read()
    series = course.series("step", "a")
    write(tmp_path, step(2, a=2, b=3))
    course.read()
    assert course.series("step", "a") is series
    assert list(series.y) == [1, 2]
    assert course.series("step", "b").x is series.x


def test_resumed_steps_are_not_counted_twice(tmp_path: Path) -> None:
    first = [step(n, a=n) for n in range(1, 7)]
    course = RunMetrics(write(tmp_path, *first[:3], epoch(3, e=1), *first[3:], epoch(6, e=2)))
    course.read()
    write(tmp_path, marker(5))
    course.read()
    assert points(course, "step", "a") == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert (course.last("step"), course.last("epoch")) == (step(4, a=4), epoch(3, e=1))
    write(tmp_path, step(5, a=50, b=1), step(6, a=60))
    course.read()
    assert points(course, "step", "a") == [(1, 1), (2, 2), (3, 3), (4, 4), (5, 50), (6, 60)]
    assert points(course, "step", "b") == [(5, 1)]
    assert points(course, "epoch", "e") == [(3, 1)]


def test_replaced_or_removed_file(tmp_path: Path) -> None:
    course = RunMetrics(write(tmp_path, step(1, a=1), step(2, a=2)))
    course.read()
    (tmp_path / METRICS_FILE).unlink()
    course.read()
    assert (course.names("step"), course.last("step")) == ((), {})
    write(tmp_path, step(7, a=7))
    course.read()
    assert points(course, "step", "a") == [(7, 7)]


VALUES = st.one_of(
    st.none(),
    st.integers(-3, 3),
    st.just(10**400),
    st.floats(allow_nan=True, allow_infinity=True),
    st.booleans(),
    st.text(max_size=2),
    st.lists(st.one_of(st.integers(0, 3), st.none(), st.just([1])), max_size=3),
)
EVENTS: st.SearchStrategy[list[tuple[str, int, dict[str, Any]]]] = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["step", "epoch", "other"]),
            st.integers(-1, 8),
            st.dictionaries(st.sampled_from(["a", "b", "a.0"]), VALUES),
        ),
        st.tuples(st.just("attempt"), st.integers(0, 8), st.just({})),
    ),
    max_size=25,
)


def expected(events: list[tuple[str, int, dict[str, Any]]]) -> dict[tuple[str, str], dict[int, float]]:
    """Interpret the rows in the simplest way: {(kind, key): {step: value}}."""
    curves: dict[tuple[str, str], dict[int, float]] = {}
    for kind, number, values in events:
        if kind == "attempt":
            for curve in curves.values():
                for gone in [known for known in curve if known >= number]:
                    del curve[gone]
        elif kind != "other" and number >= 0:
            for key, value in values.items():
                several = [(f"{key}.{n}", one) for n, one in enumerate(value)] if type(value) is list else []
                for name, one in several or [(key, value)]:
                    if type(one) in (int, float) and abs(one) < 10**399 and math.isfinite(one):
                        curves.setdefault((kind, name), {})[number] = one
    return {key: curve for key, curve in curves.items() if curve}


@given(EVENTS, st.integers(1, 200), st.integers(1, 6))
def test_any_rows_in_any_chunks(
    events: list[tuple[str, int, dict[str, Any]]], size: int, portions: int
) -> None:
    rows = [
        marker(number) if kind == "attempt" else {"kind": kind, "step": number, **values}
        for kind, number, values in events
    ]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK_BYTES", size)
        course = RunMetrics(Run(Path(folder)))
        for start in range(0, len(rows), portions):
            write(Path(folder), *rows[start : start + portions])
            while course.read(budget=0):
                pass
        wanted = expected(events)
        for kind in ("step", "epoch"):
            assert set(course.names(kind)) == {key for of_kind, key in wanted if of_kind == kind}
            for key in course.names(kind):
                assert points(course, kind, key) == sorted(wanted[kind, key].items())


def test_strange_rows_are_tolerated(tmp_path: Path) -> None:
    run = write(
        tmp_path,
        step(1, a=1),
        '{"kind": "step", "step": 2, "a',
        step(10**30, a=3),
        step(-1, a=3),
        {"kind": ["step"], "step": 3, "a": 4},
        step(4, a=[5] * (MAX_LIST_LENGTH + 1), b={"c": 1}, kind="step"),
        step(5, **{f"many{n}": n for n in range(2 * MAX_SERIES)}),
        step(6, a=6),
    )
    course = RunMetrics(run)
    course.read()
    assert points(course, "step", "a") == [(1, 1), (6, 6)]
    assert len(course.names("step")) == MAX_SERIES
    (tmp_path / "folder" / METRICS_FILE).mkdir(parents=True)
    assert RunMetrics(Run(tmp_path / "folder")).read() is False


def test_budget_reads_the_curve_in_slices(tmp_path: Path) -> None:
    run = write(tmp_path, *(step(n, **{f"m{k}": n / 7 for k in range(10)}) for n in range(1, 20_001)))
    course = RunMetrics(run)
    begun = time.perf_counter()
    more = course.read(budget=0.02)
    assert time.perf_counter() - begun < 0.3
    assert more
    before = len(points(course, "step", "m3"))
    assert 0 < before < 20_000
    while course.read(budget=0.02):
        count = len(course.series("step", "m3"))
        assert count > before
        before = count
    assert len(points(course, "step", "m3")) == 20_000
    # little more than eight bytes per value: the steps are stored once
    arrays: dict[int, array[float]] = {}
    for name in course.names("step"):
        series = course.series("step", name)
        arrays |= {id(series.x): series.x, id(series.y): series.y}
    assert sum(len(one) * one.itemsize for one in arrays.values()) == 20_000 * 8 * 11
