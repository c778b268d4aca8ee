"""How errors are cut to a line."""

from __future__ import annotations

import pytest

from entrannas_cli.common.text import first_line


@pytest.mark.parametrize(
    ("error", "line", "named"),
    [
        (ValueError("\n one\ntwo"), "one", "ValueError: one"),
        (ValueError("a\x1b[2Jb"), "a\\x1b[2Jb", "ValueError: a\\x1b[2Jb"),
        (ValueError(" \n"), "ValueError", "ValueError"),
        (KeyError(), "KeyError", "KeyError"),
    ],
)
def test_an_error_in_a_line(error: Exception, line: str, named: str) -> None:
    assert first_line(error) == line
    assert first_line(error, named=True) == named


def test_what_was_said_in_a_line() -> None:
    assert first_line("no driver\nmore of it") == "no driver"
