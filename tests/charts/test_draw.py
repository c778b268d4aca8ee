"""Charts as lines of characters: always of the requested size and legible without colour."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from entrannas_cli.charts.chart import Chart, Line
from entrannas_cli.charts.draw import draw, picture
from entrannas_cli.charts.look import CONTRAST_LIGHT, DARK, LIGHT

from .strategies import POINTS, WILD, unzip

NAMES = st.sampled_from(["", "loss", "weight loss of a long name", "損失の名前", "a\x1b[31mb\n", "[bold]x"])
LINES = st.lists(st.tuples(NAMES, POINTS | WILD), max_size=4)


def render_lines(chart: Chart, width: int = 60, height: int = 14, *, ascii_only: bool = False) -> list[str]:
    return [line.plain for line in draw(chart, width, height, ascii_only=ascii_only)]


def rising_line(name: str = "loss", by: float = 1.0) -> Line:
    return Line(name, range(1, 101), [by * n for n in range(100)])


@settings(max_examples=150, deadline=None)
@given(
    LINES,
    st.integers(0, 210),
    st.integers(0, 62),
    st.none() | st.floats(-10, 410),
    st.sampled_from([1, 7]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_every_chart_has_the_requested_size(
    lines: list[tuple[str, list[tuple[float, float]]]],
    width: int,
    height: int,
    crosshair: float | None,
    smooth: int,
    log: bool,
    percent: bool,
    ascii_only: bool,
) -> None:
    chart = Chart(
        "title 題",
        [Line(name, *unzip(points)) for name, points in lines],
        crosshair=crosshair,
        smooth=smooth,
        percent=percent,
    ).fitted()
    chart = replace(chart, window=chart.window.scaled(log, chart.traces))
    drawn = draw(chart, width, height, ascii_only=ascii_only)
    assert [cell_len(line.plain) for line in drawn] == [width] * height
    assert all(line.plain.isprintable() for line in drawn)
    if ascii_only:
        assert all(line.plain.isascii() for line in drawn)


def test_layout_of_a_chart() -> None:
    lines = render_lines(Chart("loss", [rising_line()]).fitted(), 60, 16)
    assert lines[0].startswith("loss  99.000")
    labels = [line.split("┤")[0].strip() for line in lines if "┤" in line]
    assert labels == ["100", "80", "60", "40", "20", "0"]
    assert lines[-1].split() == ["20", "40", "60", "80", "100"]
    assert lines[-2].count("┬") == 5
    first = [line[4] for line in lines[1:-2]]
    assert first[-1] not in " ┈"  # the line begins at the bottom left
    assert lines[1].rstrip()[-1] not in " ┈"  # and ends at the top right


def test_lines_are_distinguishable_without_colour() -> None:
    chart = Chart("losses", [rising_line("weight"), rising_line("architecture", 0.5)]).fitted()
    lines = render_lines(chart)
    assert lines[0].startswith("losses  ● weight 99.000  ▲ architecture 49.500")
    below = "".join(lines[1:])
    assert below.count("●") >= 2
    assert below.count("▲") >= 2
    plain = render_lines(chart, ascii_only=True)
    assert plain[0].startswith("losses  * weight 99.000  + architecture 49.500")
    assert "*" in plain[3]
    assert "+" in plain[8].partition("|")[2]


def test_hidden_line_keeps_its_markers() -> None:
    chart = Chart("losses", [rising_line("one"), rising_line("other")]).fitted()
    below = "".join(render_lines(chart)[1:])
    assert below.count("●") >= 2
    assert below.count("▲") >= 2


def test_long_legend_gets_its_own_row() -> None:
    chart = Chart("losses", [rising_line("weight loss"), rising_line("architecture loss", 0.5)]).fitted()
    lines = render_lines(chart, 44)
    assert lines[0].strip() == "losses"
    assert lines[1].split("  ")[:2] == ["● weight loss 99.000", "▲ archit~e loss 49.500"]


def test_lines_have_colours_from_the_palette_or_their_style() -> None:
    chart = Chart(
        "losses", [rising_line("weight"), Line("other", range(9), range(9), style="#abcdef")]
    ).fitted()
    styles = {str(span.style) for line in draw(chart, 60, 14, look=LIGHT) for span in line.spans}
    assert any(LIGHT.lines[0] in style for style in styles)
    assert any("#abcdef" in style for style in styles)


def test_numbered_line_keeps_its_style_beside_other_lines() -> None:
    third = Line("c", range(9), range(9), number=2)
    for others in ([], [Line("a", range(9), range(9), number=0), Line("b", range(9), range(9), number=1)]):
        drawn = draw(Chart("losses", [*others, third]).fitted(), 60, 14)
        entry = next(line for line in drawn if "■ c 8.000" in line.plain)
        at = entry.plain.index("■")
        styles = [str(span.style) for span in entry.spans if span.start <= at < span.end]
        assert any(DARK.lines[2] in style for style in styles)
        assert sum(line.plain.count("■") for line in drawn) > 1  # also on the line


def test_crosshair_shows_each_line_at_its_nearest_point() -> None:
    chart = Chart("losses", [rising_line("a"), Line("b", [1, 50, 100], [3, 2, 1])], crosshair=41.0).fitted()
    drawn = picture(chart, 60, 14)
    lines = [line.plain for line in drawn.lines]
    assert "a 40.000" in lines[0]
    assert "b 2.000" in lines[0]
    assert lines[0].rstrip().endswith("step 41")
    assert sum(line.count("◉") for line in lines) == 2
    assert drawn.frame is not None
    upright = [line.index("│", drawn.frame.left) for line in lines[1:-2] if "│" in line[drawn.frame.left :]]
    assert len(upright) >= 9
    assert set(upright) == {drawn.frame.left + drawn.frame.column_of(41.0)}


def test_column_and_x_convert_both_ways() -> None:
    frame = picture(Chart("loss", [rising_line()]).fitted(), 60, 14).frame
    assert frame is not None
    assert frame.x_at(frame.left - 1) is None
    assert frame.x_at(60) is None
    for column in range(frame.columns):
        x = frame.x_at(frame.left + column)
        assert x is not None
        assert frame.column_of(x) == column


def test_smoothed_line_shows_its_raw_points() -> None:
    line = Line("loss", range(200), [float(n % 2) for n in range(200)])
    chart = Chart("loss", [line], smooth=50).fitted()
    assert "smooth 50" in render_lines(chart)[0]
    assert "0.510" in render_lines(chart)[0]  # the value as smoothed
    look = CONTRAST_LIGHT
    faint = look.faint(look.line(0))
    behind = [span.style for line in draw(chart, 60, 14, look=look) for span in line.spans]
    assert faint in behind
    assert look.line(0) in behind


def test_points_that_cannot_be_drawn_are_counted() -> None:
    chart = Chart("loss", [Line("loss", range(5), [1.0, float("nan"), -2.0, 0.0, 5.0])]).fitted()
    assert "1 left out" in render_lines(chart)[0]
    log = replace(chart, window=chart.window.scaled(True, chart.traces))
    assert "log, 3 left out" in render_lines(log)[0]


def test_small_chart_falls_back_to_the_latest_values() -> None:
    chart = Chart("losses", [rising_line("weight"), rising_line("architecture of it", 0.5)]).fitted()
    assert [line.rstrip() for line in render_lines(chart, 20, 5)] == [
        "losses",
        "● weight 99.000",
        "▲ archi~of it 49.500",
        "",
        "",
    ]
    assert render_lines(Chart("loss", [rising_line()]).fitted(), 20, 1) == ["loss 99.000         "]


def test_names_that_shorten_to_the_same_text_are_omitted() -> None:
    chart = Chart(
        "loss", [rising_line(f"standard-{one}-seed") for one in ("darts", "snas", "random")]
    ).fitted()
    assert "▲ standard-snas-seed 99.000" in render_lines(chart, 90, 14)[1]
    assert render_lines(chart, 60, 14)[1].rstrip() == "● 99.000  ▲ 99.000  ■ 99.000"


@pytest.mark.parametrize(
    ("title", "name", "head"),
    [
        ("learning rate", "learning rate", "learning rate  99.000"),
        ("temperature", "temperature τ", "temperature  99.000"),
        ("consistency gap", "gap", "consistency gap  99.000"),
        ("loss", "node 2", "loss  node 2 99.000"),
        ("", "loss", "loss 99.000"),
    ],
)
def test_the_name_of_a_single_line_does_not_repeat_the_title(title: str, name: str, head: str) -> None:
    assert render_lines(Chart(title, [rising_line(name)]).fitted(), 60, 14)[0].rstrip() == head


def test_a_single_line_with_a_number_keeps_its_name() -> None:
    run = replace(rising_line("rate"), number=2)
    assert (
        render_lines(Chart("learning rate", [run]).fitted(), 60, 14)[0].rstrip()
        == "learning rate  ■ rate 99.000"
    )


def test_chart_without_data() -> None:
    assert "–" in render_lines(Chart("loss", [Line("loss", [], [])]).fitted())[0]
    assert render_lines(Chart("loss"))[0].strip() == "loss"


def test_single_point_is_drawn_as_a_marker() -> None:
    assert (
        sum(line.count("●") for line in render_lines(Chart("loss", [Line("loss", [7], [3])]).fitted())) == 1
    )


def test_percent_axis_shows_percentages() -> None:
    lines = render_lines(Chart("accuracy", [Line("accuracy", [1, 2], [0.0, 0.5])], percent=True).fitted())
    assert "50.0 %" in lines[0]
    assert any(line.startswith("40%┤") for line in lines)


@pytest.mark.parametrize("module", ["draw", "chart", "window", "scale"])
def test_charts_import_no_heavy_packages(module: str) -> None:
    code = (
        f"import sys, entrannas_cli.charts.{module}\n"
        "heavy = {'torch', 'numpy', 'pandas', 'matplotlib', 'pydantic', 'textual'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
