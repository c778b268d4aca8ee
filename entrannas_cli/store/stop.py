"""Stopping a run from outside: a request to its process, and waiting for the outcome."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress

from ..common.errors import RunFailed, UsageError
from ..common.files import BrokenRun, read_json, reason_of
from ..common.text import plain
from .messages import describe_holder, reference_to
from .run import STOP_FILE, Run
from .status import LOST, Status, process_identity

__all__ = ["asked_by", "outcome", "request_stop", "wait_until_ended"]

POLL_S = 0.1  # seconds between checks of the status
COMMAND = "`entrannas stop`"


def request_stop(run: Run, by: str = COMMAND) -> Status:
    """Ask the process that works on ``run`` to finish its step, write a checkpoint and stop.

    ``by`` says who asks, for the log. Returns the status before. Raises ``UsageError`` if the run isn't running,
    ``RunFailed`` if the request cannot be written.
    """
    status = run.status()
    if status.state != "running":
        raise UsageError(_not_running(run, status))
    host, pid, _ = process_identity()
    request = json.dumps({"time": time.time(), "host": host, "pid": pid, "by": by}) + "\n"
    path = run.path / STOP_FILE
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except FileExistsError:
        return status  # already asked
    except OSError as error:
        raise RunFailed(f"{plain(str(path))}: can't be written: {reason_of(error)}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(request)
    return status


def asked_by(run: Run) -> str:
    """Return who asked ``run`` to stop; "" if nobody did.

    A request that cannot be read still counts.
    """
    path = run.path / STOP_FILE
    if not os.path.lexists(path):
        return ""
    try:
        by = read_json(path).get("by")
    except BrokenRun:
        by = None
    return plain(by) if isinstance(by, str) and by else COMMAND


def _not_running(run: Run, status: Status) -> str:
    name = plain(run.id)
    if status.state == LOST:
        return (
            f"{name} is lost ({plain(status.reason)}): nothing to stop; "
            f"resume it with `entrannas resume {reference_to(run)}`"
        )
    if status.state == "created":
        return f"{name} is not running: it hasn't started yet"
    reason = f" ({plain(status.reason)})" if status.reason else ""
    return f"{name} is not running: it is {status.state}{reason}"


def wait_until_ended(run: Run, attempt: int, timeout: float | None = None) -> Status:
    """Wait until ``attempt`` of ``run`` has ended, for at most ``timeout`` seconds; return the status.

    It is still "running" after the timeout, or if the run was resumed meanwhile (with another ``attempt``).
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    while (status := run.status()).state == "running" and status.attempt == attempt:
        if deadline is not None and time.monotonic() >= deadline:
            return status
        time.sleep(POLL_S)
    if status.state != "running":
        with suppress(OSError):  # left over if the run had just ended by itself
            (run.path / STOP_FILE).unlink(missing_ok=True)
    return status


def outcome(run: Run, before: Status, after: Status) -> str:
    """Return how the attempt that was running in ``before`` has ended, as a line for the user.

    Raises ``RunFailed`` if it hasn't, or neither stopped nor completed.
    """
    name = plain(run.id)
    if after.state == "running" and after.attempt != before.attempt:
        return f"{name} stopped, and was resumed meanwhile (attempt {after.attempt})"
    if after.state == "running":
        raise RunFailed(
            f"{name} is still running ({describe_holder(after)}); the request stands: it stops after its step"
        )
    where = f"at step {after.step}" + (f", epoch {after.epoch}" if after.epoch else "")
    reason = f": {plain(after.reason)}" if after.reason else ""
    resume = f"resume it with `entrannas resume {reference_to(run)}`"
    match after.state:
        case "completed":
            return f"{name} completed before it saw the request"
        case "stopped":
            return f"{name} stopped {where}; {resume}"
        case "failed" | "lost":
            how = "failed" if after.state == "failed" else "is lost"
            raise RunFailed(f"{name} {how} {where}{reason}; {resume}")
        case _:
            raise RunFailed(f"{name} is {after.state} now{reason}")
