"""Following the end of a log."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from entrannas_cli.monitor import log_tail as module
from entrannas_cli.monitor.log_tail import MAX_LINE_CHARS, LogTail
from entrannas_cli.store.create import create_run
from entrannas_cli.store.run import LOG_FILE, Run
from entrannas_cli.store.session import RunSession


def append(folder: Path, data: bytes) -> Run:
    with (folder / LOG_FILE).open("ab") as file:
        file.write(data)
    return Run(folder)


def test_follows_a_session(tmp_path: Path) -> None:
    run = create_run(tmp_path, space="standard", method="darts", seed=0)
    log = LogTail(run)
    assert (log.read(), log.lines, log.version) == (False, [], 0)
    with RunSession(run) as session:
        session.log("first\nsecond")
        assert log.read()
        assert [line.split(" ", 1)[1] for line in log.lines] == ["first", "second"]
        session.log("third")
        assert log.read()
        assert [line.split(" ", 1)[1] for line in log.lines] == ["first", "second", "third"]
        assert not log.read()
        session.finish("stopped")


def test_only_the_last_lines_are_kept(tmp_path: Path) -> None:
    log = LogTail(append(tmp_path, b"".join(b"%d\n" % n for n in range(100))), limit=10)
    log.read()
    assert log.lines == [str(n) for n in range(90, 100)]
    append(tmp_path, b"100\n101\n")
    log.read()
    assert log.lines == [str(n) for n in range(92, 102)]


def test_huge_log_is_read_from_its_end(tmp_path: Path) -> None:
    with (tmp_path / LOG_FILE).open("wb") as file:
        file.truncate(2**40)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + b"".join(b"line %d\n" % n for n in range(100_000)))
    log = LogTail(Run(tmp_path), limit=100_000)
    log.read()
    assert log.lines[-1] == "line 99999"
    assert 10_000 < len(log.lines) < 50_000
    assert all(line.startswith("line ") for line in log.lines)


def test_large_growth_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_READ_BYTES", 100)
    log = LogTail(append(tmp_path, b"first\n"))
    log.read()
    append(tmp_path, b"".join(b"line %03d\n" % n for n in range(100)))
    log.read()
    assert log.lines == [f"line {n:03d}" for n in range(89, 100)]
    append(tmp_path, b"x" * 250)
    log.read()
    append(tmp_path, b"x\nlast\n")
    log.read()
    assert log.lines[-1] == "last"


def test_any_text_is_printable(tmp_path: Path) -> None:
    log = LogTail(append(tmp_path, "ä \x1b[31mred\x07\tend\r\n".encode() + b"\xff\xfe bytes\n\n"))
    log.read()
    assert log.lines == ["ä \\x1b[31mred\\x07     end", "\ufffd\ufffd bytes", ""]
    assert all(line.isprintable() for line in log.lines)


def test_progress_bars_and_unfinished_lines(tmp_path: Path) -> None:
    log = LogTail(append(tmp_path, b"one\n10 %\r20 %"))
    log.read()
    assert log.lines == ["one", "20 %"]
    append(tmp_path, b"\r100 %\nKilled")
    log.read()
    assert log.lines == ["one", "100 %", "Killed"]
    append(tmp_path, b"\n" + "ß".encode()[:1])
    log.read()
    append(tmp_path, "ß".encode()[1:])
    log.read()
    assert log.lines == ["one", "100 %", "Killed", "ß"]


def test_endless_line_is_bounded(tmp_path: Path) -> None:
    log = LogTail(append(tmp_path, b"x" * 200_000))
    for _ in range(3):
        log.read()
        append(tmp_path, b"x" * 200_000)
    assert [len(line) for line in log.lines] == [MAX_LINE_CHARS]
    assert len(log._pending) <= 4 * MAX_LINE_CHARS


@pytest.mark.parametrize("way", ["cut", "replaced", "removed"])
def test_truncated_replaced_or_removed_log(tmp_path: Path, way: str) -> None:
    log = LogTail(append(tmp_path, b"a\nb\nc\n"))
    log.read()
    path = tmp_path / LOG_FILE
    if way == "cut":
        os.truncate(path, 2)
    elif way == "replaced":
        (tmp_path / "other").write_bytes(b"other\nlines\nthan\nbefore\n")
        (tmp_path / "other").replace(path)
    else:
        path.unlink()
    version = log.version
    assert log.read()
    assert log.version > version
    assert log.lines == {"cut": ["a"], "replaced": ["other", "lines", "than", "before"], "removed": []}[way]


def test_paths_that_are_not_files_do_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / LOG_FILE)
    log = LogTail(Run(tmp_path))
    assert not log.read()
    assert log.lines == []
