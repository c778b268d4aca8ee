"""The single writer of a run, for as long as a process works on it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ..common.atomic import TEMPORARY_SUFFIX, move_into_place, write_atomic, write_json
from ..common.errors import EntrannasError, RunFailed, UsageError, WriteFailed
from ..common.files import BrokenRun, append_regular, reason_of
from ..common.text import first_line, plain
from ..method.genotype import Genotype
from .jsonl import ATTEMPT, JsonLinesWriter
from .lock import take_lock
from .messages import describe_holder, reference_to
from .run import (
    CHECKPOINTS,
    CONFIG_FILE,
    GENOTYPE_FILE,
    GENOTYPES_FILE,
    LOCK_FILE,
    LOG_FILE,
    METRICS_FILE,
    STOP_FILE,
    SUMMARY_FILE,
    Run,
    checkpoint_name,
    checkpoint_step,
    environment_file,
)
from .status import BROKEN, ENDINGS, FORMAT, HEARTBEAT_S, Status, is_working, process_identity, write_status
from .stop import asked_by

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["KEPT_CHECKPOINTS", "RunSession"]

KEPT_CHECKPOINTS = 2  # the last good one survives whatever happens to the newest
STOP_POLL_S = 0.5  # seconds between checks for a stop request
LOCK_TIMEOUT_S = 10.0  # seconds for a process that has ended its run, or died, to release the lock


class RunSession:
    """Context manager in which this process, and no other, works on ``run``.

    ``epochs`` and ``steps`` are the totals to reach. Entering takes the lock, starts the next attempt and marks
    the run as running; a thread then writes a heartbeat every two seconds and checks for a stop request. Call
    :meth:`finish` before leaving. An exception marks the run as failed, with the reason, or as stopped if it is
    ``KeyboardInterrupt``.

    Entering raises ``UsageError`` if another process works on the run (naming it) or the directory isn't a run.
    All methods except :meth:`log` raise ``WriteFailed`` naming a file that cannot be written.
    """

    def __init__(self, run: Run, *, epochs: int = 0, steps: int = 0) -> None:
        self.run = run
        self._epochs = epochs
        self._steps = steps
        self._state_lock = threading.RLock()  # for the status and the summary, and for writing them
        self._ended = threading.Event()
        self._resources = ExitStack()  # the lock and the open files
        self._progress = (0, 0)  # epoch, step
        self._stop_reason = ""
        self._status = Status(state="created")
        self._summary: dict[str, Any] = {}

    # entering and leaving

    def __enter__(self) -> Self:
        with ExitStack() as resources:
            try:
                lock = self._take_lock()
                resources.callback(lock.release)
                self._start_attempt(resources)
            except OSError as error:
                raise self._write_error(self.run.path, error) from None
            self._resources = resources.pop_all()
        threading.Thread(target=self._run_heartbeat, name="heartbeat", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._status.state == "running":
                with suppress(RunFailed):  # what ended the session matters more
                    if isinstance(error, KeyboardInterrupt):
                        self.finish("stopped", "interrupted")
                    else:
                        self.finish("failed", _reason(error) if error else "ended without a result")
        finally:
            self._ended.set()
            self._resources.close()

    def _take_lock(self) -> BaseFileLock:
        if not self.run.looks_like_a_run():
            raise UsageError(f"{plain(str(self.run.path))}: not a run directory")
        self.run.check_names()
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            status = self.run.status()
            if is_working(self.run.path, status):
                break
            lock = take_lock(self.run.path, wait=STOP_POLL_S)
            if lock and self.run.looks_like_a_run():
                return lock
            if lock:  # the run was removed meanwhile, and locking created the folder again
                lock.release()
                with suppress(OSError):
                    (self.run.path / LOCK_FILE).unlink()
                    self.run.path.rmdir()
                raise UsageError(f"{plain(self.run.id)} has been removed")
            if time.monotonic() > deadline:
                break
        raise UsageError(
            f"{plain(self.run.id)} is in use by {describe_holder(status)}; "
            f"stop it with `entrannas stop {reference_to(self.run)}`"
        )

    def _start_attempt(self, resources: ExitStack) -> None:
        before = self.run.status()
        if before.state == BROKEN:  # count the attempts that left a file
            before = replace(before, attempt=len(list(self.run.path.glob("environment*.json"))))
        (self.run.path / CHECKPOINTS).mkdir(exist_ok=True)
        self._clean()
        self._metrics = JsonLinesWriter(self.run.path / METRICS_FILE)
        resources.callback(self._metrics.close)
        self._genotypes = JsonLinesWriter(self.run.path / GENOTYPES_FILE)
        resources.callback(self._genotypes.close)
        with suppress(BrokenRun):
            self._summary = self.run.summary()
        host, pid, process_created = process_identity()
        now = time.time()
        self._progress = (before.epoch, before.step)
        self._status = replace(
            before,
            state="running",
            host=host,
            pid=pid,
            process_created=process_created,
            heartbeat=now,
            created=before.created or now,
            started=now,
            ended=0.0,
            attempt=before.attempt + 1,
            reason="",
            epochs=self._epochs or before.epochs,
            steps=self._steps or before.steps,
        )
        write_status(self.run.path, self._status)
        self._write_summary()

    def _clean(self) -> None:
        """Remove what killed processes left half-written, and a stop request meant for one of them."""
        (self.run.path / STOP_FILE).unlink(missing_ok=True)
        for folder in (self.run.path, self.run.path / CHECKPOINTS):
            for leftover in folder.glob(f"*{TEMPORARY_SUFFIX}"):
                leftover.unlink(missing_ok=True)

    def finish(self, state: str, reason: str = "") -> None:
        """Mark the run as ``completed``, ``stopped`` or ``failed``, with the ``reason`` in one line."""
        if state not in ENDINGS:
            raise ValueError(f"{state!r} is not one of {ENDINGS}")
        self._ended.set()
        with self._state_lock:
            now = time.time()
            self._status = replace(
                self._current_status(), state=state, reason=reason, ended=now, heartbeat=now
            )
            try:
                self._write_summary()  # first: once the status says that it has ended, the summary is complete
                write_status(self.run.path, self._status)
            except OSError as error:
                raise self._write_error(self.run.path, error) from None
            finally:
                with suppress(OSError):
                    (self.run.path / STOP_FILE).unlink(missing_ok=True)

    # heartbeat and stop requests

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self._status.attempt

    @property
    def stop_requested(self) -> bool:
        """Whether the run should finish its step, write a checkpoint and stop."""
        return bool(self._stop_reason)

    @property
    def stop_reason(self) -> str:
        """Who asked for the stop, in words; empty if nobody did."""
        return self._stop_reason

    def request_stop(self, reason: str) -> None:
        """Request a stop from within this process; safe in a signal handler.

        The first reason counts.
        """
        self._stop_reason = self._stop_reason or reason

    def _run_heartbeat(self) -> None:
        last = time.monotonic()
        while not self._ended.wait(STOP_POLL_S):
            if by := asked_by(self.run):
                self.request_stop(f"asked by {by}")
            if time.monotonic() - last >= HEARTBEAT_S - STOP_POLL_S / 2:
                last = time.monotonic()
                self._write_heartbeat()

    def _write_heartbeat(self) -> None:
        with self._state_lock:
            if self._status.state == "running":
                self._status = replace(self._current_status(), heartbeat=time.time())
                with suppress(OSError):  # a full disk ends the run where it writes results
                    write_status(self.run.path, self._status, durable=False)

    # results

    def begin_attempt(self, first_step: int, *, epoch: int = 0) -> None:
        """Declare ``first_step`` (1-based) the next step; rows and checkpoints from it on become void.

        ``epoch`` is the epoch of the step before.
        """
        marker = {"kind": ATTEMPT, "attempt": self.attempt, "first_step": first_step, "time": time.time()}
        for writer in (self._metrics, self._genotypes):
            self._append(writer, marker)
        history = self.run.genotypes()
        path = self.run.path / GENOTYPE_FILE
        try:
            for checkpoint in self.run.checkpoints():
                if checkpoint_step(checkpoint) >= first_step:
                    checkpoint.unlink(missing_ok=True)
            if history:
                write_atomic(path, history[-1].genotype.to_json())
            elif self._status.kind == "search":  # other kinds of runs are given their cells
                path.unlink(missing_ok=True)
        except OSError as error:
            raise self._write_error(path, error) from None
        self.set_progress(epoch, first_step - 1)
        self._write_heartbeat()

    def write_step(self, row: Mapping[str, Any]) -> None:
        """Append a step row with at least ``step`` and ``epoch``."""
        self._append(self._metrics, {"kind": "step", "time": time.time(), **row})
        self.set_progress(row["epoch"], row["step"])

    def write_epoch(self, row: Mapping[str, Any]) -> None:
        """Append an epoch row with at least ``step`` and ``epoch``."""
        self._append(self._metrics, {"kind": "epoch", "time": time.time(), **row})
        self.set_progress(row["epoch"], row["step"])

    def write_genotype(self, step: int, epoch: int, genotype: Genotype) -> None:
        """Record that the derived cells have changed to ``genotype``."""
        self._append(self._genotypes, {"step": step, "epoch": epoch, "genotype": genotype.to_dict()})
        path = self.run.path / GENOTYPE_FILE
        try:
            write_atomic(path, genotype.to_json(), durable=False)  # the history has it too
        except OSError as error:
            raise self._write_error(path, error) from None

    def set_totals(self, *, epochs: int, steps: int) -> None:
        """Set the numbers of epochs and steps to reach."""
        with self._state_lock:
            self._status = replace(self._status, epochs=epochs, steps=steps)

    def set_progress(self, epoch: int, step: int) -> None:
        """Set how far the run is; written with the next heartbeat."""
        self._progress = (epoch, step)  # a single assignment, so a step never waits for the thread

    def _current_status(self) -> Status:
        epoch, step = self._progress
        return replace(self._status, epoch=epoch, step=step)

    def update_summary(self, values: Mapping[str, Any]) -> None:
        """Merge ``values`` into the summary."""
        with self._state_lock:
            self._summary.update(values)
            try:
                self._write_summary()
            except OSError as error:
                raise self._write_error(self.run.path / SUMMARY_FILE, error) from None

    def write_config(self, text: str) -> None:
        """Replace the configuration, whose text is TOML."""
        path = self.run.path / CONFIG_FILE
        try:
            write_atomic(path, text)
        except OSError as error:
            raise self._write_error(path, error) from None

    def write_environment(self, values: Mapping[str, Any]) -> None:
        """Record where this attempt runs: versions, device, command line."""
        path = self.run.path / environment_file(self.attempt)
        try:
            write_json(path, values)
        except OSError as error:
            raise self._write_error(path, error) from None

    def log(self, text: str) -> None:
        """Append lines to the log, with the time.

        Errors in writing it are ignored.
        """
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        lines = "".join(f"{now} {plain(line)}\n" for line in text.splitlines())
        with suppress(OSError):
            descriptor = append_regular(self.run.path / LOG_FILE)
            try:
                os.write(descriptor, lines.encode("utf-8"))
            finally:
                os.close(descriptor)

    def save_checkpoint(self, step: int, write: Callable[[Path], object]) -> Path:
        """Save the state after ``step``, which ``write`` writes to the path it is given; return the checkpoint.

        Call it after writing the rows of the step, so that they are on disk before the checkpoint. It appears
        complete or not at all; the two newest are kept.
        """
        path = self.run.path / CHECKPOINTS / checkpoint_name(step)

        def write_in_order(temporary: Path) -> None:
            write(temporary)
            self._metrics.sync()
            self._genotypes.sync()

        self._save(path, write_in_order)
        try:
            for old in self.run.checkpoints()[KEPT_CHECKPOINTS:]:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise self._write_error(path, error) from None
        return path

    def save_beside_checkpoints(self, name: str, write: Callable[[Path], object]) -> Path:
        """Save what ``write`` writes to the path it is given as ``name``, replacing the one before."""
        path = self.run.path / CHECKPOINTS / name
        self._save(path, write)
        return path

    def _save(self, path: Path, write: Callable[[Path], object]) -> None:
        temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
        try:
            write(temporary)
            move_into_place(path, temporary)
        except OSError as error:
            raise self._write_error(path, error) from None
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _append(self, writer: JsonLinesWriter, row: Mapping[str, Any]) -> None:
        try:
            writer.append(row)
        except OSError as error:
            raise self._write_error(writer.path, error) from None

    def _write_summary(self) -> None:
        status = self._current_status()
        self._summary = {
            "format": FORMAT,
            "id": self.run.id,
            "kind": status.kind,
            **self._summary,
            **{key: getattr(status, key) for key in ("state", "epoch", "epochs", "step", "steps", "created")},
            "updated": time.time(),
        }
        write_json(self.run.path / SUMMARY_FILE, self._summary)

    def _write_error(self, path: Path, error: BaseException) -> WriteFailed:
        return WriteFailed(f"{plain(str(path))}: can't be written: {reason_of(error)}")


def _reason(error: BaseException) -> str:
    """Return the error in one line, with its type unless it is one of ours."""
    return first_line(error, named=not isinstance(error, EntrannasError))
