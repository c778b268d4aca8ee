"""How busy a run's process, its machine and the GPUs are, on this host only."""

from __future__ import annotations

import csv
import shutil
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..common.numbers import number
from ..common.text import plain
from ..store.status import Status, living_process

if TYPE_CHECKING:
    from psutil import Process

__all__ = ["Gpu", "GpuWatch", "Sample", "SystemWatch"]

GPU_INTERVAL_S = 2.0  # seconds between queries of the GPUs
GPU_TIMEOUT_S = 10.0  # seconds to wait for an answer; a hanging driver is queried no more often
_QUERY = ("index", "name", "utilization.gpu", "memory.used", "memory.total")


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A GPU: ``utilisation`` as a share from 0 to 1, memory in bytes; None if the driver doesn't report it."""

    index: int
    name: str
    utilisation: float | None
    memory: float | None
    memory_total: float | None


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One sample; None for anything unknown (yet).

    ``process_cpu`` counts processors: 1.5 means that one and a half are busy. ``machine_cpu`` is a share of all of
    them, from 0 to 1. Memory is in bytes. ``gpus`` is empty if there are none.
    """

    process_cpu: float | None = None
    process_memory: int | None = None
    machine_cpu: float | None = None
    machine_memory: int | None = None
    machine_memory_total: int | None = None
    gpus: tuple[Gpu, ...] | None = None


class SystemWatch:
    """Samples the process of one run and the machine. CPU use is measured since the previous sample."""

    def __init__(self, gpus: GpuWatch | None = None) -> None:
        self._gpus = GpuWatch() if gpus is None else gpus
        self._process: Process | None = None
        self._machine_time: tuple[float, float] | None = None  # busy, all

    def sample(self, status: Status) -> Sample:
        """Sample the process of the run with ``status``, the machine, and the latest answer from the GPUs."""
        import psutil

        cpu, memory = self._sample_process(status)
        try:
            total = psutil.virtual_memory()
        except (psutil.Error, OSError):
            total = None
        return Sample(
            process_cpu=cpu,
            process_memory=memory,
            machine_cpu=self._sample_machine(),
            machine_memory=total.total - total.available if total else None,
            machine_memory_total=total.total if total else None,
            gpus=self._gpus.look(),
        )

    def close(self) -> None:
        """Stop a GPU query in progress."""
        self._gpus.close()

    def _sample_process(self, status: Status) -> tuple[float | None, int | None]:
        import psutil

        process = living_process(status)
        if process is None:
            self._process = None
            return None, None
        known = self._process == process  # the same pid and creation time
        self._process = process = self._process if known and self._process else process
        try:
            cpu = process.cpu_percent()  # the first call returns a meaningless 0.0
            return cpu / 100 if known else None, process.memory_info().rss
        except (psutil.Error, OSError):
            return None, None

    def _sample_machine(self) -> float | None:
        import psutil

        try:
            times = psutil.cpu_times()
        except (psutil.Error, OSError):
            return None
        # user and nice already include guests
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        busy = total - times.idle - getattr(times, "iowait", 0.0)
        before, self._machine_time = self._machine_time, (busy, total)
        if before is None or total <= before[1]:
            return None
        return min(max((busy - before[0]) / (total - before[1]), 0.0), 1.0)


class GpuWatch:
    """Queries ``nvidia-smi`` without ever waiting for its answer."""

    def __init__(self) -> None:
        self._command = shutil.which("nvidia-smi")
        self._queried_at = -GPU_TIMEOUT_S
        self._process: subprocess.Popen[str] | None = None
        self._latest: tuple[Gpu, ...] | None = None if self._command else ()

    def look(self) -> tuple[Gpu, ...] | None:
        """Return the latest answer; None before the first, or if there is none any more."""
        now = time.monotonic()
        if self._process is not None:
            if self._process.poll() is not None:
                self._latest = self._read_answer(self._process)
                self._process = None
            elif now - self._queried_at > GPU_TIMEOUT_S:
                self.close()
                self._latest = None
        elif self._command and now - self._queried_at >= GPU_INTERVAL_S:
            self._queried_at = now
            self._start_query(self._command)
        return self._latest

    def close(self) -> None:
        """Stop the query in progress."""
        if self._process is None:
            return
        self._process.kill()
        if self._process.stdout:
            self._process.stdout.close()
        with suppress(subprocess.TimeoutExpired):  # a process that hangs in the driver cannot be killed
            self._process.wait(timeout=0.1)
        self._process = None

    def _start_query(self, command: str) -> None:
        try:
            self._process = subprocess.Popen(
                [command, f"--query-gpu={','.join(_QUERY)}", "--format=csv,noheader,nounits"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,  # a few lines: they fit the buffer of the pipe
                stderr=subprocess.DEVNULL,
                text=True,
                errors="replace",
                start_new_session=True,  # Ctrl-C in the terminal isn't meant for it
            )
        except OSError:
            self._latest = None

    def _read_answer(self, process: subprocess.Popen[str]) -> tuple[Gpu, ...] | None:
        with process:
            text = process.stdout.read() if process.stdout else ""
        if process.returncode != 0:
            return None
        return tuple(
            gpu for row in csv.reader(text.splitlines(), skipinitialspace=True) if (gpu := _gpu(row))
        )


def _gpu(row: list[str]) -> Gpu | None:
    if len(row) != len(_QUERY) or not row[0].isdecimal():
        return None
    utilisation, used, total = map(_value, row[2:])
    return Gpu(
        index=int(row[0]),
        name=plain(row[1]),
        utilisation=None if utilisation is None else utilisation / 100,
        memory=None if used is None else used * 2**20,
        memory_total=None if total is None else total * 2**20,
    )


def _value(text: str) -> float | None:
    """Return a number; None for "[N/A]" and the like."""
    try:
        return number(float(text))
    except ValueError:
        return None
