"""Runs for snapshots: the same on every machine, at every time, in every folder."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from entrannas_cli.dashboard.compare import export_screen
from entrannas_cli.dashboard.run_table import RunTable
from entrannas_cli.engine import preflight
from entrannas_cli.monitor.system_usage import Gpu, Sample, SystemWatch
from entrannas_cli.spaces.files import load_space, space_to_toml
from entrannas_cli.spaces.published import PUBLISHED
from entrannas_cli.store.jsonl import JsonLinesWriter
from entrannas_cli.store.notes import change_notes
from entrannas_cli.store.run import GENOTYPES_FILE, LOG_FILE, METRICS_FILE, SPACE_FILE, Run
from tests.results.generated import START, search_run, train_run

__all__ = ["NOW", "RUNS", "build_runs", "frozen_environment"]

RUNS = Path("runs")  # relative, so that no picture shows where the test ran
HOUR, DAY = 3600.0, 86400.0
NOW = START + 9 * DAY
STEPS = 98  # per epoch
STEP_S = 2.25  # seconds per step
EPOCHS_DONE = 16  # epochs of the running search that are done
GIB = 2**30
MACHINE = Sample(
    process_cpu=1.4,
    process_memory=3 * GIB,
    machine_cpu=0.31,
    machine_memory=22 * GIB,
    machine_memory_total=64 * GIB,
    gpus=(
        Gpu(index=0, name="NVIDIA H100", utilisation=0.94, memory=31 * GIB, memory_total=80 * GIB),
        Gpu(index=1, name="NVIDIA H100", utilisation=0.0, memory=0.5 * GIB, memory_total=80 * GIB),
    ),
)


@contextmanager
def frozen_environment() -> Iterator[None]:
    """Freeze the clock and machine state that the dashboard reads, and nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        patch.setattr(time, "time", lambda: NOW)
        defaults = RunTable.__init__.__kwdefaults__
        assert defaults is not None
        patch.setitem(defaults, "clock", lambda: NOW)
        patch.setattr(SystemWatch, "sample", lambda watch, status: MACHINE)
        patch.setattr(preflight, "cuda_in_a_child", lambda: False)
        patch.setattr(export_screen, "_folder", lambda: "/home/ada/cells")
        yield
    time.tzset()


def build_runs() -> None:
    """Create ``RUNS`` in the working directory, with runs of every state, kind and method."""
    summary: dict[str, Any] = {
        "dataset": "digits",
        "warnings": ["cell collapse: 7 of 8 connections are skip_connect"],
    }
    old = [
        search_run(RUNS, method=method, seed=seed, created=NOW - (3 - n) * DAY, channels=channels, **more)
        for n, (method, seed, channels, more) in enumerate(
            (
                ("darts", 0, 16, summary),
                ("entrannas", 0, 16, {}),
                ("entrannas-dst", 1, 36, {}),
            )
        )
    ]
    _edit(old[0].path / "config.toml", '"cifar10"', '"digits"')
    for n, run in enumerate(old):
        _write_metrics(run, epochs=50, stride=14, floor=0.55 - 0.12 * n, best=0.84 + 0.025 * n)
    train_run(RUNS, old[2], created=NOW - 1.5 * DAY)
    stopped = train_run(RUNS, old[1], created=NOW - DAY, state="stopped")
    _edit(stopped.path / "status.json", '"reason": ""', '"reason": "asked by ada on elsewhere"')
    search_run(RUNS, space="extended", seed=2, state="failed", created=NOW - 6 * HOUR)
    live = search_run(
        RUNS,
        seed=7,
        state="running",
        created=NOW - HOUR - 5,
        **_summary(_step(EPOCHS_DONE, 0.45), _epoch(EPOCHS_DONE, 0.87)),
    )
    _write_metrics(live, epochs=EPOCHS_DONE, stride=1, floor=0.45, best=0.87)
    _write_cells(live)
    (live.path / LOG_FILE).write_text("".join(_log_lines()))
    (live.path / SPACE_FILE).write_text(space_to_toml(load_space("standard")))
    search_run(RUNS, seed=8, state="created", created=NOW - 40)
    broken = RUNS / "20261202-080000-from-the-old-cluster"
    broken.mkdir()
    (broken / "status.json").write_text('{"state": "runn"}')
    for place in (broken / "status.json", broken):
        os.utime(place, (NOW - 2.5 * DAY, NOW - 2.5 * DAY))
    change_notes(live, add=["baseline", "thesis"], note="third try, with the betas of the paper")
    change_notes(old[2], add=["thesis"])


def _edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def _write_metrics(run: Run, *, epochs: int, stride: int, floor: float, best: float) -> None:
    """Write curves like those of a search: falling, noisy at first, one row per epoch."""
    (run.path / METRICS_FILE).unlink()
    begun = run.status().created
    writer = JsonLinesWriter(run.path / METRICS_FILE)
    for step in range(1, epochs * STEPS + 1):
        epoch = -(-step // STEPS)
        common = {"time": begun + step * STEP_S, "step": step, "epoch": epoch}
        if step % stride == 0:
            writer.append({"kind": "step", **common, **_step(step / STEPS, floor)})
        if step % STEPS == 0:
            writer.append({"kind": "epoch", **common, **_epoch(epoch, best)})
    writer.close()


def _wave(x: float) -> float:
    """Return a noise-like value between -1 and 1."""
    return (math.sin(37.1 * x) + math.sin(91.7 * x + 1) + math.sin(211.3 * x + 2)) / 3


def _step(epochs: float, floor: float) -> dict[str, Any]:
    fall = math.exp(-epochs / 9)
    sparsity = 0.9 * (1 - math.exp(-epochs / 7))
    return {
        "weight_loss": floor + 1.8 * fall + (0.03 + 0.1 * fall) * _wave(epochs),
        "architecture_loss": floor + 0.35 + 1.7 * fall + (0.03 + 0.1 * fall) * _wave(epochs + 3),
        "temperature": 5 * 0.95**epochs + 0.1,
        "sparsity_normal": sparsity,
        "sparsity_reduce": 0.93 * sparsity,
        **{
            f"thresholds_{kind}": [shift + 0.08 * node + 0.05 * math.log1p(epochs) for node in range(4)]
            for kind, shift in (("normal", 0.02), ("reduce", 0.05))
        },
        "images_per_second": 2840.0,
        "memory_mb": 31744.0,
    }


def _epoch(epoch: int, best: float) -> dict[str, Any]:
    supernet = best - 0.5 * math.exp(-epoch / 5)
    gap = 0.25 * math.exp(-epoch / 6) + 0.01 * _wave(epoch)
    operations = PUBLISHED["DARTS_V2"]
    return {
        "supernet_accuracy": supernet,
        "derived_accuracy": supernet - gap,
        "gap": gap,
        "sparsity_normal": 0.8123,
        "sparsity_reduce": 0.7651,
        "entropy_normal": 0.4127,
        "entropy_reduce": 0.5512,
        **{f"operations_{kind}": dict(sorted(_count(cell.connections))) for kind, cell in operations.cells},
        **{f"weights_{kind}": _weights(shift) for kind, shift in (("normal", 0.3), ("reduce", 2.1))},
    }


def _summary(*rows: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics of these rows that a summary holds too."""
    keys = ("weight_loss", "architecture_loss", "supernet_accuracy", "derived_accuracy", "gap")
    return {
        key: row[key] for row in rows for key in (*keys, "sparsity_normal", "sparsity_reduce") if key in row
    }


def _count(connections: Any) -> Iterator[tuple[str, int]]:
    names = [connection.operation for _, connection in connections]
    return ((name, names.count(name)) for name in set(names))


def _weights(shift: float) -> list[list[float]]:
    """Return weights for 14 edges of 7 operations: some edges decided, others not."""
    rows = []
    for edge in range(14):
        powers = [math.exp((1 + edge % 4) * math.sin(shift + 2.3 * edge + 1.7 * n)) for n in range(7)]
        rows.append([round(power / sum(powers), 6) for power in powers])
    return rows


def _write_cells(run: Run) -> None:
    """Write derived cells that change over time."""
    writer = JsonLinesWriter(run.path / GENOTYPES_FILE)
    for n, name in enumerate(("PC_DARTS_cifar", "ISTA_twostage", "PC_DARTS_cifar", "DARTS_V2"), 1):
        epoch = 4 * n
        genotype = PUBLISHED[name].to_dict()
        writer.append({"step": epoch * STEPS, "epoch": epoch, "genotype": genotype})
    writer.close()


def _log_lines() -> Iterator[str]:
    yield "2026-12-03T09:15:00+00:00 search of standard by entrannas-dst, seed 7, on NVIDIA H100\n"
    for epoch in range(1, EPOCHS_DONE + 1):
        row = _epoch(epoch, 0.87)
        yield (
            f"2026-12-03T09:{15 + 2 * epoch}:40+00:00 epoch {epoch} of 50: super-net "
            f"{100 * row['supernet_accuracy']:.2f} %, derived {100 * row['derived_accuracy']:.2f} %\n"
        )
    yield "2026-12-03T09:48:12+00:00 checkpoint after step 1568, of which two are kept; the older one was removed\n"
