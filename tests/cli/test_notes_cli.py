"""`entrannas runs tag` and `note`, and the commands that show tags or filter by them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from ..commands import Call, Result
from ..results.generated import START, search_run


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    """Create three searches in the default runs folder."""
    folder = tmp_path / "work" / "runs"
    return [
        search_run(folder, seed=n, created=START + n, name=f"20261124-10150{n}-{name}").id
        for n, name in enumerate(("one", "two", "three"))
    ]


def listed_ids(result: Result) -> list[str]:
    assert result.code == 0
    return [row["id"] for row in json.loads(result.out)]


def test_runs_list_filters_by_tag(call: Call, runs: list[str]) -> None:
    one, two, _ = runs
    done = call("runs", "tag", "one", "two", "--add", "good", "--add", "baseline")
    assert (done.code, done.out) == (0, "")
    assert done.err == f"{one}: baseline, good\n{two}: baseline, good\n"
    assert call("runs", "tag", "two", "-r", "baseline", "-a", "wide").err == f"{two}: good, wide\n"
    assert listed_ids(call("runs", "list", "--tag", "good", "--json")) == [two, one]
    assert listed_ids(call("runs", "list", "--tag", "good", "--tag", "wide", "--json")) == [two]
    assert listed_ids(call("runs", "list", "--tag", "good", "--state", "failed", "--json")) == []
    nothing = call("runs", "list", "--tag", "wide", "--tag", "baseline")
    assert (nothing.code, nothing.out) == (0, "")
    assert "no run tagged baseline and wide" in nothing.err
    assert "there are 3 others" in nothing.err
    facts = json.loads(call("runs", "list", "--json").out)
    assert [row["tags"] for row in facts] == [[], ["good", "wide"], ["baseline", "good"]]


def test_compare_filters_by_tag(call: Call, runs: list[str]) -> None:
    call("runs", "tag", "one", "two", "--add", "good")
    call("runs", "tag", "two", "--add", "wide")

    def compared(*arguments: str) -> list[tuple[str, str]]:
        result = call("compare", "--columns", "run,tags", "--format", "csv", *arguments)
        assert result.code == 0, result.err
        return [(row["run"], row["tags"]) for row in csv.DictReader(io.StringIO(result.out))]

    one, two, three = runs
    assert compared() == [(three, ""), (two, "good wide"), (one, "good")]
    assert compared("--where", "tags=good") == [(two, "good wide"), (one, "good")]
    assert compared("--where", "tags=wide") == [(two, "good wide")]
    assert compared("--where", "tags=good", "--where", "tags!=wide") == [(one, "good")]
    assert compared("--where", "tags=") == [(three, "")]
    nothing = call("compare", "--where", "tags=god")
    assert "good and wide" in nothing.err
    assert "did you mean good?" in nothing.err
    assert call("compare", "--where", "tags<5").code == 2


def test_note_is_shown(call: Call, runs: list[str]) -> None:
    assert call("runs", "note", "one", "first line\nsecond \x1b[31m") == Result(0, "", "")
    assert call("runs", "note", "one").out == "first line\nsecond \\x1b[31m\n"
    call("runs", "tag", "one", "--add", "good")
    page = call("runs", "show", "one").out.splitlines()
    at = next(n for n, line in enumerate(page) if line.split() == ["note", "first", "line"])
    assert page[at + 1].strip() == "second \\x1b[31m"
    assert any(line.split() == ["tags", "good"] for line in page)
    facts = json.loads(call("runs", "show", "one", "--json").out)
    assert (facts["tags"], facts["note"]) == (["good"], "first line\nsecond \x1b[31m")
    assert call("runs", "note", "one", "").code == 0
    assert call("runs", "note", "one").out == ""
    assert json.loads(call("runs", "show", "one", "--json").out)["tags"] == ["good"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tag", "one"), "nothing to change"),
        (("tag", "one", "--add", "two words"), 'tag "two words" contains an invalid character'),
        (("tag", "one", "--add", "a", "--remove", "a"), "either add it or remove it"),
        (("tag", "none", "--add", "a"), 'run "none": no such run'),
        (("note", "one", "n" * 10_001), "at most 10000"),
        (("list", "--tag", "a b"), 'tag "a b"'),
    ],
)
def test_invalid_input_is_rejected(
    call: Call, runs: list[str], arguments: tuple[str, ...], message: str
) -> None:
    result = call("runs", *arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "Traceback" not in result.err
    assert call("runs", "list", "--tag", "a").out == ""


def test_unknown_run_leaves_the_other_runs_unchanged(call: Call, runs: list[str]) -> None:
    assert call("runs", "tag", "one", "tow", "--add", "good").code == 2
    assert listed_ids(call("runs", "list", "--tag", "good", "--json")) == []
