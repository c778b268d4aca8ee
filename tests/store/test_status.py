"""Whether a run is still alive."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrannas_cli.common.files import BrokenRun
from entrannas_cli.store.run import Run
from entrannas_cli.store.status import (
    STATUS_FILE,
    WRITTEN_STATES,
    Status,
    is_starting,
    process_identity,
    read_status,
    reconcile,
    write_status,
)

from .processes import kill, python


def running_status(**changes: Any) -> Status:
    """Return the status of this very process."""
    host, pid, created = process_identity()
    now = time.time()
    status = Status(
        state="running", host=host, pid=pid, process_created=created, heartbeat=now, created=now, observed=now
    )
    return replace(status, **changes)


def test_status_round_trip(tmp_path: Path) -> None:
    status = running_status(epoch=3, steps=10, reason="ä", attempt=2)
    write_status(tmp_path, status)
    assert replace(read_status(tmp_path), observed=status.observed) == status
    assert json.loads((tmp_path / STATUS_FILE).read_text())["format"] == 1


def test_living_process_is_running() -> None:
    assert reconcile(running_status()).state == "running"


def test_killed_process_is_lost() -> None:
    process = python("import psutil; print(psutil.Process().create_time(), flush=True); input()")
    status = running_status(pid=process.pid, process_created=float(process.stdout.readline()))
    assert reconcile(status).state == "running"
    kill(process)
    lost = reconcile(status)
    assert (lost.state, lost.reason) == ("lost", f"process {process.pid} is gone")
    assert lost.resumable


def test_zombie_process_is_lost() -> None:
    process = python("import psutil; print(psutil.Process().create_time(), flush=True); input()")
    status = running_status(pid=process.pid, process_created=float(process.stdout.readline()))
    process.kill()
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert reconcile(status).state == "lost"
    process.communicate()


def test_reused_pid_is_not_the_run() -> None:
    mine = running_status()
    reused = replace(mine, process_created=mine.process_created - 100, heartbeat=mine.observed - 100)
    assert reconcile(reused).state == "lost"
    assert "gone" in reconcile(reused).reason


def test_changed_clock_does_not_make_a_run_lost() -> None:
    """Creation times read differently then, while the heartbeat continues."""
    assert reconcile(running_status(process_created=12345.0)).state == "running"


def test_creation_times_are_compared_with_a_tolerance() -> None:
    mine = running_status()
    assert (
        reconcile(replace(mine, process_created=mine.process_created + 0.5, heartbeat=1.0)).state == "running"
    )


def test_process_on_another_host_is_not_judged() -> None:
    status = reconcile(running_status(host="elsewhere", pid=2**22 - 1, heartbeat=time.time() - 300))
    assert status.state == "running"
    assert status.stale
    assert 299 < status.heartbeat_age < 310
    assert not reconcile(running_status(host="elsewhere", pid=2**22 - 1)).stale


def test_status_is_kept_where_access_is_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(pid: int) -> psutil.Process:
        raise psutil.AccessDenied(pid)

    status = running_status(heartbeat=1.0, process_created=1.0)
    monkeypatch.setattr(psutil, "Process", denied)
    assert reconcile(status) == status


@pytest.mark.parametrize("state", [state for state in WRITTEN_STATES if state != "running"])
def test_only_running_status_is_checked(state: str) -> None:
    status = running_status(state=state, pid=0)
    assert reconcile(status) == status


def test_is_starting() -> None:
    assert is_starting(running_status(state="created"))
    assert not is_starting(running_status())
    assert not is_starting(running_status(state="created", host="elsewhere"))
    assert not is_starting(running_status(state="created", pid=0))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "empty"),
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ("[" * 100_000, "not JSON"),
        ('{"state": "running", "x": ' + "[" * 50 + "]" * 50 + "}", "nested deeper"),
        ("{}", "state: expected one of created"),
        ('{"state": ["running"]}', "state: expected one of"),
        ('{"state": "lost"}', "state: expected one of"),
        ('{"state": "running", "pid": "x\\u001b[31m"}', "pid: expected a whole number, found 'x"),
        ('{"state": "running", "pid": -1}', "pid: expected"),
        ('{"state": "running", "epoch": 1.5}', "epoch: expected a whole number"),
        ('{"state": "running", "heartbeat": 1e999}', "heartbeat: expected a number"),
        ('{"state": "running", "heartbeat": true}', "heartbeat: expected a number"),
        ('{"state": "running", "step": 1' + "0" * 30 + "}", "step: expected"),
        ('{"state": "running", "format": 2}', "format 2: this release reads 1"),
    ],
)
def test_damaged_status_is_named(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / STATUS_FILE).write_text(text)
    with pytest.raises(BrokenRun) as caught:
        read_status(tmp_path)
    assert caught.value.reason.startswith("status.json: ")
    assert fault in caught.value.reason
    assert caught.value.reason.isprintable()
    status = Run(tmp_path).status()
    assert (status.state, status.reason) == ("broken", caught.value.reason)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner),
    max_leaves=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from([*Status.__dataclass_fields__, "format", "more"]), json_values))
def test_any_json_object_is_a_status_or_broken(tmp_path: Path, data: dict[str, Any]) -> None:
    (tmp_path / STATUS_FILE).write_text(json.dumps({"state": "running", **data}))
    status = Run(tmp_path).status()
    assert status.state in (*WRITTEN_STATES, "lost", "broken")
    assert status.heartbeat_age >= 0


def test_pipe_in_place_of_the_status_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / STATUS_FILE)
    assert Run(tmp_path).status().reason == "status.json: can't be read: not a regular file"
