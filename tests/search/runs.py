"""Small searches as real processes, and comparison of two of them."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import torch

from entrannas_cli.__main__ import main
from entrannas_cli.store.find_run import find_run, list_runs
from entrannas_cli.store.run import Run

from ..isolation import build_once
from .warm_process import WarmProcess

SPACE = """
name = "tiny"
nodes = 2
operations = ["skip_connect", "sep_conv_3x3", "max_pool_3x3", "conv_1x1"]
"""
SMALL = (
    *("--preset", "quick", "--space", "tiny.toml", "--epochs", "4"),
    *("--set", "network.cells=3", "--set", "network.channels=4", "--set", "evaluation.calibration_batches=2"),
    *("--set", "target.cells=5", "--set", "target.channels=8", "--set", "device.threads=1"),
)
EPOCHS = 4
STEPS = 32  # 4 epochs of 8 steps
MEASURED = {"time", "images_per_second", "memory_mb", "seconds", "evaluation_seconds"}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "entrannas_cli", *arguments]


def entrannas(*arguments: str, check: bool = True, **keywords: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with text output."""
    result = subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, **keywords
    )
    if check and result.returncode:
        raise AssertionError(f"{arguments} exited with {result.returncode}:\n{result.stdout}{result.stderr}")
    return result


def in_process(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command as :func:`entrannas` does, but in this process, which is seconds faster."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(list(arguments))
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    result = subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())
    if check and code:
        raise AssertionError(f"{arguments} exited with {code}:\n{result.stdout}{result.stderr}")
    return result


def start(*arguments: str) -> WarmProcess:
    """Start a command in the background."""
    return WarmProcess(*arguments)


def start_cold(*arguments: str) -> subprocess.Popen[str]:
    """Start a command as :func:`start` does, including the seconds in which a process imports torch."""
    return subprocess.Popen(
        command(*arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )


def uninterrupted_search(factory: pytest.TempPathFactory) -> Run:
    """Return a search that ran without interruption; out.txt and err.txt beside ``runs`` have its output."""

    def make() -> None:
        write_space(Path.cwd())
        result = entrannas("search", *SMALL)
        Path("out.txt").write_text(result.stdout)
        Path("err.txt").write_text(result.stderr)

    return find_run("latest", build_once(factory, "undisturbed-search", make) / "runs")


def write_space(folder: Path) -> None:
    (folder / "tiny.toml").write_text(SPACE)


def only_run() -> Run:
    """Wait for a single run in ``runs`` and return it."""
    wait_for(lambda: list_runs(Path("runs")), "a run directory")
    (run,) = list_runs(Path("runs"))
    return run


def wait_for(condition: Callable[..., object], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.01)


def steps_of(run: Run) -> int:
    """Return the step of the last row on disk."""
    return max((row["step"] for row in run.metrics("step")), default=0)


def deterministic_values(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows without values that depend on clock or operating system."""
    return [{key: value for key, value in row.items() if key not in MEASURED} for row in rows]


def assert_same_search(one: Run, other: Run) -> None:
    """Assert the same metrics, cells, history and final weights, bit for bit."""
    for kind in ("step", "epoch"):
        rows = [deterministic_values(run.metrics(kind)) for run in (one, other)]
        assert rows[0] == rows[1]
        assert rows[0]
    assert one.genotypes() == other.genotypes()
    assert one.genotype() == other.genotype() is not None
    states = [torch.load(run.checkpoints()[0], weights_only=True) for run in (one, other)]
    for part in ("supernet", "architecture"):
        assert states[0][part].keys() == states[1][part].keys()
        assert all(torch.equal(states[0][part][key], states[1][part][key]) for key in states[0][part])
