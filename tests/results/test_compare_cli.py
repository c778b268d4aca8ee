"""`entrannas compare` end to end."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pandas
import pexpect
import pyte
import pytest

from entrannas_cli.common.text import safe
from entrannas_cli.results.columns import COLUMNS, DEFAULT_COLUMNS

from ..commands import Call
from .generated import START, make_runs, search_run, train_run


@pytest.fixture
def compare(call: Call) -> Call:
    return partial(call, "compare")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Create two methods, each with two searches and their trainings, plus a named search and a broken run."""
    folder = tmp_path / "work" / "runs"
    errors = iter((0.025, 0.027, 0.03, 0.026))
    for number, method in enumerate(("entrannas-dst", "entrannas-dst", "darts", "darts")):
        search = search_run(folder, method=method, seed=number % 2, created=START + 60 * number)
        train_run(folder, search, seed=0, test_error=next(errors), created=START + 7200 + 60 * number)
    search_run(
        folder, name="20261124-101900-wide-cells", channels=24, seed=0, state="stopped", created=START + 240
    )
    broken = folder / "20261124-160000-[b]\x1b[3m"
    broken.mkdir()
    (broken / "status.json").write_text('{"state": "runn')
    return folder


def screen(*arguments: str, columns: int, **environment: str) -> list[str]:
    """Return what a terminal of ``columns`` shows after the command."""
    environ = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    child = pexpect.spawn(
        sys.executable,
        ["-m", "entrannas_cli", "compare", *arguments],
        env={**environ, "TERM": "xterm-256color", **environment},
        dimensions=(60, columns),
        timeout=30,
    )
    output = child.read()
    child.close()
    terminal = pyte.Screen(columns, 60)
    pyte.ByteStream(terminal).feed(output)
    return [line.rstrip() for line in terminal.display if line.strip()]


# piped


def test_piped_output_is_csv_of_all_columns(compare: Call, runs: Path) -> None:
    result = compare()
    assert result.code == 0
    assert list(result.rows[0]) == list(COLUMNS)
    assert [row["test_error"] for row in result.rows] == ["2.5", "2.6", "2.7", "3.0", "", "", "", "", ""]
    assert [row["run"] for row in result.rows[4:6]] == [
        "20261124-101900-wide-cells",
        "20261124-101800-standard-darts-s1",
    ]
    (line,) = result.err.splitlines()
    assert line.startswith("left out: 20261124-160000-[b]\\x1b[3m: status.json: not JSON")


def test_references_columns_conditions_and_order(compare: Call, runs: Path) -> None:
    result = compare("*darts*", "wide-cells", "--columns", "run,network.channels,kind", "--sort", "-kind,run")
    assert result.err == ""
    assert [list(row.values())[1:] for row in result.rows] == [
        ["", "train"],
        ["", "train"],
        ["16", "search"],
        ["16", "search"],
        ["24", "search"],
    ]
    some = compare(
        "runs/*", "-w", "method=darts", "-w", "test_error<2.9", "-c", "+network.channels", "-f", "json"
    )
    (row,) = json.loads(some.out)
    assert row["test_error"] == 2.6
    assert "network.channels" in row
    assert compare("runs", "--json", "-c", "seed", "-s", "-seed").out.count('"seed": 1') == 2


def test_grouping(compare: Call, runs: Path) -> None:
    first, second = compare("--group-by", "method,space").rows
    assert (first["method"], first["space"], first["runs"]) == ("entrannas-dst", "standard", "5")
    assert (first["test_error_mean"], first["test_error_best"], first["test_error_count"]) == (
        "2.6",
        "2.5",
        "2",
    )
    assert float(second["test_error_std"]) == pytest.approx(0.08**0.5)
    assert second["gap_count"] == "2"  # two searches, although the trainings refer to them as well
    text = compare("-g", "method", "-f", "markdown", "-c", "test_error,parameters", "-w", "kind=train").out
    assert "| entrannas-dst |    2 |    2.60 ± 0.14 |     2.50 |" in text
    assert [row["method"] for row in compare("-g", "method", "-s", "-test_error").rows] == [
        "darts",
        "entrannas-dst",
    ]


def test_published_rows_are_marked_in_every_format(compare: Call, runs: Path) -> None:
    for grouping in ((), ("-g", "method,state")):
        for form in ("csv", "json", "markdown", "latex"):
            out = compare("--published", "-f", form, "-c", "test_error,parameters", *grouping).out
            assert "Chen et al., ICLR 2021" in out, form
    rows = [row for row in compare("--published").rows if row["state"] == "published"]
    assert len(rows) == 22
    assert all(row["source"] for row in rows)
    assert not any(row["source"] for row in compare().rows)
    lines = compare("--published", "-f", "table", "-c", "run,state,test_error").out.splitlines()
    assert any(line.split()[:3] == ["DrNAS", "published", "2.46"] for line in lines)


def test_diff_of_configurations(compare: Call, runs: Path) -> None:
    one, two = "20261124-101500", "20261124-101700"
    result = compare("--diff", one, two)
    assert [row["key"] for row in result.rows] == ["method", "network.share_features"]
    assert list(result.rows[0].values())[1:] == ["entrannas-dst", "darts"]
    mixed = {row["key"] for row in compare("--diff", one, "20261124-121500").rows}
    assert not any(key.startswith(("search.", "train.")) for key in mixed)  # keys that only one kind has
    alike = compare("--diff", one, "20261124-101600", "-f", "table")
    assert [line.split()[0] for line in alike.out.splitlines()] == ["key", "seed"]
    same = compare("--diff", "*-121500-*", "*-121600-*")
    assert (same.code, same.rows) == (0, [])
    assert "the configurations of these 2 runs are the same" in same.err
    alone = compare("--diff", one)
    assert (alone.code, alone.out) == (2, "")
    assert "needs at least two runs to compare, not 1" in alone.err
    assert compare("--diff", "--published").code == 2
    some = compare("--diff", "-w", "kind=search", "-w", "seed=0", "-f", "json")
    assert [row["key"] for row in json.loads(some.out)] == [
        "method",
        "network.channels",
        "network.share_features",
    ]


# files


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("t.csv", "run,kind,"),
        ("t.md", "| run "),
        ("t.tex", "% in the preamble"),
        ("t.json", "[\n"),
        ("t.txt", "run  "),
    ],
)
def test_format_follows_the_file_extension(compare: Call, runs: Path, name: str, begins: str) -> None:
    Path(name).write_text("old")
    result = compare("-o", name, "--published")
    assert (result.code, result.out) == (0, "")
    assert result.err.endswith(f"wrote {name}\n")
    assert Path(name).read_text().startswith(begins)
    assert "Liu et al., ICLR 2019" in Path(name).read_text()  # also kept where a terminal would have no room
    assert not list(Path().glob("*.tmp"))


def test_unwritable_output_file(compare: Call, runs: Path) -> None:
    for target in ("none/t.csv", "runs", "/dev/null", f"{'x' * 300}.csv", "\0.csv"):
        result = compare("-o", target)
        assert result.code == 2, target
        assert safe(target) in result.err or "--output" in result.err, target
    assert "unsupported file extension .dat; use " in compare("-o", "t.dat").err
    assert compare("-o", "t.dat", "-f", "csv").code == 0
    assert Path("/dev/null").is_char_device()
    Path("kept.csv").write_text("old")
    assert compare("-o", "kept.csv", "-c", "nonsense").code == 2
    assert Path("kept.csv").read_text() == "old"
    Path("link.csv").symlink_to("kept.csv")
    assert compare("-o", "link.csv", "-c", "seed").code == 0
    assert Path("kept.csv").read_text().startswith("seed\n")
    assert Path("link.csv").is_symlink()
    assert compare("-o", "-", "-c", "seed").out.startswith("seed\n")


# nothing to compare, and errors


def test_empty_runs_folder_is_not_an_error(compare: Call) -> None:
    result = compare()
    assert (result.code, result.rows) == (0, [])
    assert pandas.read_csv(io.StringIO(result.out)).columns.tolist() == list(COLUMNS)
    assert "no run in" in result.err
    assert "entrannas search" in result.err
    assert compare("--json").out == "[]\n"
    assert compare("-f", "table").out == ""
    assert len(compare("--published").rows) == 22


def test_conditions_without_matches(compare: Call, runs: Path) -> None:
    result = compare("-w", "state=compelted", "runs/2026*1[0-9]00-*")
    assert (result.code, result.rows) == (0, [])
    assert "did you mean completed?" in result.err
    both = compare("-w", "kind=train", "-w", "state=stopped", "*")
    assert "no run of 9 runs matches all conditions" in both.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing"], 'run "nothing": no such run'),
        (["x*"], '"x*": no run in'),
        (["-c", "tset_error"], "did you mean test_error?"),
        (["-c", "+seed,run"], "put + before all"),
        (["-s", "sed"], "did you mean seed?"),
        (["-w", "seed"], 'condition "seed": expected'),
        (["-w", "method<3"], "method is not a number"),
        (["-g", "methd"], "did you mean method?"),
        (["-g", "method", "-c", "state"], "not a number"),
        (["-g", "method", "-s", "run"], 'column "run"'),
        (["--json", "-f", "csv"], "choose one of them"),
        (["-f", "xml"], "--format"),
        (["20261124-160000"], "no run is left of 1 argument"),
    ],
    ids=str,
)
def test_invalid_input_is_explained(compare: Call, runs: Path, arguments: list[str], says: str) -> None:
    result = compare(*arguments)
    assert (result.code, result.out) == (2, "")
    assert says in result.err
    assert "Traceback" not in result.err


def test_columns_are_listed(compare: Call) -> None:
    lines = compare("--list-columns").out.splitlines()
    assert [line.split()[0] for line in lines] == list(COLUMNS)
    facts = json.loads(compare("--list-columns", "--json").out)
    assert [(fact["key"], fact["unit"]) for fact in facts] == [(c.key, c.unit) for c in COLUMNS.values()]
    assert set(DEFAULT_COLUMNS) < set(COLUMNS)


def test_text_from_files_is_escaped(compare: Call, runs: Path) -> None:
    evil = "\x1b]0;x\x07[red]\u202e"
    search_run(runs, name="20261124-170000-evil", method=evil, device=evil, dataset="=cmd()")
    (runs / "20261124-170000-evil" / "config.toml").write_text('x = "\\u001b[31m"\n')
    for form in ("table", "csv", "markdown", "latex", "json"):
        result = compare("*-evil", "-f", form, "-c", "run,method,search_device,dataset,x")
        assert result.code == 0
        assert not {"\x1b", "\x07", "\u202e"} & set(result.out + result.err)
    assert compare("*-evil", "-c", "dataset").rows == [{"dataset": "'=cmd()"}]


# terminals


def test_table_fits_the_terminal(runs: Path) -> None:
    left_out, *lines = screen("runs", columns=80)
    assert left_out.startswith("left out: 20261124-160000-[b]\\x1b[3m: status.json")
    while not lines[0].startswith("run "):  # the message wraps
        del lines[0]
    assert lines[0].split()[:3] == ["run", "state", "method"]
    assert lines[2].split()[:3] == ["20261124-121500", "completed", "entrannas-dst"]
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("wide-cells") for line in lines)
    said = "".join(lines[lines.index(next(line for line in lines if line.startswith("no room"))) :])
    said = said.replace(" ", "")  # the terminal breaks lines anywhere
    assert "topology" in said
    assert "choosecolumnswith--columnsKEY,..." in said
    header = " ".join(screen("*-s0", "*-s1", columns=200)[0].split())
    assert header.startswith("run kind state space method cells data seed epochs test error")


def test_group_keys_are_never_dropped(runs: Path) -> None:
    lines = screen("*-12*", "-g", "method,space", "--published", columns=80)
    header = next(line for line in lines if line.startswith("method"))
    assert header.split()[:4] == ["method", "space", "data", "runs"]
    assert any(line.split()[:3] == ["DrNAS", "standard", "imagenet"] for line in lines)
    assert max(map(len, lines[: lines.index(header) + 20])) <= 80


def test_requested_columns_are_never_dropped(runs: Path) -> None:
    lines = screen("*-12*", "-c", "run,cells,search_device,network,topology,test_error", columns=90)
    assert lines[0].split() == ["run", "cells", "searched", "on", "network", "topology", "test", "error"]
    assert len(lines) == 6
    assert max(map(len, lines)) <= 90
    assert "…" in lines[2]
    too_wide = screen("*-wide-cells", "-c", ",".join(DEFAULT_COLUMNS), columns=80)
    assert "no room" not in " ".join(too_wide)
    assert "…" not in "".join(too_wide)


def test_colours_follow_terminal_and_environment(runs: Path) -> None:
    arguments = [sys.executable, "-m", "entrannas_cli", "compare", "--format", "table"]
    piped = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert "\x1b" not in piped.stdout + piped.stderr
    ascii_ = subprocess.run(
        [*arguments, "-g", "method"],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert b"2.60 +/- 0.14" in ascii_.stdout
    assert ascii_.stdout.isascii()


def test_many_differences_fit_the_terminal(compare: Call, runs: Path) -> None:
    make_runs(runs / "more", 30)
    result = compare("--diff", "-f", "table", "-w", "kind=search", "runs/more")
    assert max(map(len, result.out.splitlines())) <= 80
    assert "show all with --format csv or --output" in result.err


def test_compare_does_not_import_torch(runs: Path) -> None:
    code = (
        "import sys; from entrannas_cli.__main__ import main\n"
        "try: main(['compare', '--diff', '--format', 'table', '*darts*'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'torchvision', 'matplotlib', 'jinja2', 'textual', 'sklearn'}\n"
        "print('LOADED', *sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED"
