"""Real processes for the store tests."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import IO

__all__ = ["kill", "python", "wait_for"]


class Process(subprocess.Popen[str]):
    """A process whose streams are all piped."""

    stdin: IO[str]
    stdout: IO[str]
    stderr: IO[str]


def python(code: str, *arguments: object) -> Process:
    """Start a Python process that runs ``code``, with piped stdout and stderr."""
    return Process(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill(process: subprocess.Popen[str]) -> None:
    """Send SIGKILL and wait for the end."""
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)


def wait_for(condition: Callable[..., object], seconds: float = 20) -> None:
    """Return once ``condition`` holds; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "didn't happen in time"
        time.sleep(0.01)
