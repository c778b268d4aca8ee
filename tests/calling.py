"""Commands called in this process."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from entrannas_cli.__main__ import main

__all__ = ["Call", "Result", "caller"]


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, str]]:
        """Those of a command that writes CSV."""
        return list(csv.DictReader(io.StringIO(self.out)))


Call = Callable[..., Result]


def caller(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command in this process, its output piped."""

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Result(int(caught.value.code or 0), out, err)

    return run
