"""CSV, JSON, Markdown and LaTeX: nothing is lost, and nothing breaks out of its cell."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas import DataFrame, Series
from pandas.testing import assert_frame_equal

from entrannas_cli.results.columns import COLUMNS, DEFAULT_COLUMNS
from entrannas_cli.results.differences import differing
from entrannas_cli.results.formats import text_table, to_csv, to_json, to_latex, to_markdown
from entrannas_cli.results.table import grouped, ordered, result_frame

from .generated import START, make_runs, search_run, train_run

NASTY = [
    "a,b",
    'say "x"',
    "two\nlines",
    "cr\rlf\r\n",
    "=1+1",
    "+1",
    "-5",
    "@x",
    "'=1",
    "''-",
    "\t=1",
    " a ",
    "0012",
]
NASTY += [
    "a & b",
    "50 %",
    "$x$",
    "#1",
    "a_b",
    "{x}",
    "\\input{x}",
    "~^",
    "<b>",
    "|",
    "[x]",
    "*",
    "é β 日 ±",
    "--",
    "'`\"",
]
TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1
) | st.sampled_from(NASTY)


def table(texts: list[str | None], numbers: list[float | None], counts: list[int | None]) -> DataFrame:
    return DataFrame(
        {
            "method": Series(texts, dtype="string"),
            "test_error": Series(numbers, dtype="float64"),
            "seed": Series(counts, dtype="Int64"),
        }
    )


ROWS = st.lists(
    st.tuples(
        st.none() | TEXT,
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
        st.none() | st.integers(-(2**53), 2**53),
    ),
    max_size=5,
)


def without_apostrophe(text: Any) -> Any:
    """Undo the documented escaping rule."""
    return text[1:] if isinstance(text, str) and re.match(r"''*[=+\-@\t\r]", text) else text


@given(ROWS)
def test_csv_round_trip(rows: list[tuple[Any, Any, Any]]) -> None:
    frame = table(*([list(column) for column in zip(*rows, strict=True)] or [[], [], []]))
    read = pandas.read_csv(
        io.StringIO(to_csv(frame), newline=""),
        dtype={"method": "string", "seed": "Int64", "test_error": "float64"},
        keep_default_na=False,
        na_values={"method": [""], "seed": [""], "test_error": [""]},
    )
    read["method"] = read["method"].map(without_apostrophe, na_action="ignore").astype("string")
    assert_frame_equal(read, frame, rtol=1e-15, atol=0.0)  # older releases of pandas are off by one ulp


@given(TEXT)
def test_no_csv_cell_is_a_formula(text: str) -> None:
    (_, (cell, *_)) = csv.reader(io.StringIO(to_csv(table([text], [1.0], [1])), newline=""))
    assert cell[0] not in "=+-@\t\r"
    assert without_apostrophe(cell) == text


def test_csv_of_runs_loads_in_pandas(tmp_path: Path) -> None:
    """Without any options of ``read_csv``."""
    frame = ordered(result_frame(make_runs(tmp_path, 40), keys=["network.channels"], published=True))
    read = pandas.read_csv(io.StringIO(to_csv(frame)))
    assert read.columns.tolist() == [*COLUMNS, "network.channels"]
    for key in frame.columns:
        ours = frame[key].astype(object).where(frame[key].notna(), None).tolist()
        theirs = read[key].astype(object).where(read[key].notna(), None).tolist()
        assert (
            ours == pytest.approx(theirs) if COLUMNS.get(key, COLUMNS["seed"]).is_number else ours == theirs
        ), key
    assert pandas.api.types.is_float_dtype(read["test_error"])


def test_csv_of_empty_and_single_column_tables() -> None:
    assert to_csv(result_frame([]), ["run", "test_error"]) == "run,test_error\n"
    frame = table(["x", None], [None, None], [None, None])
    assert to_csv(frame, ["method"]) == 'method\nx\n""\n'
    assert len(pandas.read_csv(io.StringIO(to_csv(frame, ["method"])))) == 2


def test_csv_of_groups_has_mean_std_best_and_count(tmp_path: Path) -> None:
    runs = [train_run(tmp_path, seed=n, test_error=0.02 + n / 100, created=START + n) for n in range(2)]
    read = pandas.read_csv(io.StringIO(to_csv(grouped(result_frame(runs), ["cells"], ["test_error"]))))
    assert read.columns.tolist() == [
        *("cells", "runs"),
        *(f"test_error_{part}" for part in ("mean", "std", "best", "count")),
    ]
    assert read.iloc[0].tolist() == ["DARTS_V2", 2, 2.5, pytest.approx(0.5**0.5), 2.0, 2]


def test_json_is_strict(tmp_path: Path) -> None:
    frame = result_frame([search_run(tmp_path), train_run(tmp_path)], keys=["network.share_features"])
    first, second = json.loads(to_json(frame), parse_constant=pytest.fail)
    assert first["test_error"] is None
    assert first["network.share_features"] is True
    assert second["seed"] == 0
    assert isinstance(second["test_error"], float)
    assert json.loads(to_json(frame, ["run"])) == [{"run": first["run"]}, {"run": second["run"]}]
    assert to_json(result_frame([])) == "[]\n"


def markdown_cells(line: str) -> list[str]:
    parts = re.split(r"(?<!\\)(?:\\\\)*\|", line)
    assert parts[0] == ""
    assert parts[-1] == ""
    return [part.strip() for part in parts[1:-1]]


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_markdown_cells_stay_in_their_columns(texts: list[str]) -> None:
    n = len(texts)
    lines = to_markdown(text_table(table(list(texts), [2.5] * n, [1] * n))).rstrip("\n").split("\n")
    assert len(lines) == n + 2
    for line in lines:
        assert len(markdown_cells(line)) == 3
        assert not re.search(r"(?<!\\)[<>*_`$\[]", line)


def test_markdown_table() -> None:
    text = to_markdown(text_table(table(["a|b_c", None], [2.756, None], [1, 10])))
    assert text == (
        "| method  | test error (%) | seed |\n"
        "| ------- | -------------: | ---: |\n"
        "| a\\|b\\_c |           2.76 |    1 |\n"
        "| –       |              – |   10 |\n"
    )


# LaTeX


def check_latex(text: str, rows: int) -> None:
    """Fail on anything that TeX would reject."""
    assert text.isascii()
    body = text.split("\n", 1)[1]  # the first line is a comment
    lines = body.rstrip("\n").split("\n")
    columns = re.fullmatch(r"\\begin\{tabular\}\{([lr]+)\}", lines[0])
    assert columns
    assert lines[1::2][0] == r"  \toprule"
    assert [lines[3], lines[-2], lines[-1]] == [r"  \midrule", r"  \bottomrule", r"\end{tabular}"]
    content = [lines[2], *lines[4:-2]]
    assert len(content) == rows + 1
    for line in content:
        assert line.endswith(r" \\")
        plain = re.sub(r"\\[{}$&#_%\\\"'`^~=.]", "", line.removesuffix(r"\\"))
        assert plain.count("&") == len(columns[1]) - 1
        assert plain.count("{") == plain.count("}")
        assert plain.count("$") % 2 == 0
        assert not re.search(r"[#_%^~<>|]", re.sub(r"\$-\$|\$\\[a-z]+\$", "", plain))
        assert not re.match(r"\s*[\[*]", line)  # would be read as an argument of the preceding \\
        for command in re.findall(r"\\([A-Za-z]+)", plain):
            assert command in KNOWN, command


KNOWN = {
    "textbackslash",
    "textasciitilde",
    "textasciicircum",
    "textless",
    "textgreater",
    "textbar",
    "char",
    "ldots",
}
KNOWN |= {
    "pm",
    "times",
    "ss",
    "ae",
    "AE",
    "o",
    "O",
    "oe",
    "l",
    "L",
    "i",
    "j",
    "alpha",
    "beta",
    "lambda",
    "tau",
}
KNOWN |= {"u", "r", "H", "v", "c"}


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_latex_survives_any_text(texts: list[str]) -> None:
    n = len(texts)
    check_latex(to_latex(text_table(table(list(texts), [-2.5] * n, [1] * n))), n)


def test_latex_table_of_a_paper(tmp_path: Path) -> None:
    runs = [train_run(tmp_path, seed=n, test_error=0.02 + n / 100, created=START + n) for n in range(2)]
    frame = ordered(grouped(result_frame(runs, published=True), ["cells"], ["test_error", "parameters"]))
    text = to_latex(text_table(frame))
    check_latex(text, len(frame))
    assert r"  DARTS\_V2 & -- & 2 & 2.50 $\pm$ 0.71 & 2.00 & 3.35 $\pm$ 0.00 & -- \\" in text
    assert r"& DARTS-2nd & published & 2.76 $\pm$ 0.09 & -- & 3.30 & Liu et al., ICLR 2019 \\" in text
    assert r"test error (\%) & best (\%) & params (M)" in text


def test_latex_special_characters() -> None:
    text = to_latex(text_table(table(["Gödel", "naïve", "日", "a--b", "β ± 1"], [-0.5] * 5, [1] * 5)))
    for expected in (r"G\"{o}del", r"na\"{\i }ve", "{[}U+65E5]", "a-{}-b", r"$\beta$ $\pm$ 1", "$-$0.50"):
        assert expected in text
    check_latex(text, 5)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX on this machine")
def test_latex_compiles(tmp_path: Path) -> None:
    frame = table([*NASTY, None], [-2.5] * (len(NASTY) + 1), [1] * (len(NASTY) + 1))
    document = (
        f"\\documentclass{{article}}\\usepackage{{booktabs}}\\begin{{document}}{to_latex(text_table(frame))}"
    )
    (tmp_path / "t.tex").write_text(document + "\\end{document}")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "t.pdf").stat().st_size > 0


# texts


def test_text_tables_round_values_and_drop_empty_columns(tmp_path: Path) -> None:
    search = search_run(tmp_path, gap=-0.0028, gpu_days=None)
    table_ = text_table(result_frame([search]), DEFAULT_COLUMNS)
    cells = dict(zip(table_.keys, table_.rows[0], strict=True))
    assert (cells["gap"], cells["test_error"], cells["cells"], cells["search_gpu_days"]) == (
        "-0.28",
        "–",
        "–",
        "–",
    )
    kept = table_.without_empty()
    assert not {"test_error", "cells", "search_gpu_days"} & set(kept.keys)
    assert dict(zip(kept.keys, kept.titles, strict=True))["search_seconds"] == "search (s)"
    assert text_table(result_frame([]), DEFAULT_COLUMNS).without_empty().keys == DEFAULT_COLUMNS


def test_mean_over_fewer_runs_shows_the_count(tmp_path: Path) -> None:
    runs = [train_run(tmp_path, seed=0, test_error=0.02), train_run(tmp_path, seed=1, state="running")]
    texts = text_table(grouped(result_frame(runs), ["cells"], ["test_error"]))
    assert texts.rows == (("DARTS_V2", "2", "2.00 (n=1)", "2.00"),)
    assert texts.headings == ("cells", "runs", "test error", "best")


def test_published_deviation_is_shown_with_its_error() -> None:
    texts = text_table(result_frame([], published=True), ["run", "test_error", "state", "source"])
    assert ("DARTS-1st", "3.00 ± 0.14", "published", "Liu et al., ICLR 2019") in texts.rows
    assert all(texts.published)


def test_differences_as_text() -> None:
    frame = differing({"a": {"x": 1, "y": True, "z": "=f"}, "b": {"x": 0.5, "y": None, "z": "g"}})
    assert text_table(frame).rows == (("x", "1", "0.5"), ("y", "true", "–"), ("z", "=f", "g"))
    assert to_csv(frame) == "key,a,b\nx,1,0.5\ny,true,\nz,'=f,g\n"
    assert json.loads(to_json(frame))[1] == {"key": "y", "a": True, "b": None}
