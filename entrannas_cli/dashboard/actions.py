"""Stop, resume and delete runs. Independent of screens: outcomes are texts."""

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

__all__ = ["DELETE", "RESUME", "STOP", "Notify", "RunAction"]

STOP_TIMEOUT_S = 300.0  # seconds for a run to finish its step and write a checkpoint
STARTUP_S = 8.0  # seconds within which a resumed run that fails usually does
POLL_S = 0.1  # seconds
Notify = Callable[[str], None]


@dataclass(frozen=True)
class RunAction:
    """``detail`` explains what ``verb`` does to the run.

    ``check`` is called before the user is asked, ``do`` afterwards. ``do`` may block; it gets a function that shows
    progress messages, and returns the outcome. Both raise ``EntrannasError`` if the action is impossible. With
    ``waits``, ``do`` mostly waits, so several may run at once. With ``destructive``, it cannot be undone.
    """

    verb: str
    detail: str
    do: Callable[[Run, Notify], str]
    check: Callable[[Run], None]
    waits: bool = False
    destructive: bool = False


def _stop(run: Run, say: Notify) -> str:
    before = request_stop(run, "the dashboard")
    silent = f" (no heartbeat for {before.heartbeat_age:.0f} s)" if before.stale else ""
    say(f"asked {safe(run.id)}{silent} to stop: it finishes its step and writes a checkpoint first")
    return outcome(run, before, wait_until_ended(run, before.attempt, STOP_TIMEOUT_S))


def _check_running(run: Run) -> None:
    status = run.status()
    if status.state != "running":
        raise UsageError(f"{safe(run.id)} is not running: it is {status.state}")


def _resume(run: Run, say: Notify) -> str:
    _check_resumable(run)
    step = run.status().step
    say(f"starting {safe(run.id)}")
    launch_detached(run)
    deadline = time.monotonic() + STARTUP_S
    while (status := run.status()).state == "running" and status.step <= step and time.monotonic() < deadline:
        time.sleep(POLL_S)
    if status.state in ("running", "completed"):
        how = "is running" if status.state == "running" else "was completed"
        return f"{safe(run.id)} {how} in the background: process {status.pid}, attempt {status.attempt}"
    raise RunFailed(f"{safe(run.id)}: {status.state} again: {safe(status.reason)}")


def _check_resumable(run: Run) -> None:
    status = run.status()
    if status.state == "running":
        raise UsageError(f"{safe(run.id)} is already running")
    if status.state == "completed":
        raise UsageError(f"{safe(run.id)} is completed: there is nothing left to do")
    if not status.resumable:
        raise UsageError(f"{safe(run.id)} is {status.state}: {safe(status.reason)}")


def _delete(run: Run, say: Notify) -> str:
    remove_run(run)
    return f"removed {safe(run.id)}"


STOP = RunAction(
    "Stop",
    "The run finishes its step and writes a checkpoint; it can be resumed.",
    _stop,
    _check_running,
    waits=True,
)
RESUME = RunAction(
    "Resume",
    "The run continues from its last checkpoint in a process of its own, even after the dashboard is closed.",
    _resume,
    _check_resumable,
)
DELETE = RunAction(
    "Delete",
    "All files are removed: metrics, checkpoints, cells. This cannot be undone.",
    _delete,
    check_removable,
    destructive=True,
)
