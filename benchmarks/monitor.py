"""How long reading runs takes: ``python benchmarks/monitor.py [--runs N] [--steps N ...] [--times N]``.

Creates run directories in a temporary folder, and runs of N steps with 20 metrics. Measures the first and later
scans of all runs, reading each long run up to a first curve and completely, and the memory that this takes (growth
of the resident set of a separate process). Prints the fastest and median times.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from entrannas_cli.monitor.run_index import FRESH_S, RunIndex  # noqa: E402
from entrannas_cli.monitor.run_metrics import RunMetrics  # noqa: E402
from entrannas_cli.store.run import METRICS_FILE, Run  # noqa: E402
from tests.results.generated import make_runs  # noqa: E402 (tests are not installed)

METRICS = 20
FIRST = 0.05  # seconds allowed for the first read of a long run, and for the first scan of all runs
MEMORY = """
import psutil, sys
from pathlib import Path
from entrannas_cli.store.run import Run
from entrannas_cli.monitor.run_metrics import RunMetrics
before = psutil.Process().memory_info().rss
metrics = RunMetrics(Run(Path(sys.argv[1])))
metrics.read()
print(psutil.Process().memory_info().rss - before)
"""


def long_run(folder: Path, steps: int) -> Run:
    """Create a run of ``steps`` steps with 20 metrics each, step rows only."""
    rng = random.Random(0)
    names = [f"metric_{n}" for n in range(METRICS)]
    folder.mkdir(parents=True)
    with (folder / METRICS_FILE).open("w") as file:
        for step in range(1, steps + 1):
            row = {"kind": "step", "time": 1795515300.0 + step, "step": step, "epoch": 1 + step // 1000}
            file.write(
                json.dumps({**row, **{name: rng.random() for name in names}}, separators=(",", ":")) + "\n"
            )
    return Run(folder)


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that ``work`` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def index_times(runs: Path, times: int) -> Iterator[tuple[str, list[float]]]:
    """Yield names and times of scanning all runs."""
    yield "all runs, first scan", [timed(RunIndex(runs).refresh) for _ in range(times)]
    yield (
        f"all runs, first scan of {FIRST:.2f} s",
        [timed(lambda: RunIndex(runs).refresh(FIRST)) for _ in range(times)],
    )
    index = RunIndex(runs)
    index.refresh()
    yield "all runs, nothing new", [timed(index.refresh) for _ in range(10 * times)]


def metrics_times(run: Run, steps: int, times: int) -> Iterator[tuple[str, list[float]]]:
    """Yield names and times of reading one long run."""
    name = f"{steps:,} steps"
    yield (
        f"{name}, first curves (read for {FIRST:.2f} s)",
        [timed(lambda: RunMetrics(run).read(FIRST)) for _ in range(times)],
    )
    yield f"{name}, complete", [timed(RunMetrics(run).read) for _ in range(times)]
    metrics = RunMetrics(run)
    metrics.read()
    yield f"{name}, nothing new", [timed(metrics.read) for _ in range(10 * times)]


def memory(run: Run) -> int:
    """Return the bytes that reading the whole run adds to a process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", MEMORY, str(run.path)]
    return int(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Measure each case and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1000, help="run directories to create (1000)")
    parser.add_argument(
        "--steps",
        type=int,
        nargs="+",
        default=[50_000, 200_000],
        help="steps of the long runs (50,000 200,000)",
    )
    parser.add_argument("--times", type=int, default=5, help="measurements of each (5)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder, "runs")
        make_runs(runs, args.runs)
        long_runs = {steps: long_run(Path(folder, f"long-{steps}"), steps) for steps in args.steps}
        time.sleep(FRESH_S)  # files modified just now are read again
        print(f"Python {platform.python_version()}, {os.cpu_count()} processors, {args.times} measurements")
        sizes = [f"{(run.path / METRICS_FILE).stat().st_size / 1e6:.1f}" for run in long_runs.values()]
        print(f"{args.runs} runs; long runs of {METRICS} metrics: {', '.join(sizes)} MB")
        print(f"{'':48}{'fastest':>10}{'median':>10}")
        rows = list(index_times(runs, args.times))
        for steps, run in long_runs.items():
            rows += metrics_times(run, steps, args.times)
        for name, times in rows:
            print(f"{name:48}{1000 * min(times):7.2f} ms{1000 * statistics.median(times):7.2f} ms")
        for steps, run in long_runs.items():
            print(f"{f'{steps:,} steps, memory':48}{memory(run) / 1e6:7.1f} MB")


if __name__ == "__main__":
    main()
