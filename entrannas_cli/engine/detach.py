"""Starting a run in the background. The one place that knows how; a cluster's queue would be another launcher."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time

from ..common.errors import RunFailed
from ..common.text import plain
from ..store.run import LOG_FILE, Run

__all__ = ["launch_detached", "this_program"]


TIMEOUT_S = 30.0  # seconds; it takes a fraction of one


def this_program(module: str = "entrannas_cli") -> list[str]:
    """The beginning of a command that runs ``module`` of this very installation in a process of its own.

    Files in the working directory, such as a ``random.py``, take no module's place, unless they do so here too.
    """
    here = {""}
    with contextlib.suppress(OSError):  # it is gone
        here.add(os.getcwd())  # noqa: PTH109
    return [sys.executable, *([] if here & set(sys.path) else ["-P"]), "-m", module]


def launch_detached(run: Run) -> None:
    """Starts ``run`` in a process of its own, which outlives this one and its terminal.

    The process takes the run up as `entrannas resume` does; what it prints goes into the run's log. Returns once
    it has. Raises ``RunFailed`` if it can't be started, or ends before that.
    """
    attempt = run.status().attempt
    try:
        with (run.path / LOG_FILE).open("ab") as log:
            process = subprocess.Popen(
                [*this_program(), "resume", str(run.path), "--quiet"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
    except OSError as error:
        raise RunFailed(f"{run.id}: can't be started in the background: {error}") from None
    deadline = time.monotonic() + TIMEOUT_S
    while run.status().attempt == attempt and time.monotonic() < deadline:
        if process.poll() is not None:
            log_file = plain(str(run.path / LOG_FILE))
            raise RunFailed(
                f"{plain(run.id)}: ended before it began, with exit code {process.returncode}: see {log_file}"
            )
        time.sleep(0.02)
