"""The single writer of a run: lock, heartbeat, stop requests, rows, checkpoints, and death at any moment."""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from entrannas_cli.common.errors import RunFailed, UsageError
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.store.create import create_run
from entrannas_cli.store.jsonl import JsonLinesReader, JsonLinesWriter
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession
from entrannas_cli.store.status import Status, write_status
from entrannas_cli.store.stop import outcome, request_stop, wait_until_ended

from .processes import kill, python, wait_for


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create_run(tmp_path / "work" / "runs", space="standard", method="entrannas-dst", seed=0)


def genotype(operation: str) -> Genotype:
    cell = CellGraph(((Connection(0, operation), Connection(1, operation)),))
    return Genotype(cell, cell)


def steps(run: Run) -> list[int]:
    return [row["step"] for row in run.metrics("step")]


def row(step: int, epoch: int = 1) -> dict[str, float]:
    return {"step": step, "epoch": epoch, "weight_loss": 1 / step}


# from start to end


def test_complete_run(run: Run) -> None:
    with RunSession(run, epochs=2, steps=4) as session:
        assert session.attempt == 1
        assert run.status().state == "running"
        session.write_environment({"torch": "2.9"})
        session.begin_attempt(1)
        session.write_genotype(1, 1, genotype("skip_connect"))
        for step in range(1, 5):
            session.write_step(row(step, epoch=(step + 1) // 2))
            if step % 2 == 0:
                session.write_epoch({"step": step, "epoch": step // 2, "gap": 0.1})
        session.write_genotype(4, 2, genotype("sep_conv_3x3"))
        session.update_summary({"gap": 0.1, "warnings": []})
        session.log("one\ntwo\x1b[31m")
        session.finish("completed")
    status = run.status()
    assert (status.state, status.attempt, status.reason) == ("completed", 1, "")
    assert (status.epoch, status.epochs, status.step, status.steps) == (2, 2, 4, 4)
    assert status.created <= status.started <= status.ended
    assert run.environment() == {"torch": "2.9"}
    assert steps(run) == [1, 2, 3, 4]
    assert [r["kind"] for r in run.metrics()] == ["step", "step", "epoch", "step", "step", "epoch"]
    assert all(r["time"] > 1e9 for r in run.metrics())
    assert [(d.step, d.epoch, d.genotype) for d in run.genotypes()] == [
        (1, 1, genotype("skip_connect")),
        (4, 2, genotype("sep_conv_3x3")),
    ]
    assert run.genotype() == genotype("sep_conv_3x3")
    summary = run.summary()
    assert (summary["state"], summary["gap"], summary["step"], summary["seed"]) == ("completed", 0.1, 4, 0)
    log = (run.path / "log.txt").read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in log] == ["one", "two\\x1b[31m"]


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (RunFailed("the loss is nan at step 3", ["detail"]), "failed", "the loss is nan at step 3"),
        (ValueError("first\nsecond"), "failed", "ValueError: first"),
        (ValueError(), "failed", "ValueError"),
        (MemoryError("\x1b[31m"), "failed", "MemoryError: \\x1b[31m"),
        (KeyboardInterrupt(), "stopped", "interrupted"),
        (SystemExit(3), "failed", "SystemExit: 3"),
        (None, "failed", "ended without a result"),
    ],
)
def test_session_left_without_an_ending(
    run: Run, error: BaseException | None, state: str, reason: str
) -> None:
    def leave() -> None:
        with RunSession(run):
            if error:
                raise error

    if error:
        with pytest.raises(type(error)):
            leave()
    else:
        leave()
    status = run.status()
    assert (status.state, status.reason) == (state, reason)
    assert status.ended
    assert status.resumable


def test_ending_set_before_an_error_is_kept(run: Run) -> None:
    def leave() -> None:
        with RunSession(run) as session:
            session.finish("stopped", "because")
            raise RuntimeError("afterwards")

    with pytest.raises(RuntimeError):
        leave()
    assert run.status().reason == "because"


# one at a time

HOLD = """
import sys, time
from pathlib import Path
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession
with RunSession(Run(Path(sys.argv[1])), steps=10) as session:
    print("holds", flush=True)
    for line in sys.stdin:
        session.finish(line.strip())
        break
    else:
        time.sleep(60)
"""


def test_second_session_is_rejected_naming_the_holder(run: Run) -> None:
    process = python(HOLD, run.path)
    assert process.stdout.readline() == "holds\n"
    begun = time.monotonic()
    with pytest.raises(UsageError) as caught, RunSession(run):
        pass
    assert time.monotonic() - begun < 5
    assert f"process {process.pid} on {socket.gethostname()}, since 20" in str(caught.value)
    assert f"`entrannas stop {run.id}`" in str(caught.value)
    assert run.status().attempt == 1
    kill(process)


def test_only_one_concurrent_session_gets_the_run(run: Run) -> None:
    processes = [python(HOLD, run.path) for _ in range(4)]
    wait_for(lambda: sum(process.poll() is None for process in processes) == 1)
    (holder,) = (process for process in processes if process.poll() is None)
    assert holder.stdout.readline() == "holds\n"
    for process in processes:
        if process is not holder:
            _, err = process.communicate(timeout=20)
            assert f"process {holder.pid}" in err
    kill(holder)


def test_dead_process_does_not_hold_the_lock(run: Run) -> None:
    process = python(HOLD, run.path)
    assert process.stdout.readline() == "holds\n"
    kill(process)
    assert run.status().state == "lost"
    with RunSession(run) as session:
        assert session.attempt == 2
        session.write_environment({"again": True})
        session.finish("completed")
    status = run.status()
    assert (status.state, status.attempt, status.steps) == ("completed", 2, 10)
    assert run.environment(2) == {"again": True}


def test_ending_session_is_waited_for(run: Run) -> None:
    process = python(HOLD, run.path)
    assert process.stdout.readline() == "holds\n"
    write_status(run.path, replace(run.status(), state="stopped"))  # while the lock is still held
    process.stdin.write("stopped\n")
    process.stdin.flush()
    with RunSession(run) as session:
        session.finish("completed")
    process.communicate(timeout=20)


def test_session_on_another_host_is_respected_while_its_heartbeat_is_fresh(run: Run) -> None:
    now = time.time()
    elsewhere = Status(state="running", host="elsewhere", pid=1, heartbeat=now, started=now, attempt=3)
    write_status(run.path, elsewhere)
    with pytest.raises(UsageError, match="process 1 on elsewhere"), RunSession(run):
        pass
    write_status(run.path, replace(elsewhere, heartbeat=now - 1000))
    with RunSession(run) as session:
        assert session.attempt == 4
        session.finish("completed")


def test_heartbeat_in_the_future_counts_only_while_it_is_renewed(run: Run) -> None:
    """The clock of another host may be ahead."""
    later = time.time() + 3600
    elsewhere = Status(state="running", host="elsewhere", pid=1, heartbeat=later, started=later, attempt=3)
    write_status(run.path, elsewhere)
    beats = threading.Timer(1, lambda: write_status(run.path, replace(elsewhere, heartbeat=later + 2)))
    beats.start()
    with pytest.raises(UsageError, match="process 1 on elsewhere"), RunSession(run):
        pass
    beats.join()
    with RunSession(run) as session:
        assert session.attempt == 4
        session.finish("completed")


def test_session_needs_a_run_directory(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path / "work"):
        with pytest.raises(UsageError, match="not a run directory"), RunSession(Run(path)):
            pass
    assert not (tmp_path / "none").exists()


def test_damaged_status_does_not_prevent_a_resume(run: Run) -> None:
    """As after a power failure: attempts are counted by the files they left."""
    for name in ("environment.json", "environment-2.json"):
        (run.path / name).write_text("{}")
    (run.path / "status.json").write_text("")
    (run.path / "summary.json").write_text("\0\0")
    with RunSession(run) as session:
        assert session.attempt == 3
        session.finish("completed")
    assert run.status().state == "completed"
    assert run.summary()["id"] == run.id


def test_damaged_status_leaves_the_kind_of_the_run_known(tmp_path: Path) -> None:
    run = create_run(tmp_path / "runs", space="standard", method="darts", seed=0, kind="train")
    (run.path / "status.json").unlink()
    assert run.status().kind == "train"
    with RunSession(run) as session:
        session.finish("completed")
    assert (run.status().kind, run.status().state) == ("train", "completed")


def test_kill_at_the_end_leaves_no_stale_summary(run: Run) -> None:
    """Killed between the two files, the run must not count as completed with an old summary."""
    code = """
import os, signal, sys
from pathlib import Path
from entrannas_cli.store import session
with session.RunSession(session.Run(Path(sys.argv[1]))) as opened:
    session.write_json = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # for the summary
    opened.finish("completed")
"""
    process = python(code, run.path)
    process.communicate(timeout=60)
    assert process.returncode == -9
    assert run.status().state == "lost"


# heartbeat and stop requests


def test_heartbeat_and_progress(run: Run) -> None:
    with RunSession(run, epochs=5) as session:
        first = run.status().heartbeat
        session.set_progress(2, 33)
        wait_for(lambda: run.status().heartbeat > first)
        status = run.status()
        assert 1.5 < status.heartbeat - first < 10
        assert (status.epoch, status.epochs, status.step) == (2, 5, 33)
        session.finish("completed")


def test_failing_heartbeat_does_not_stop_the_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("entrannas_cli.store.session.HEARTBEAT_S", 0.1)
    with RunSession(run) as session:
        with monkeypatch.context() as patch:
            patch.setattr("entrannas_cli.store.session.write_status", full)
            time.sleep(0.7)
        first = run.status().heartbeat
        wait_for(lambda: run.status().heartbeat > first)
        session.finish("completed")


WORK = """
import sys, time
from pathlib import Path
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession
with RunSession(Run(Path(sys.argv[1]))) as session:
    print("works", flush=True)
    step = 0
    while not session.stop_requested:
        step += 1
        session.write_step({"step": step, "epoch": 1})
        time.sleep(0.01)
    session.save_checkpoint(step, lambda path: path.write_text(str(step)))
    if sys.argv[2] != "vanish":
        session.finish(sys.argv[2], session.stop_reason)
    else:
        import os
        os._exit(1)
"""


@pytest.mark.parametrize("ending", ["stopped", "completed", "failed", "vanish"])
def test_stop_request_is_seen_and_the_outcome_reported(run: Run, ending: str) -> None:
    process = python(WORK, run.path, ending)
    assert process.stdout.readline() == "works\n"
    before = request_stop(run, "somebody")
    request_stop(run)  # repeating it is harmless: the first request counts
    begun = time.monotonic()
    after = wait_until_ended(run, before.attempt, timeout=20)
    assert time.monotonic() - begun < 10
    process.communicate(timeout=20)
    assert not (run.path / "stop").exists()
    last = steps(run)[-1]
    assert run.checkpoints()[0].read_text() == str(last)
    if ending == "stopped":
        assert after.reason == "asked by somebody"
        expected = f"{run.id} stopped at step {last}, epoch 1; resume it with `entrannas resume {run.id}`"
        assert outcome(run, before, after) == expected
    elif ending == "completed":
        assert "completed before" in outcome(run, before, after)
    else:
        says = "failed at step" if ending == "failed" else f"is lost .*process {process.pid} is gone"
        with pytest.raises(RunFailed, match=rf"{says}.*entrannas resume {run.id}"):
            outcome(run, before, after)


def test_unreadable_stop_request_counts(run: Run) -> None:
    with RunSession(run) as session:
        (run.path / "stop").touch()
        wait_for(lambda: session.stop_requested)
        assert session.stop_reason == "asked by `entrannas stop`"
        session.finish("stopped", session.stop_reason)


def test_waiting_for_a_stop_times_out(run: Run) -> None:
    with RunSession(run) as session:
        before = request_stop(run)
        after = wait_until_ended(run, before.attempt, timeout=0.3)
        with pytest.raises(RunFailed, match=r"still running .*the request stands"):
            outcome(run, before, after)
        wait_for(lambda: session.stop_requested)
        session.finish("stopped")
    resumed = replace(before, attempt=2)
    assert "resumed meanwhile" in outcome(run, before, resumed)


def test_only_a_running_run_can_be_stopped(run: Run) -> None:
    with pytest.raises(UsageError, match="hasn't started yet"):
        request_stop(run)
    with RunSession(run) as session:
        session.finish("failed", "the loss is nan")
    with pytest.raises(UsageError, match=r"not running: it is failed \(the loss is nan\)"):
        request_stop(run)
    process = python(HOLD, run.path)
    process.stdout.readline()
    kill(process)
    with pytest.raises(
        UsageError, match=rf"is lost \(process {process.pid} is gone\).*entrannas resume {run.id}"
    ):
        request_stop(run)
    assert not (run.path / "stop").exists()


def test_old_stop_request_does_not_stop_the_next_attempt(run: Run) -> None:
    (run.path / "stop").write_text("")
    with RunSession(run) as session:
        time.sleep(0.7)
        assert not session.stop_requested
        session.request_stop("SIGTERM")
        session.request_stop("again")
        assert session.stop_requested
        assert session.stop_reason == "SIGTERM"
        session.finish("stopped")


# resuming after a crash


def test_rows_after_the_checkpoint_are_superseded_by_the_next_attempt(run: Run) -> None:
    with RunSession(run) as session:
        session.begin_attempt(1)
        for step in range(1, 11):
            session.write_step(row(step))
            if step in (2, 6, 9):
                session.write_genotype(step, 1, genotype(f"operation_{step}"))
            if step in (5, 8):
                session.save_checkpoint(step, lambda path: path.write_text("x"))
        session.finish("stopped")
    reader = JsonLinesReader(run.path / "metrics.jsonl")
    held = reader.read_new().rows
    with RunSession(run) as session:  # as if the newest checkpoint were unusable
        session.begin_attempt(6)
        assert steps(run) == [1, 2, 3, 4, 5]
        assert [derived.step for derived in run.genotypes()] == [2]
        assert run.genotype() == genotype("operation_2")
        assert [path.name for path in run.checkpoints()] == ["step-00000005.pt"]
        for step in range(6, 8):
            session.write_step({**row(step), "again": True})
        assert run.status().step <= 7
        session.finish("completed")
    new = reader.read_new()
    assert new.superseded_from == 6
    held = [r for r in held if r["step"] < 6] + new.rows
    assert held == run.metrics()
    assert steps(run) == list(range(1, 8))
    with RunSession(run) as session:  # from the beginning
        session.begin_attempt(1)
        assert run.metrics() == []
        assert run.genotypes() == []
        assert run.genotype() is None
        session.finish("completed")


def test_history_of_a_gigabyte_is_read_from_near_its_end(run: Run) -> None:
    with RunSession(run) as session:
        os.truncate(run.path / "genotypes.jsonl", 2**30)  # takes no space
        session.write_genotype(1, 1, genotype("skip_connect"))  # in the line of zeros
        session.write_genotype(2, 1, genotype("sep_conv_3x3"))
        session.finish("completed")
    began = time.process_time()
    assert [derived.step for derived in run.genotypes()] == [2]
    assert time.process_time() - began < 0.5  # all of it: 2.6 s


DIE = """
import sys, time
from pathlib import Path
from entrannas_cli.method.genotype import Genotype
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession

def write(path):
    with path.open("wb") as file:
        for _ in range(64):
            file.write(step.to_bytes(4, "big") * 1024)

run = Run(Path(sys.argv[1]))
found = run.checkpoints()
step = int.from_bytes(found[0].read_bytes()[:4], "big") if found else 0
genotype = Genotype.from_json(sys.argv[2])
with RunSession(run) as session:
    session.begin_attempt(step + 1)
    print("works", flush=True)
    while True:
        step += 1
        session.write_step({"step": step, "epoch": 1, "attempt": session.attempt, "filler": [0.5] * 100})
        session.write_genotype(step, 1, genotype)
        session.update_summary({"last": step})
        if step % 3 == 0:
            session.save_checkpoint(step, write)
"""


def test_kill_at_any_moment_loses_at_most_the_current_line(run: Run) -> None:
    """SIGKILL at many moments, also during checkpoints, each time resuming from the last checkpoint."""
    text = genotype("sep_conv_3x3").to_json()
    metrics = run.path / "metrics.jsonl"
    for number in range(8):
        process = python(DIE, run.path, text)
        assert process.stdout.readline() == "works\n"
        size = metrics.stat().st_size
        wait_for(lambda size=size, number=number: metrics.stat().st_size > size + 2000 * (1 + number))
        time.sleep(0.0007 * number)  # at a different point each time
        kill(process)
        assert run.status().state == "lost"
        assert run.status().attempt == number + 1
        found = steps(run)
        assert found == list(range(1, len(found) + 1))
        history = [derived.step for derived in run.genotypes()]
        assert history == found[: len(history)]
        assert len(found) - len(history) <= 1
        assert run.genotype() in (None, genotype("sep_conv_3x3"))
        checkpoints = run.checkpoints()
        assert len(checkpoints) <= 3
        for path in checkpoints:
            step = int(path.stem.split("-")[1])
            assert path.read_bytes() == step.to_bytes(4, "big") * 1024 * 64
            assert step <= len(found)  # the rows up to the checkpoint are there
        assert run.summary().get("last", 0) <= len(found)
    attempts = [r["attempt"] for r in run.metrics("step")]
    assert attempts == sorted(attempts)
    assert len(found) > 15
    (run.path / "checkpoints" / "step-00000001.pt.tmp").write_text("half")
    with RunSession(run) as session:
        left = [path.name for path in run.path.rglob("*.tmp")]
        assert left == []
        session.finish("completed")


# checkpoints and full disks


def test_two_newest_checkpoints_are_kept(run: Run) -> None:
    with RunSession(run) as session:
        for step in (1, 20, 300, 123456789):
            path = session.save_checkpoint(step, partial(Path.write_text, data=str(step)))
            assert path.read_text() == str(step)
        session.finish("completed")
    assert [path.name for path in run.checkpoints()] == ["step-123456789.pt", "step-00000300.pt"]


def test_failed_checkpoint_keeps_the_others(run: Run) -> None:
    error = OSError(errno.ENOSPC, "No space left on device")

    def write(path: Path) -> None:
        path.write_text("half")
        raise error

    def search() -> None:
        with RunSession(run) as session:
            session.save_checkpoint(1, lambda path: path.write_text("good"))
            session.save_checkpoint(2, write)

    with pytest.raises(RunFailed) as caught:
        search()
    assert caught.value.message.endswith("step-00000002.pt: can't be written: No space left on device")
    assert [path.name for path in (run.path / "checkpoints").iterdir()] == ["step-00000001.pt"]
    assert run.status().reason == caught.value.message


def test_unwritable_rows_end_the_search_but_unwritable_log_lines_do_not(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def search() -> None:
        with RunSession(run) as session:
            session.log("nowhere to go")
            monkeypatch.setattr(JsonLinesWriter, "append", full)
            session.write_step(row(1))

    (run.path / "log.txt").mkdir()
    with pytest.raises(RunFailed, match=r"metrics\.jsonl: can't be written: No space left"):
        search()
    assert run.status().state == "failed"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("metrics.jsonl", "folder"),
        ("metrics.jsonl", "pipe"),
        ("status.json", "folder"),
        ("stop", "folder"),
        ("lock", "folder"),
        ("a.tmp", "folder"),
        ("checkpoints", "file"),
        ("checkpoints", "link"),
        ("trainings", "link"),
        ("checkpoints/step-00000009.pt", "link"),
    ],
)
def test_what_blocks_a_run_is_named_and_left_alone(run: Run, tmp_path: Path, name: str, kind: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "step-00000001.pt.tmp").write_text("precious")
    place = run.path / name
    place.parent.mkdir(exist_ok=True)
    kept = place.read_bytes() if name == "status.json" else None
    place.unlink(missing_ok=True)
    match kind:
        case "folder":
            place.mkdir()
        case "pipe":
            os.mkfifo(place)
        case "file":
            place.write_text("a file")
        case "link":
            place.symlink_to(outside)
    with pytest.raises(UsageError, match=rf"{place}: .*: move it away or remove it"), RunSession(run):
        pass
    assert [path.name for path in outside.iterdir()] == ["step-00000001.pt.tmp"]
    place.rmdir() if kind == "folder" else place.unlink()
    if kept is not None:
        place.write_bytes(kept)
    with RunSession(run) as session:
        session.finish("completed")


def test_run_reached_through_a_link_works(run: Run, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(run.path.parent)
    linked = Run(tmp_path / "linked" / run.id)
    with RunSession(linked) as session:
        session.begin_attempt(1)
        session.save_checkpoint(1, lambda path: path.write_text("state"))
        session.finish("stopped")
    assert linked.status().state == "stopped"
    assert [path.name for path in linked.checkpoints()] == ["step-00000001.pt"]


def test_pipe_as_the_log_does_not_block(run: Run) -> None:
    os.mkfifo(run.path / "log.txt")
    with RunSession(run) as session:
        session.log("nobody reads this")
        session.finish("completed")


def test_non_finite_values_become_null(run: Run) -> None:
    with RunSession(run) as session:
        session.write_step({"step": 1, "epoch": 1, "weight_loss": float("nan")})
        session.update_summary({"gap": float("inf")})
        session.finish("completed")
    assert run.metrics("step")[0]["weight_loss"] is None
    assert json.loads((run.path / "summary.json").read_text())["gap"] is None
