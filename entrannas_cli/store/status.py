"""The state of a run: what its process writes, and what a reader concludes from it.

A killed process cannot say so: its ``status.json`` still says "running". So it names its host, its pid and the
creation time of the process, and a reader on the same host checks whether that very process is alive.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from ..common.atomic import write_json
from ..common.files import BrokenRun, read_json

if TYPE_CHECKING:
    from psutil import Process

__all__ = [
    "BROKEN",
    "ENDINGS",
    "FORMAT",
    "HEARTBEAT_S",
    "LOST",
    "STALE_AFTER_S",
    "STATUS_FILE",
    "WRITTEN_STATES",
    "Status",
    "is_starting",
    "is_working",
    "living_process",
    "process_identity",
    "read_status",
    "reconcile",
    "write_status",
]

FORMAT = 1
STATUS_FILE = "status.json"
ENDINGS = ("completed", "stopped", "failed")
WRITTEN_STATES = ("created", "running", *ENDINGS)
LOST = "lost"  # derived: it says running, but its process is gone
BROKEN = "broken"  # derived: not a readable run directory
HEARTBEAT_S = 2.0  # seconds between heartbeats
STALE_AFTER_S = 60.0  # seconds without a heartbeat after which a run looks stuck
CREATION_TOLERANCE_S = 1.0  # seconds by which two readings of a creation time may differ
MAX_NUMBER = 1e15  # far above any time or count: anything higher is damage


@dataclass(frozen=True, kw_only=True)
class Status:
    """The content of ``status.json``. Times are Unix seconds, 0 if there is none yet.

    ``observed`` is when it was read; it isn't written.
    """

    state: str
    kind: str = "search"
    host: str = ""
    pid: int = 0
    process_created: float = 0.0
    heartbeat: float = 0.0
    created: float = 0.0
    started: float = 0.0
    ended: float = 0.0
    attempt: int = 0
    reason: str = ""
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    observed: float = 0.0

    @property
    def heartbeat_age(self) -> float:
        """Seconds since the last heartbeat; 0 if there was none."""
        return max(0.0, self.observed - self.heartbeat) if self.heartbeat else 0.0

    @property
    def stale(self) -> bool:
        """Whether it says running without a heartbeat for a minute: stuck, suspended or out of reach."""
        return self.state == "running" and self.heartbeat_age > STALE_AFTER_S

    @property
    def resumable(self) -> bool:
        """Whether ``entrannas resume`` can resume it."""
        return self.state in ("created", "stopped", "failed", LOST)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of ``status.json``."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        del values["observed"]
        return {"format": FORMAT, **values}


def process_identity() -> tuple[str, int, float]:
    """Return host, pid and creation time (Unix seconds) of this process, which identify it."""
    import psutil

    return socket.gethostname(), os.getpid(), psutil.Process().create_time()


def write_status(directory: Path, status: Status, *, durable: bool = True) -> None:
    """Replace the status of the run in ``directory``.

    Raises ``OSError``.
    """
    write_json(directory / STATUS_FILE, status.to_dict(), durable=durable)


def read_status(directory: Path) -> Status:
    """Return the status as it is written.

    Raises ``BrokenRun``.
    """
    path = directory / STATUS_FILE
    return _parse(path, read_json(path))


def _parse(path: Path, data: Mapping[str, Any]) -> Status:
    version = data.get("format", FORMAT)
    if type(version) is not int or version > FORMAT:
        raise BrokenRun(path, f"format {version}: this release reads {FORMAT}")
    if data.get("state") not in WRITTEN_STATES:
        states = ", ".join(WRITTEN_STATES)
        raise BrokenRun(path, f"state: expected one of {states}, found {data.get('state')!r:.60}")
    values: dict[str, Any] = {}
    for field in fields(Status):
        value = data.get(field.name)
        if value is None or field.name == "observed":
            continue
        values[field.name] = _checked_value(path, field.name, str(field.type), value)
    return Status(**values, observed=time.time())


def _checked_value(path: Path, name: str, kind: str, value: object) -> object:
    if kind == "str" and isinstance(value, str):
        return value
    if kind == "int" and type(value) is int and 0 <= value < MAX_NUMBER:
        return value
    if kind == "float" and type(value) in (int, float) and 0 <= cast("float", value) < MAX_NUMBER:
        return float(cast("float", value))
    words = {"str": "a string", "int": "a whole number", "float": "a number"}
    raise BrokenRun(path, f"{name}: expected {words[kind]}, found {value!r:.60}")


def reconcile(status: Status) -> Status:
    """Return ``status``, with running changed to lost if the process is certainly gone.

    That is only concluded on the host of the process. Setting the clock changes the creation time that is read, so
    a process with another creation time counts as another one only if the heartbeat stopped too.
    """
    if status.state != "running" or status.host != socket.gethostname():
        return status
    match _process_state(status.pid, status.process_created):
        case "gone":
            return replace(status, state=LOST, reason=f"process {status.pid} is gone")
        case "another" if abs(status.observed - status.heartbeat) > 2 * HEARTBEAT_S:
            return replace(
                status, state=LOST, reason=f"process {status.pid} is gone (another process has its pid now)"
            )
    return status


def living_process(status: Status) -> Process | None:
    """Return the process that works on the run of ``status``, if it is alive on this host."""
    import psutil

    if status.state != "running" or status.host != socket.gethostname():
        return None
    try:
        process = psutil.Process(status.pid)
        return (
            process if abs(process.create_time() - status.process_created) <= CREATION_TOLERANCE_S else None
        )
    except (psutil.Error, OSError, OverflowError, ValueError):
        return None


def _process_state(pid: int, created: float) -> Literal["gone", "another", "alive", "unknown"]:
    import psutil

    if pid <= 0:
        return "gone"
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - created) > CREATION_TOLERANCE_S:
            return "another"
        return "gone" if process.status() == psutil.STATUS_ZOMBIE else "alive"
    except psutil.NoSuchProcess:
        return "gone"
    except (psutil.Error, OSError, OverflowError):
        return "unknown"


def is_working(directory: Path, status: Status) -> bool:
    """Return whether a process seems to work on the run in ``directory``, judged by its heartbeat alone.

    A heartbeat in the future has no age, since the clocks differ: wait a few seconds for the next one.
    """
    if status.state != "running" or status.heartbeat <= status.observed + HEARTBEAT_S:
        return status.state == "running" and not status.stale
    deadline = time.monotonic() + 3 * HEARTBEAT_S
    while time.monotonic() < deadline:
        time.sleep(HEARTBEAT_S / 4)
        with suppress(BrokenRun):
            if read_status(directory).heartbeat != status.heartbeat:
                return True
    return False


def is_starting(status: Status) -> bool:
    """Return whether the process that created the run is alive on this host and hasn't started it yet."""
    if status.state != "created" or status.host != socket.gethostname():
        return False
    return _process_state(status.pid, status.process_created) == "alive"
