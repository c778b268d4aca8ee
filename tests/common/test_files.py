from __future__ import annotations

import os
from pathlib import Path

import pytest

from entrannas_cli.common.errors import UsageError
from entrannas_cli.common.files import MAX_TOML_BYTES, file_error, parse_toml, read_toml


def test_reads_a_file_with_a_byte_order_mark() -> None:
    Path("a.toml").write_bytes(b"\xef\xbb\xbfseed = 3\r\n")
    assert read_toml(Path("a.toml"), file_error) == {"seed": 3}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a = 1\nb = \n", "line 2, column 5"),
        (b"a = 1\na = 2\n", "Cannot overwrite a value"),
        (b"a = '\xff'", "not UTF-8 text (byte 5)"),
        (b"a = " + 5000 * b"[", "not valid TOML"),
        (b".".join([b"a"] * 2000) + b" = 1", "not valid TOML"),
        (b".".join([b"a"] * 30) + b" = 1", "nested deeper than 20 levels"),
        (b"#" * (MAX_TOML_BYTES + 1), "larger than 1 MiB"),
    ],
)
def test_error_names_the_file_and_the_reason(content: bytes, reason: str) -> None:
    Path("bad.toml").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_toml(Path("bad.toml"), file_error)
    assert str(caught.value).startswith("bad.toml: ")
    assert reason in str(caught.value)


def test_paths_that_are_not_files_are_rejected() -> None:
    Path("folder.toml").mkdir()
    os.mkfifo("pipe.toml")
    for name, reason in (
        ("folder", "can't be read: not a regular file"),
        ("pipe", "can't be read: not a regular file"),
        ("missing", "no such file"),
    ):
        with pytest.raises(UsageError) as caught:
            read_toml(Path(f"{name}.toml"), file_error)
        assert str(caught.value) == f"{name}.toml: {reason}"


def test_names_are_escaped_in_errors() -> None:
    with pytest.raises(UsageError) as caught:
        read_toml(Path("a\x1b[2J\nb.toml"), file_error)
    assert str(caught.value) == "a\\x1b[2J\\nb.toml: no such file"
    with pytest.raises(UsageError) as caught:
        parse_toml("\x1b[2J = 3", Path("text"), file_error)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "number", ["9" * 5000, "0x" + "f" * 5000, str(2**63), "[1, {a = -" + "9" * 30 + "}]"]
)
def test_numbers_that_are_too_large_are_rejected(number: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_toml(f"seed = {number}", Path("text"), file_error)
    assert str(caught.value) == "text: not valid TOML: a number is too large"
