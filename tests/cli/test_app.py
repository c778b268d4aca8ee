"""The command tree: fast help, one-line errors, no stray tracebacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..search.runs import command, entrannas, in_process

HEAVY = ("torch", "torchvision", "pandas", "numpy", "sklearn", "textual", "PIL")


def modules_after(*arguments: str) -> set[str]:
    """Return the top-level modules that a command loads."""
    code = f"""
import sys
from entrannas_cli.__main__ import main
try:
    main({list(arguments)!r})
except SystemExit as end:
    print("EXIT", end.code, file=sys.stderr)
print("MODULES", *sorted({{name.split(".")[0] for name in sys.modules}}), file=sys.stderr)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "EXIT 0" in result.stderr, result.stderr
    return set(result.stderr.split("MODULES", 1)[1].split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["search", "--help"],
        ["search", "--preset", "quick", "--print-config"],
        ["runs", "list"],
        ["spaces", "list"],
        ["spaces", "show", "extended"],
        ["data", "list"],
        ["genotype", "list"],
        ["genotype", "show", "DARTS_V2"],
        ["genotype", "show", "DARTS_V2", "--format", "dot"],
    ],
    ids=" ".join,
)
def test_reading_commands_import_no_heavy_packages(arguments: list[str]) -> None:
    assert not modules_after(*arguments) & set(HEAVY)


@pytest.mark.parametrize("arguments", [["--help"], ["runs", "--help"], ["search", "--help"], []])
def test_help_is_printed(arguments: list[str]) -> None:
    result = in_process(*arguments, check=False)
    assert "Usage" in result.stdout + result.stderr


@pytest.mark.parametrize(
    "arguments",
    [["serch"], ["runs", "lst"], ["runs", "show"], ["search", "--epochs", "many"], ["genotype", "show"]],
)
def test_command_line_error_is_one_line(arguments: list[str]) -> None:
    result = in_process(*arguments, check=False)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("entrannas: ")
    assert "--help" in line


def test_debug_shows_the_traceback_in_any_position() -> None:
    for arguments in (["--debug", "runs", "show", "x"], ["runs", "show", "x", "--debug"]):
        assert "Traceback" in entrannas(*arguments, check=False).stderr
    assert (
        "Traceback"
        in entrannas("runs", "show", "x", check=False, env=os.environ | {"ENTRANNAS_DEBUG": "1"}).stderr
    )
    assert "Traceback" not in entrannas("runs", "show", "x", check=False).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "--preset", "quick", "--print-config"],
        ["--help"],
        ["--version"],
        ["runs", "list", "--json"],
        ["genotype", "list"],
        ["genotype", "show", "DARTS_V2"],
        ["genotype", "show", "DARTS_V2", "--format", "dot"],
        ["spaces", "list"],
        ["spaces", "show", "extended", "--json"],
        ["data", "list"],
    ],
    ids=" ".join,
)
def test_output_that_cannot_be_written(arguments: list[str]) -> None:
    """A reader that is gone (`| head`) is no failure; a full disk is one, in one line."""
    reader, writer = os.pipe()
    os.close(reader)
    with Path("/dev/full").open("w") as full, os.fdopen(writer, "w") as closed:
        gone = subprocess.run(command(*arguments), stdout=closed, stderr=subprocess.PIPE, timeout=60)
        failed = subprocess.run(command(*arguments), stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert (gone.returncode, gone.stderr) == (0, b"")
    assert failed.stderr == b"entrannas: can't write the output: No space left on device\n"
    assert failed.returncode == 1


def test_completion_offers_commands_options_and_names() -> None:
    def completed(line: str) -> str:
        words = line.split(" ")
        return entrannas(
            check=False,
            env=os.environ
            | {
                "_ENTRANNAS_COMPLETE": "complete_bash",
                "COMP_WORDS": line,
                "COMP_CWORD": str(len(words) - 1),
            },
        ).stdout

    assert "search" in completed("entrannas se").split()
    assert "extended" in completed("entrannas search --space ex").split()
    assert "entrannas-dst" in completed("entrannas search --method entr").split()
    assert "--print-config" in completed("entrannas search --pri").split()
