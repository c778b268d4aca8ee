"""Start runs with the commands that the form shows."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from ...common.errors import RunFailed
from ...common.text import safe
from ...engine.detach import this_program

__all__ = ["start"]

TIMEOUT_S = 300  # seconds; starting takes one or two
PREFIX = "entrannas: "  # of error messages


def start(arguments: Sequence[str]) -> str:
    """Run the command, which starts a run in the background, and return the run's id.

    The command has a session of its own, so it finishes even if the terminal is closed. Raises ``RunFailed`` with
    the error message of the command.
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
        raise RunFailed(f"the command was killed: it did not finish within {TIMEOUT_S} s") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
        raise RunFailed(f"the command cannot be started: {safe(str(error))}") from None
    lines = result.stdout.strip().splitlines()
    if result.returncode == 0 and lines:
        return lines[-1]
    raise RunFailed(_last_error(result.stderr) or f"the command failed with exit code {result.returncode}")


def _last_error(text: str) -> str:
    """Return the last error in ``text`` with its details."""
    lines = [safe(line.rstrip()) for line in text.splitlines() if line.strip()]
    starts = [n for n, line in enumerate(lines) if line.startswith(PREFIX)]
    return "\n".join(lines[starts[-1] :] if starts else lines[-1:]).removeprefix(PREFIX)
