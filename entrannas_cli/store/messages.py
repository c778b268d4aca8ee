"""Parts of messages about a run: who works on it, since when, and how to refer to it."""

from __future__ import annotations

import os
import shlex
from datetime import datetime

from ..common.errors import EntrannasError
from ..common.text import plain
from ..config.project import runs_dir
from .run import Run
from .status import Status

__all__ = ["describe_holder", "local_time", "reference_to"]


def reference_to(run: Run) -> str:
    """Return how to refer to ``run`` in a command: its id if that needs no ``--runs-dir``, else its path."""
    try:
        in_default_folder = os.path.realpath(runs_dir()) == os.path.realpath(run.path.parent)
    except (EntrannasError, OSError):
        in_default_folder = False
    return plain(shlex.quote(run.id if in_default_folder else str(run.path)))


def describe_holder(status: Status) -> str:
    """Return who works on the run of ``status``, as the end of a sentence."""
    if status.state != "running":  # it took the lock a moment ago
        return "another process"
    no_heartbeat = f", no heartbeat for {status.heartbeat_age:.0f} s" if status.stale else ""
    return f"process {status.pid} on {plain(status.host)}, since {local_time(status.started)}{no_heartbeat}"


def local_time(moment: float) -> str:
    """Format Unix seconds as a local date and time; "-" for none."""
    try:
        return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else "-"
    except (OverflowError, ValueError, OSError):
        return "-"
