"""What can be done to a run from a screen. Nothing here knows of screens: outcomes are told in words."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..common.errors import RunFailed, UsageError
from ..common.text import safe
from ..engine.detach import launch_detached
from ..store.find_run import check_removable, remove_run
from ..store.run import Run
from ..store.stop import outcome, request_stop, wait_until_ended

__all__ = ["DELETE", "RESUME", "STOP", "RunAction", "Say"]

STOP_TIMEOUT_S = 300.0  # seconds that a run may take for its step and its checkpoint
STARTUP_S = 8.0  # seconds in which a resumed run that can't go on mostly says so
POLL_S = 0.1  # seconds
Say = Callable[[str], None]


@dataclass(frozen=True)
class RunAction:
    """``detail`` says what ``verb`` means for the run. ``do`` takes as long as it takes.

    ``do`` is given a function for what is worth saying meanwhile, and returns the outcome. ``check`` tells before
    anybody is asked why it can't be done. Both raise ``EntrannasError``. ``waits`` if it mostly
    waits, so that several go at once; ``grave`` if nothing brings back what it takes.
    """

    verb: str
    detail: str
    do: Callable[[Run, Say], str]
    check: Callable[[Run], None]
    waits: bool = False
    grave: bool = False


def _stop(run: Run, say: Say) -> str:
    before = request_stop(run, "the dashboard")
    silent = f" (no sign of life for {before.heartbeat_age:.0f} s)" if before.stale else ""
    say(f"asked {safe(run.id)}{silent} to stop: it finishes its step and writes a checkpoint first")
    return outcome(run, before, wait_until_ended(run, before.attempt, STOP_TIMEOUT_S))


def _check_running(run: Run) -> None:
    status = run.status()
    if status.state != "running":
        raise UsageError(f"{safe(run.id)} is not running: it is {status.state}")


def _resume(run: Run, say: Say) -> str:
    _check_resumable(run)
    step = run.status().step
    say(f"{safe(run.id)} is being started")
    launch_detached(run)
    deadline = time.monotonic() + STARTUP_S
    while (status := run.status()).state == "running" and status.step <= step and time.monotonic() < deadline:
        time.sleep(POLL_S)
    if status.state in ("running", "completed"):
        how = "goes on" if status.state == "running" else "was completed"
        return f"{safe(run.id)} {how} in the background: process {status.pid}, attempt {status.attempt}"
    raise RunFailed(f"{safe(run.id)} is {status.state} again: {safe(status.reason)}")


def _check_resumable(run: Run) -> None:
    status = run.status()
    if status.state == "running":
        raise UsageError(f"{safe(run.id)} is running already")
    if status.state == "completed":
        raise UsageError(f"{safe(run.id)} is completed: there is nothing left to do")
    if not status.resumable:
        raise UsageError(f"{safe(run.id)} is {status.state}: {safe(status.reason)}")


def _delete(run: Run, say: Say) -> str:
    remove_run(run)
    return f"removed {safe(run.id)}"


STOP = RunAction(
    "Stop",
    "It finishes its step and writes a checkpoint; it can be resumed.",
    _stop,
    _check_running,
    waits=True,
)
RESUME = RunAction(
    "Resume",
    "It goes on from its last checkpoint in a process of its own, also when the dashboard is closed.",
    _resume,
    _check_resumable,
)
DELETE = RunAction(
    "Delete",
    "All files go: metrics, checkpoints, cells. This can't be undone.",
    _delete,
    check_removable,
    grave=True,
)
