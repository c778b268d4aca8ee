"""Text and numbers formatted for people."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from entrannas_cli.common.numbers import bytes_text, count_text, duration, metric, number, percent
from entrannas_cli.common.text import safe, shortened


@given(st.text())
@example("\x1b]0;title\x07\x9b31m\u202e\u2066\ufeff")
@example("🇩🇪👩‍👩‍👧❤️")
def test_safe_text_is_one_printable_line(text: str) -> None:
    shown = safe(text)
    assert shown.splitlines() in ([], [shown])
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in shown)
    assert sum(map(cell_len, shown)) == cell_len(shown)


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"], max_codepoint=0x2FF)))
def test_ordinary_text_is_unchanged(text: str) -> None:
    assert safe(text) == text


def test_control_characters_are_escaped() -> None:
    assert safe("a\x1b[31mb\nc\td\u202e") == "a\\x1b[31mb\\nc\\td\\u202e"


def test_joining_characters_are_escaped_once() -> None:
    assert "\\\\" not in safe("\x1b 🇩🇪❤️")


@given(st.text(), st.integers(-1, 40), st.sampled_from(["…", ".."]))
def test_shortened_text_fits(text: str, limit: int, ellipsis: str) -> None:
    short = shortened(safe(text), limit, ellipsis)
    assert cell_len(short) <= max(limit, 0)
    if cell_len(safe(text)) <= limit:
        assert short == safe(text)


def test_shortened_name_keeps_both_ends() -> None:
    assert shortened("separable_conv_5x5", 9) == "sepa…_5x5"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1m00s"),
        (80, "1m20s"),
        (3599.7, "1h00m"),
        (7500, "2h05m"),
        (3 * 86400 + 4 * 3600, "3d04h"),
        (-1, "–"),
        (float("nan"), "–"),
        (None, "–"),
        ("1", "–"),
    ],
)
def test_durations(seconds: object, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (987, "987"),
        (999.6, "1.00 k"),
        (12_345, "12.3 k"),
        (3_349_342, "3.35 M"),
        (9_996_000, "10.0 M"),
        (574_000_000, "574 M"),
        (999_600_000, "1.00 G"),
        (1.2e9, "1.20 G"),
        (None, "–"),
    ],
)
def test_counts_have_three_significant_digits(count: object, text: str) -> None:
    assert count_text(count) == text


def test_bytes_percentages_and_metrics() -> None:
    assert [bytes_text(size) for size in (512, 1500, 25.3e9, None)] == ["512 B", "1.5 kB", "25.3 GB", "–"]
    assert [percent(share) for share in (0.4512, 1, -0.012, True, 10**400)] == [
        "45.1 %",
        "100.0 %",
        "-1.2 %",
        "–",
        "–",
    ]
    values: list[object] = [1.23456, 0, 0.00001, -0.5, 1e7, float("inf"), []]
    assert [metric(value) for value in values] == [
        "1.235",
        "0.000",
        "1.0e-05",
        "-0.500",
        "1.0e+07",
        "–",
        "–",
    ]
    assert number("7") is None
