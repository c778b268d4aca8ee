"""Starts a run in the background. A launcher for a cluster's queue would go beside it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time

from ..common.errors import RunFailed
from ..common.files import append_regular, reason_of
from ..common.text import plain
from ..store.run import LOG_FILE, Run

__all__ = ["launch_detached", "this_program"]


TIMEOUT_S = 30.0  # seconds; a start takes a fraction of one


def this_program(module: str = "entrannas_cli") -> list[str]:
    """Return the start of a command that runs ``module`` of this installation in a new process.

    Files in the working directory, such as a ``random.py``, do not shadow modules, unless they do so here too.
    """
    here = {""}
    with contextlib.suppress(OSError):  # the working directory was deleted
        here.add(os.getcwd())  # noqa: PTH109
    return [sys.executable, *([] if here & set(sys.path) else ["-P"]), "-m", module]


def launch_detached(run: Run) -> None:
    """Start ``run`` in a new process, which outlives this one and its terminal.

    The process resumes the run as `entrannas resume` does, and its output goes into the run's log. Returns when the
    attempt has begun. Raises ``RunFailed`` if the process cannot be started or ends before that.
    """
    attempt = run.status().attempt
    log_file = run.path / LOG_FILE
    try:
        run.check_names()
        log_descriptor = append_regular(log_file)
    except OSError as error:
        raise RunFailed(f"{plain(str(log_file))}: can't be written: {reason_of(error)}") from None
    try:
        with os.fdopen(log_descriptor, "ab") as log:
            process = subprocess.Popen(
                [*this_program(), "resume", str(run.path), "--quiet"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
    except OSError as error:
        raise RunFailed(f"{plain(run.id)}: cannot be started in the background: {reason_of(error)}") from None
    deadline = time.monotonic() + TIMEOUT_S
    while run.status().attempt == attempt and time.monotonic() < deadline:
        if process.poll() is not None:
            raise RunFailed(
                f"{plain(run.id)}: exited with code {process.returncode} before it began: "
                f"see {plain(str(log_file))}"
            )
        time.sleep(0.02)
