"""Search, train, read, stop and resume for hours, with random faults in between, and watch for leaks.

``python -m tests.reliability.soak --minutes 60``: one process runs one session after another, as a notebook would,
and follows all runs with the dashboard's index. Others are killed, or their disk fails. After each round this
process must have the open files, threads and children that it had after the first rounds, and no more memory.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil
import pytest

from entrannas_cli.monitor.run_index import RunIndex
from entrannas_cli.store.find_run import list_runs
from entrannas_cli.store.run import Run

from ..search.runs import SMALL, in_process, start, steps_of, write_space
from ..train.trainings import SMALL as SMALL_TRAINING
from .interrupt import VARIABLE

__all__ = ["Soaked", "soak"]

SETTLED = 2  # rounds until everything that is loaded once is loaded
KEPT_RUNS = 12
MAX_GROWTH_MB = 32  # of the median memory, from the second to the last quarter


@dataclass
class Soaked:
    """What was measured after each round."""

    memory_mb: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    children: list[int] = field(default_factory=list)

    def measure(self) -> None:
        """Append the current figures of this process."""
        gc.collect()
        process = psutil.Process()
        self.memory_mb.append(process.memory_info().rss / 2**20)
        self.files.append(process.num_fds())
        self.threads.append(threading.active_count())
        self.children.append(len(process.children(recursive=True)))

    def leaks(self) -> list[str]:
        """Return what grew from the second quarter of the rounds to the last one."""
        found = []
        for name, allowed in (("memory_mb", MAX_GROWTH_MB), ("files", 0), ("threads", 0), ("children", 0)):
            values = getattr(self, name)
            quarter = max(len(values) // 4, 1)
            before, after = median(values[quarter : 2 * quarter] or values[:1]), median(values[-quarter:])
            if after > before + allowed:
                found.append(f"{name}: {before:g}, then {after:g}")
        return found


def soak(seconds: float, seed: int, report: Callable[[str], object] = lambda _: None) -> Soaked:
    """Run rounds in the current directory for ``seconds``, but at least ``SETTLED`` + 2."""
    draw, soaked = random.Random(seed), Soaked()
    write_space(Path.cwd())
    index = RunIndex(Path("runs"))
    deadline, rounds = time.monotonic() + seconds, 0
    while rounds < SETTLED + 2 or time.monotonic() < deadline:
        _round(draw)
        index.refresh()
        for old in list_runs(Path("runs"))[KEPT_RUNS:]:
            shutil.rmtree(old.path)
        rounds += 1
        if rounds > SETTLED:
            soaked.measure()
            report(f"round {rounds}: {soaked.memory_mb[-1]:.0f} MB, {soaked.files[-1]} files")
    return soaked


def _round(draw: random.Random) -> None:
    """Make runs in this process and one in another, which fails; resume that, read everything, damage a file."""
    in_process("search", *SMALL, "--quiet", "--seed", str(draw.randrange(1000)))
    in_process("train", "latest", *SMALL_TRAINING, "--quiet", "--epochs", "1")
    fault = draw.choice(["kill", "stop", "EIO half metrics.jsonl 5", "ENOSPC half checkpoints/step-*.pt 2"])
    with pytest.MonkeyPatch.context() as patch:
        if " " in fault:
            patch.setenv(VARIABLE, fault)
        process = start("search", *SMALL, "--quiet", "--name", "faulty", "--set", "checkpoint.minutes=0")
    deadline = time.monotonic() + 60
    run: Run | None = None
    while process.returncode is None and time.monotonic() < deadline:
        run = next((run for run in list_runs(Path("runs")) if "faulty" in run.id), None)
        if " " not in fault and run and steps_of(run) > 3:
            process.send_signal(signal.SIGKILL if fault == "kill" else signal.SIGTERM)
            break
        time.sleep(0.01)
    process.end()
    faulty = list_runs(Path("runs"))[0]
    in_process("resume", faulty.id, "--quiet", check=False)
    for reading in (["runs", "list"], ["runs", "show", "latest"], ["compare", "--format", "csv"]):
        in_process(*reading)
    in_process("report", "latest", "--output", "page.html", check=False)
    files = [path for path in faulty.path.rglob("*") if path.is_file()]
    damaged = draw.choice(files)
    damaged.write_bytes(damaged.read_bytes()[: draw.randrange(100)])
    in_process("runs", "list")
    in_process("resume", faulty.id, "--quiet", check=False)


def main() -> None:
    """Print the figures as one JSON line; exit with 1 if something leaks."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        soaked = soak(
            60 * options.minutes, options.seed, lambda text: print(text, file=sys.stderr, flush=True)
        )
    figures = {name: [values[0], max(values), values[-1]] for name, values in vars(soaked).items()}
    print(json.dumps({"rounds": len(soaked.files), "first, most, last": figures, "leaks": soaked.leaks()}))
    sys.exit(bool(soaked.leaks()))


if __name__ == "__main__":
    main()
