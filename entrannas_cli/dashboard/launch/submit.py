"""Starts runs by the commands that the form shows."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from ...common.errors import RunFailed
from ...common.text import safe
from ...engine.detach import this_program

__all__ = ["start"]

TIMEOUT_S = 300  # seconds; it takes one or two
PREFIX = "entrannas: "  # of an error


def start(arguments: Sequence[str]) -> str:
    """Runs the command, which starts a run in the background, and returns the run's id.

    The command has a session of its own: it does its work even if the terminal is closed meanwhile.
    Raises ``RunFailed`` with what the command said.
    """
    try:
        result = subprocess.run(
            [*this_program(), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            start_new_session=True,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise RunFailed(f"the command has said nothing for {TIMEOUT_S} s, and was ended") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
        raise RunFailed(f"the command can't be started: {safe(str(error))}") from None
    lines = result.stdout.strip().splitlines()
    if result.returncode == 0 and lines:
        return lines[-1]
    raise RunFailed(_complaint(result.stderr) or f"the command ended with exit code {result.returncode}")


def _complaint(text: str) -> str:
    """The error with its details, without what was said before it."""
    lines = [safe(line.rstrip()) for line in text.splitlines() if line.strip()]
    begins = [n for n, line in enumerate(lines) if line.startswith(PREFIX)]
    return "\n".join(lines[begins[-1] :] if begins else lines[-1:]).removeprefix(PREFIX)
