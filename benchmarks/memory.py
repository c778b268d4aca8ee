"""Estimated against measured memory: ``python benchmarks/memory.py [--times N] [--device D]``.

Runs each search and training in separate processes, in rounds, with and without activation checkpointing. Prints
medians of the estimate, the measured peak (above what the process held before; on a GPU of tensors), their ratio,
and the time per step. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from tests.search.measure_memory import Case  # noqa: E402 (tests are not installed)

MIB = 2**20
SEARCH = Case(batch=64)
TRAINING = Case(kind="train", cells=20, channels=36, batch=32)
IMAGENET = Case(batch=16, side=128, stem="imagenet")
PLAIN = {
    "search, DST at its start": SEARCH,
    "search, two connections": replace(SEARCH, method="entrannas"),
    "search, two connections, batch 128": replace(SEARCH, method="entrannas", batch=128),
    "search, two connections, bf16": replace(SEARCH, method="entrannas", precision="bf16"),
    "search, DARTS, batch 16": replace(SEARCH, method="darts", batch=16),
    "search, ImageNet's stem, 128 pixels": IMAGENET,
    "training, 20 cells, 36 channels": TRAINING,
    "training, 8 cells, 16 channels": replace(TRAINING, cells=8, channels=16, batch=96),
    "training, ImageNet's stem, 128 pixels": replace(IMAGENET, kind="train", cells=14, channels=48),
}
CASES = {
    f"{name}{', checkpointed' if form == 'cells' else ''}": replace(case, checkpointing=form)
    for name, case in PLAIN.items()
    for form in ("none", "cells")
}


def measure(case: Case) -> dict[str, float]:
    """Measure ``case`` in a separate process, since the peak of a process never falls."""
    result = subprocess.run(
        [sys.executable, "-m", "tests.search.measure_memory", json.dumps(vars(case))],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if result.returncode:
        raise SystemExit(f"{case}: {result.stderr.strip().splitlines()[-1]}")
    found: dict[str, float] = json.loads(result.stdout)
    return found


def main() -> None:
    """Measure each case and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=3, help="processes per case (3)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (cpu)")
    parser.add_argument("--only", default="", help="only cases whose name contains this")
    parser.add_argument("--json", type=Path, help="append one line per case to this file")
    args = parser.parse_args()
    cases = {name: replace(case, device=args.device) for name, case in CASES.items() if args.only in name}
    device = torch.cuda.get_device_name() if args.device == "cuda" else platform.machine()
    where = f"torch {torch.__version__}, {device}, {os.cpu_count()} processors"
    print(f"{args.times} processes per case, 1 thread; {where}")
    print(f"{'':52}{'estimate':>10}{'measured':>10}{'ratio':>7}{'step':>9}")
    found: dict[str, list[dict[str, float]]] = {name: [] for name in cases}
    for _ in range(args.times):
        for name, case in cases.items():
            found[name].append(measure(case))
    for name, rows in found.items():
        median = {
            key: statistics.median(row[key] for row in rows) for key in ("estimated", "measured", "seconds")
        }
        estimate, measured = median["estimated"] / MIB, median["measured"] / MIB
        print(
            f"{name:52}{estimate:6.0f} MiB{measured:6.0f} MiB{estimate / measured:7.2f}{median['seconds']:7.2f} s"
        )
        if args.json:
            record = {"case": name, "torch": torch.__version__, "device": device, **rows[0], **median}
            with args.json.open("a") as file:
                file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
