"""Error messages cut to their first line."""

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
def test_first_line_of_an_exception(error: Exception, line: str, named: str) -> None:
    assert first_line(error) == line
    assert first_line(error, named=True) == named


def test_first_line_of_a_text() -> None:
    assert first_line("no driver\nmore of it") == "no driver"
