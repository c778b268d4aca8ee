"""Run commands in the test process."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from entrannas_cli.__main__ import main

__all__ = ["Call", "Result", "command_runner"]


@dataclass(frozen=True)
class Result:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, str]]:
        """CSV output as one dictionary per row."""
        return list(csv.DictReader(io.StringIO(self.out)))


Call = Callable[..., Result]


def command_runner(capsys: pytest.CaptureFixture[str]) -> Call:
    """Return a function that runs a command in this process, with its output piped."""

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Result(int(caught.value.code or 0), out, err)

    return run
