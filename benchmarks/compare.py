"""How long `entrannas compare` takes over many runs: ``python benchmarks/compare.py [--runs N] [--times N]``.

Creates the run directories in a temporary folder, runs the real command in a separate process, and prints the
fastest and median time of the whole process, along with that of starting Python and importing pandas alone.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.results.generated import make_runs  # noqa: E402 (tests are not installed)

COMPARE = ("-m", "entrannas_cli", "compare")
CASES = {
    "python alone": ("-c", ""),
    "import pandas": ("-c", "import pandas"),
    "entrannas --help": ("-m", "entrannas_cli", "--help"),
    "compare (CSV)": COMPARE,
    "compare, one path per run": (*COMPARE, "PATHS"),
    "compare --format table": (*COMPARE, "--format", "table"),
    "compare --group-by method,space": (*COMPARE, "--group-by", "method,space"),
    "compare --columns +network.channels": (*COMPARE, "--columns", "+network.channels"),
    "compare --format latex": (*COMPARE, "--format", "latex"),
}


def seconds(arguments: list[str]) -> float:
    """Return the wall time of one process."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - start


def main() -> None:
    """Measure each command and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1000, help="run directories to create (1000)")
    parser.add_argument(
        "--times", type=int, default=5, help="timed calls of each command, after one warm-up (5)"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder, "runs")
        make_runs(runs, args.runs)
        paths = sorted(str(path) for path in runs.iterdir())
        os.environ["ENTRANNAS_RUNS_DIR"] = str(runs)
        os.environ["PYTHONPATH"] = str(ROOT)
        where = f"Python {platform.python_version()}, {os.cpu_count()} processors"
        print(f"{args.runs} runs, {args.times} calls; {where}")
        print(f"{'':38}{'fastest':>9}{'median':>9}")
        for name, case in CASES.items():
            arguments = [argument for part in case for argument in (paths if part == "PATHS" else [part])]
            seconds(arguments)
            times = [seconds(arguments) for _ in range(args.times)]
            print(f"{name:38}{min(times):7.2f} s{statistics.median(times):7.2f} s")


if __name__ == "__main__":
    main()
