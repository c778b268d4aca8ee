"""Files that are replaced atomically."""

from __future__ import annotations

import math
import os
import stat
from pathlib import Path

import pytest

from entrannas_cli.common.atomic import dump_json, write_atomic, write_json
from entrannas_cli.common.files import BrokenRun, read_json, read_text, read_toml

from ..store.processes import kill, python, wait_for

REPLACE = """
import itertools, sys
from pathlib import Path
from entrannas_cli.common.atomic import write_atomic
for n in itertools.count():
    write_atomic(Path(sys.argv[1]), str(n % 10) * 500_000, durable=False)
"""


def test_reader_never_sees_a_partial_file_even_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for _ in range(3):
        process = python(REPLACE, path)
        wait_for(path.exists)
        for _ in range(100):
            text = path.read_text()
            assert len(text) == 500_000
            assert len(set(text)) == 1
        kill(process)
        text = path.read_text()
        assert len(text) == 500_000
        assert len(set(text)) == 1


def test_failed_write_keeps_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    with pytest.raises(UnicodeEncodeError):
        write_atomic(path, "\ud800")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomic(tmp_path / "folder", "text")
    assert read_json(path) == {"a": 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file.json", "folder", "home", "work"]


def test_new_file_follows_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "file", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_symlink_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_atomic(tmp_path / "link", "new")
    assert (tmp_path / "target").read_text() == "precious"
    assert (tmp_path / "link").read_text() == "new"


def test_json_writes_null_for_nan() -> None:
    assert dump_json({"a": [math.nan, {"b": -math.inf}], "c": 1}) == '{"a":[null,{"b":null}],"c":1}'


def test_reading_is_bounded_and_reports_errors(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(5 * 2**30)  # sparse
    for content, fault in ((None, "larger than 4 MiB"), (b"\xff", "not UTF-8 text"), (b"", "empty")):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(BrokenRun, match=fault):
            read_json(path)
    path.unlink()
    with pytest.raises(BrokenRun, match=r"file: no such file"):
        read_text(path)
    path.write_text('a = "\x1b[31m"')
    with pytest.raises(BrokenRun, match="not valid TOML") as caught:
        read_toml(path)
    assert str(caught.value).isprintable()
    path.write_text('{"loss": NaN}')
    assert read_json(path) == {"loss": None}
