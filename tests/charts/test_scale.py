"""Axis ticks: round, short and distinct."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from entrannas_cli.charts.scale import label, ticks


def labels(low: float, high: float, most: int = 6, room: int = 6, **how: bool) -> list[str]:
    return [tick.label for tick in ticks(low, high, most, room, **how)]


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 1, 7, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0, 50_000, 6, ["0", "10k", "20k", "30k", "40k", "50k"]),
        (0, 1200, 7, ["0", "200", "400", "600", "800", "1000", "1200"]),
        (0.012, 0.048, 5, ["0.02", "0.03", "0.04"]),
        (1e-9, 4e-9, 5, ["1e-9", "2e-9", "3e-9", "4e-9"]),
        (-1.2e6, 2.1e6, 5, ["-1M", "0", "1M", "2M"]),
        (1.0, 1.0, 7, ["1"]),
    ],
)
def test_linear_ticks(low: float, high: float, most: int, expected: list[str]) -> None:
    assert labels(low, high, most) == expected


def test_percent_ticks() -> None:
    assert labels(0, 1, percent=True) == ["0%", "20%", "40%", "60%", "80%", "100%"]
    assert labels(0.97, 0.99, 5, percent=True) == ["97.0%", "97.5%", "98.0%", "98.5%", "99.0%"]


def test_log_ticks() -> None:
    assert labels(1e-5, 2, 9, log=True) == ["1e-5", "1e-4", "0.001", "0.01", "0.1", "1"]
    assert labels(0.5, 20, log=True) == ["0.5", "1", "2", "5", "10", "20"]
    assert labels(2.1, 2.2, log=True) == ["2.10", "2.12", "2.14", "2.16", "2.18", "2.20"]


def test_integer_ticks() -> None:
    assert labels(0, 3, 9, whole=True) == ["0", "1", "2", "3"]


def test_labels_too_long_to_differ_collapse_to_one() -> None:
    assert labels(1e6, 1e6 + 3, 4, 7) == ["1000000", "1000001", "1000002", "1000003"]
    assert labels(1e6, 1e6 + 3, 4, 5) == ["1M"]
    assert labels(1e6, 1e6 + 3, 4, 0) == []


VALUE = st.floats(-1e300, 1e300) | st.floats(-2, 2) | st.integers(-(10**6), 10**6).map(float)


@given(VALUE, VALUE, st.integers(0, 12), st.integers(0, 12), st.booleans(), st.booleans(), st.booleans())
def test_ticks_are_distinct_and_within_the_axis(
    one: float, other: float, most: int, room: int, log: bool, percent: bool, whole: bool
) -> None:
    low, high = sorted((one, other))
    if log:
        low, high = max(abs(low), 1e-300), max(abs(low), abs(high), 1e-300) * 1.01
    found = ticks(low, high, most, room, log=log, percent=percent, whole=whole)
    assert len(found) <= most
    assert all(0 < len(tick.label) <= room for tick in found)
    assert len({tick.label for tick in found}) == len(found)
    slack = (high - low) * 1e-6
    assert all(low - slack <= tick.value <= high + slack for tick in found)
    assert [tick.value for tick in found] == sorted(tick.value for tick in found)


PLAIN = st.floats(1e-3, 1e5) | st.floats(-1e5, -1e-3)


@given(PLAIN, PLAIN, st.integers(2, 10))
def test_label_parses_back_to_its_value(one: float, other: float, most: int) -> None:
    low, high = sorted((one, other))
    assume(high - low > 1e-4 * max(abs(low), abs(high)))  # else there may be no room to show the difference
    units = {"k": 1e3, "M": 1e6}
    for tick in ticks(low, high, most, 10):
        text = tick.label
        said = float(text[:-1]) * units[text[-1]] if text[-1] in units else float(text)
        assert said == pytest.approx(tick.value, rel=1e-6, abs=(high - low) * 1e-6)


@pytest.mark.parametrize(
    ("value", "room", "text"),
    [
        (0.5, 4, "0.5"),
        (12345.678, 7, "12345.7"),
        (1234567.0, 5, "1.23M"),
        (1e-7, 5, "1e-7"),
        (0.1234, 1, ""),
    ],
)
def test_label_fits_its_room(value: float, room: int, text: str) -> None:
    assert label(value, room) == text
