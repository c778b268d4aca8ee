"""Runs the missing jobs of a study in parallel processes; stops cleanly, and resumes with the same command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Literal

from entrannas_cli.store.find_run import list_runs, name_in
from entrannas_cli.store.run import Run

from .plan import Job

__all__ = ["Study"]

ROOT = Path(__file__).resolve().parents[2]
POLL = 0.2  # seconds
State = Literal["done", "resume", "running", "new"]


@dataclass(frozen=True)
class Study:
    """A study's folder: ``runs/``, the drawn ``cells/``, the processes' ``logs/``, and ``cost.jsonl``."""

    folder: Path

    def prepare(self) -> None:
        """Create the folder, with its own entrannas.toml, so that no other one applies to the runs."""
        for name in ("runs", "cells", "logs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "entrannas.toml").write_text('runs_dir = "runs"\n')

    def runs(self) -> dict[str, Run]:
        """Return the runs by name: the completed one if there are several, or else the newest; no broken ones."""
        found: dict[str, Run] = {}
        for run in reversed(list_runs(self.folder / "runs")):
            name, state = name_in(run.id), run.status().state
            if state != "broken" and not (name in found and found[name].status().state == "completed"):
                found[name] = run
        return found

    def state(self, job: Job, runs: dict[str, Run]) -> State:
        """Return the state of ``job``."""
        if job.kind == "draw":
            return "done" if self.drawn(job).exists() else "new"
        if job.name not in runs:
            return "new"
        state = runs[job.name].status().state
        return {"completed": "done", "running": "running"}.get(state, "resume")  # type: ignore[return-value]

    def drawn(self, job: Job) -> Path:
        """Return the file of a draw's cells."""
        return self.folder / "cells" / f"{job.name}.json"

    def costs(self) -> dict[str, dict[str, float]]:
        """Return CPU and wall-clock seconds by job, over all attempts."""
        total: dict[str, dict[str, float]] = defaultdict(lambda: {"cpu": 0.0, "wall": 0.0})
        path = self.folder / "cost.jsonl"
        for line in path.read_text().splitlines() if path.exists() else []:
            with suppress(ValueError):  # truncated by a kill or a full disk
                row = json.loads(line)
                for key in ("cpu", "wall"):
                    total[row["name"]][key] += row[key]
        return total

    def work(self, jobs: Sequence[Job], slots: int) -> list[str]:
        """Run ``jobs``, ``slots`` at a time; return one line for each that is missing at the end.

        Raises ``KeyboardInterrupt`` after a signal, once every process has written its checkpoint and ended.
        """
        runs = self.runs()
        todo = [job for job in jobs if self.state(job, runs) != "done"]
        say(f"{len(jobs) - len(todo)} of {len(jobs)} jobs are done")
        active: list[Process] = []
        failed: dict[str, str] = {}
        # also in the background, where a shell makes processes ignore Ctrl-C
        signals = (signal.SIGINT, signal.SIGTERM)
        old = {number: signal.signal(number, signal.default_int_handler) for number in signals}
        try:
            while todo or active:
                for process in [process for process in active if process.ended()]:
                    active.remove(process)
                    self._finish(process, failed)
                    say(f"{self._progress(jobs, todo, active, slots)}: {process.outcome()}")
                waiting = self._start(todo, active, failed, slots)
                if not active and not waiting:
                    break
                time.sleep(POLL)
        except KeyboardInterrupt:
            say(f"stopping {len(active)} processes; run the same command again to resume")
            stop(active)
            for process in active:
                self._record_cost(process)
            raise
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)
        blocked = [f"{job.name}: {job.needs.name} is missing" for job in todo if job.needs]
        return [f"{name}: {reason}" for name, reason in failed.items()] + blocked

    def _start(self, todo: list[Job], active: list[Process], failed: dict[str, str], slots: int) -> bool:
        """Start what can be started; return whether another process is running a job of ``todo``."""
        if len(active) >= slots:
            return True
        runs, elsewhere = self.runs(), False
        for job in list(todo):
            state = self.state(job, runs)
            if state == "done":  # by a process that outlived its study
                todo.remove(job)
            elif state == "running":
                elsewhere = True
            elif len(active) < slots and (job.needs is None or self.state(job.needs, runs) == "done"):
                todo.remove(job)
                active.append(Process(self, job, self._arguments(job, state, runs)))
        return elsewhere

    def _arguments(self, job: Job, state: State, runs: dict[str, Run]) -> list[str]:
        if state == "resume":
            return ["resume", runs[job.name].id]
        made = runs[job.needs.name].id if job.needs and job.needs.kind == "search" else ""
        return [made if made and job.needs and text == job.needs.name else text for text in job.arguments]

    def _finish(self, process: Process, failed: dict[str, str]) -> None:
        self._record_cost(process)
        job = process.job
        if process.code == 0 and job.kind == "draw":
            process.output.replace(self.drawn(job))
        if process.code or self.state(job, self.runs()) != "done":
            failed[job.name] = process.last_line()

    def _record_cost(self, process: Process) -> None:
        row = {"name": process.job.name, "cpu": round(process.cpu, 2), "wall": round(process.wall, 2)}
        with (self.folder / "cost.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")

    def _progress(
        self, jobs: Sequence[Job], todo: Sequence[Job], active: Sequence[Process], slots: int
    ) -> str:
        left = [*todo, *(process.job for process in active)]
        costs = self.costs()
        known: dict[object, list[float]] = defaultdict(list)
        for job in jobs:
            if job.name in costs and job not in left:
                for key in ((job.kind, job.arm.name), job.kind, None):
                    known[key].append(costs[job.name]["wall"])

        def expected(job: Job) -> float:
            keys = ((job.kind, job.arm.name), job.kind, None)
            return fmean(next(known[key] for key in keys if known[key])) if known[None] else 0.0

        seconds = sum(map(expected, left)) - sum(process.wall for process in active)
        eta = f", about {duration(max(seconds, 0) / slots)} left" if left and known[None] else ""
        return f"{len(jobs) - len(left)} of {len(jobs)}{eta}"


class Process:
    """A running job: `entrannas` with ``arguments``."""

    def __init__(self, study: Study, job: Job, arguments: Sequence[str]) -> None:
        self.job = job
        self.begun = time.monotonic()
        self.wall = self.cpu = 0.0
        self.code: int | None = None
        self.log = study.folder / "logs" / f"{job.name}.txt"
        self.output = study.folder / "logs" / f"{job.name}.out"
        arguments = [*arguments, *([] if job.kind == "draw" else ["--quiet", "--json"])]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ENTRANNAS_")}
        paths = [str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]
        environment |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}
        with self.output.open("w") as output, self.log.open("a") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "entrannas_cli", *arguments],
                cwd=study.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                start_new_session=True,  # so that Ctrl-C reaches it through us, once
            )
        with suppress(OSError):  # Linux' autogroup: `nice` counts only within a session, so set the session's
            Path(f"/proc/{self.popen.pid}/autogroup").write_text(f"{os.nice(0)}\n")

    def ended(self, *, wait: bool = False) -> bool:
        """Return whether it has ended; its ``code``, ``wall`` and ``cpu`` are then set."""
        self.wall = time.monotonic() - self.begun
        pid, status, usage = os.wait4(self.popen.pid, 0 if wait else os.WNOHANG)
        if pid:
            self.code = self.popen.returncode = os.waitstatus_to_exitcode(status)
            self.cpu = usage.ru_utime + usage.ru_stime
        return bool(pid)

    def last_line(self) -> str:
        """Return the last line of its log."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self.code}"

    def outcome(self) -> str:
        """Return how it ended, for the progress."""
        if self.code:
            return f"{self.job.kind} {self.job.name} failed: {self.last_line()}"
        return f"{self.job.kind} {self.job.name} took {duration(self.wall)} ({duration(self.cpu)} of CPU)"


def stop(processes: Sequence[Process]) -> None:
    """Let each finish its step and write a checkpoint; a second signal is passed on and ends them at once."""
    waiting = list(processes)
    while waiting:
        for process in waiting:
            process.popen.terminate()
        try:
            while waiting:
                waiting = [process for process in waiting if not process.ended()]
                time.sleep(POLL)
        except KeyboardInterrupt:
            continue


def duration(seconds: float) -> str:
    """Format as 1:05:09 or 3:07."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def say(text: str) -> None:
    """Print a line of progress to stderr."""
    print(text, file=sys.stderr, flush=True)
