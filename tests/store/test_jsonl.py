"""Append-only rows: whole lines, cut lines, superseded rows, files that change while being read."""

from __future__ import annotations

import itertools
import json
import math
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrannas_cli.store.jsonl import MAX_LINE_BYTES, JsonLinesReader, JsonLinesWriter, NewRows

from .processes import kill, python, wait_for

Row = dict[str, Any]


def rows_in(path: Path) -> list[Row]:
    return JsonLinesReader(path).read_new().rows


def follow(held: list[Row], new: NewRows) -> list[Row]:
    """Return the rows that a follower has after ``new``."""
    if new.superseded_from is not None:
        held = [row for row in held if row["step"] < new.superseded_from]
    return held + new.rows


def marker(first_step: int) -> Row:
    return {"kind": "attempt", "attempt": 2, "first_step": first_step}


def test_rows_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"step": n, "text": "ä\n\x1b\ud800" * n, "list": [n, None, True]} for n in range(20)]
    writer = JsonLinesWriter(path)
    for row in rows:
        writer.append(row)
    writer.close()
    assert rows_in(path) == rows
    assert len(path.read_bytes().splitlines()) == len(rows)


def test_non_finite_numbers_become_null(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    writer = JsonLinesWriter(path)
    writer.append({"step": 1, "loss": math.nan, "inner": {"list": [math.inf, 1.5, (-math.inf,)]}})
    text = path.read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    assert rows_in(path) == [{"step": 1, "loss": None, "inner": {"list": [None, 1.5, [None]]}}]


@given(
    st.lists(
        st.one_of(st.integers(0, 9).map(lambda n: ("row", n)), st.integers(0, 9).map(lambda n: ("from", n)))
    ),
    st.lists(st.integers(1, 60), min_size=1),
    st.none() | st.integers(0, 90),
)
def test_following_equals_reading_the_whole_file(
    events: list[tuple[str, int]], portions: list[int], limit: int | None
) -> None:
    """However the file grows and is read, following it and reading it whole both follow the resume markers."""
    expected: list[Row] = []
    content = b""
    for number, (what, step) in enumerate(events):
        if what == "row":
            expected.append({"step": step, "number": number})
            content += json.dumps(expected[-1]).encode() + b"\n"
        else:
            expected = [row for row in expected if row["step"] < step]
            content += json.dumps(marker(step)).encode() + b"\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        reader, held, start = JsonLinesReader(path), list[Row](), 0
        with path.open("wb", buffering=0) as file:
            for size in itertools.cycle(portions):
                file.write(content[start : start + size])
                held = follow(held, reader.read_new(limit))
                start += size
                if start >= len(content):
                    break
        more = True
        while more:
            new = reader.read_new(limit)
            held, more = follow(held, new), new.more
        assert held == expected
        assert rows_in(path) == expected


@given(st.lists(st.binary(max_size=40)))
def test_any_content_is_tolerated(lines: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_bytes(b"\n".join([*lines, b'{"step": 7}', b""]))
        assert {"step": 7} in rows_in(path)


@pytest.mark.parametrize(
    "line",
    [
        b'{"step": 1, "lo',
        b"[1, 2]",
        b'{"loss": 1}',
        b'{"step": "1"}',
        b'{"step": true}',
        b'{"kind": "attempt", "first_step": null}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"step": ' + b"9" * 10_000 + b"}",
        b"x" * (3 * MAX_LINE_BYTES),
    ],
    ids=lambda line: repr(line[:20]),
)
def test_invalid_lines_are_skipped_and_counted(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"step": 1}\n' + line + b'\n{"step": 2}\n')
    reader = JsonLinesReader(path)
    assert reader.read_new().rows == [{"step": 1}, {"step": 2}]
    assert reader.skipped == 1


def test_unfinished_line_is_read_once_complete(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"step": 1}\n{"st')
    reader = JsonLinesReader(path)
    assert reader.read_new().rows == [{"step": 1}]
    assert reader.read_new().rows == []
    with path.open("ab") as file:
        file.write(b'ep": 2}\n')
    assert reader.read_new().rows == [{"step": 2}]
    assert reader.skipped == 0


def test_writer_terminates_a_cut_line_first(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": 2, "lo')
    JsonLinesWriter(path).append({"step": 3})
    JsonLinesWriter(path).append({"step": 4})
    assert rows_in(path) == [{"step": 1}, {"step": 3}, {"step": 4}]


@pytest.mark.parametrize("way", ["cut", "replaced", "removed"])
def test_file_that_loses_rows_is_read_again(tmp_path: Path, way: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": 2}\n')
    reader = JsonLinesReader(path)
    held = follow([], reader.read_new())
    if way == "cut":
        os.truncate(path, 12)
    elif way == "replaced":
        other = tmp_path / "other"
        other.write_bytes(b'{"step": 5}\n{"step": 6}\n{"step": 7}\n')
        other.replace(path)
    else:
        path.unlink()
    held = follow(held, reader.read_new())
    assert [row["step"] for row in held] == {"cut": [1], "replaced": [5, 6, 7], "removed": []}[way]
    assert reader.read_new() == NewRows()


def test_paths_that_are_not_files_have_no_rows_and_do_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for name in ("pipe", "circle", "missing", "."):
        assert JsonLinesReader(tmp_path / name).read_new() == NewRows()


def test_tail_returns_the_last_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"".join(b'{"step": %d}\n' % n for n in range(1000)))
    rows = JsonLinesReader(path, tail=100).read_new().rows
    assert rows[-1] == {"step": 999}
    assert 5 < len(rows) < 10
    assert len(JsonLinesReader(path, tail=10**9).read_new().rows) == 1000


def test_reading_continues_at_its_position(tmp_path: Path) -> None:
    """Only new lines are read; what was read before isn't read again."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"step": 1}\n' * 1000)
    reader = JsonLinesReader(path)
    assert len(reader.read_new().rows) == 1000
    with path.open("r+b") as file:  # same size, same file
        file.write(b"xxxx")
        file.seek(0, os.SEEK_END)
        file.write(b'{"step": 2}\n')
    assert reader.read_new() == NewRows([{"step": 2}])


@pytest.mark.parametrize("limit", [0, 1, 100, 5000, 10**9])
def test_limited_read_is_continued_by_the_next(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "rows.jsonl"
    long = b'{"step": 1, "filler": "' + b"x" * 50_000 + b'"}\n'
    path.write_bytes(long * 2 + b"".join(b'{"step": %d}\n' % n for n in range(2, 1000)) + b'{"step"')
    reader = JsonLinesReader(path)
    rows, looks, more = list[Row](), 0, True
    while more:
        new = reader.read_new(limit)
        assert new.rows or not new.more
        rows, more, looks = rows + new.rows, new.more, looks + 1
    assert [row["step"] for row in rows] == [1, 1, *range(2, 1000)]
    assert looks >= 3 or limit > 10**6
    assert reader.skipped == 0
    with path.open("ab") as file:
        file.write(b": 7}\n")
    assert [row["step"] for row in reader.read_new(limit).rows] == [7]


def test_many_markers_cost_no_more_than_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    lines = [line for n in range(16_000) for line in ({"step": n}, marker(n + 1))]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    began = time.process_time()
    assert rows_in(path) == lines[::2]
    assert time.process_time() - began < 2  # with a pass over the rows for each marker: 10 s


def test_limited_read_skips_a_line_that_is_too_long(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"step": 1}\n' + b"x" * (3 * MAX_LINE_BYTES) + b'\n{"step": 2}\n')
    reader = JsonLinesReader(path)
    rows, more, looks = list[Row](), True, 0
    while more:
        new = reader.read_new(10_000)
        rows, more, looks = rows + new.rows, new.more, looks + 1
    assert rows == [{"step": 1}, {"step": 2}]
    assert reader.skipped == 1
    assert looks < 400


APPEND = """
import sys
from pathlib import Path
from entrannas_cli.store.jsonl import JsonLinesWriter
writer = JsonLinesWriter(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for step in range(1, int(sys.argv[2]) + 1):
    writer.append({"step": step, "by": sys.argv[3], "filler": "x" * 3000})
"""


def test_lines_of_concurrent_writers_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    processes = [python(APPEND, path, 300, name) for name in "abc"]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        assert process.wait(timeout=20) == 0
        process.communicate()
    reader = JsonLinesReader(path)
    rows = reader.read_new().rows
    assert reader.skipped == 0
    for name in "abc":
        assert [row["step"] for row in rows if row["by"] == name] == list(range(1, 301))


def test_kill_while_appending_loses_at_most_the_current_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    last = 0
    for _ in range(4):  # each continues after the one killed before
        process = python(APPEND, path, 10**9, "a")
        process.stdout.readline()
        before = path.stat().st_size
        process.stdin.write("go\n")
        process.stdin.flush()
        wait_for(lambda before=before: path.stat().st_size > before + 200_000)
        kill(process)
        reader = JsonLinesReader(path)
        steps = [row["step"] for row in reader.read_new().rows][last:]
        assert steps == list(range(1, len(steps) + 1))
        assert len(steps) > 50
        assert reader.skipped <= 4
        last += len(steps)


def test_disk_full_in_the_middle_of_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is reported, and the next line that fits is intact."""
    path = tmp_path / "rows.jsonl"
    writer = JsonLinesWriter(path)
    writer.append({"step": 1})
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:5]))
        with pytest.raises(OSError, match="No space left on device"):
            writer.append({"step": 2})
    writer.append({"step": 3})
    assert rows_in(path) == [{"step": 1}, {"step": 3}]


def test_writer_does_not_follow_symlinks(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("precious")
    (tmp_path / "rows.jsonl").symlink_to(tmp_path / "target")
    with pytest.raises(OSError):  # noqa: PT011
        JsonLinesWriter(tmp_path / "rows.jsonl")
    assert (tmp_path / "target").read_text() == "precious"
