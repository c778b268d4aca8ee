"""Small searches as real processes, and what must be equal of two of them."""

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

import torch

from entrannas_cli.__main__ import main
from entrannas_cli.store.run import Run

SPACE = """
name = "tiny"
nodes = 2
operations = ["skip_connect", "sep_conv_3x3", "max_pool_3x3", "conv_1x1"]
"""
SMALL = (
    *("--preset", "quick", "--space", "tiny.toml", "--epochs", "6"),
    *("--set", "network.cells=3", "--set", "network.channels=4", "--set", "evaluation.calibration_batches=2"),
    *("--set", "target.cells=5", "--set", "target.channels=8", "--set", "device.threads=1"),
)
EPOCHS = 6
STEPS = 48  # 6 epochs of 8
MEASURED = {"time", "images_per_second", "memory_mb", "seconds", "evaluation_seconds"}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "entrannas_cli", *arguments]


def entrannas(*arguments: str, check: bool = True, **keywords: Any) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end; its output is text."""
    result = subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, **keywords
    )
    if check and result.returncode:
        raise AssertionError(f"{arguments} exited with {result.returncode}:\n{result.stdout}{result.stderr}")
    return result


def in_process(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """As :func:`entrannas`, in this process: where a process of its own proves nothing, it only costs seconds."""
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


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )


def write_space(folder: Path) -> None:
    (folder / "tiny.toml").write_text(SPACE)


def wait_for(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.01)


def steps_of(run: Run) -> int:
    """The last step whose row is on the disk."""
    return max((row["step"] for row in run.metrics("step")), default=0)


def deterministic(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without what a clock or the operating system decides."""
    return [{key: value for key, value in row.items() if key not in MEASURED} for row in rows]


def assert_same_search(one: Run, other: Run) -> None:
    """The same metrics, cells, history and final weights, bit for bit."""
    for kind in ("step", "epoch"):
        rows = [deterministic(run.metrics(kind)) for run in (one, other)]
        assert rows[0] == rows[1]
        assert rows[0]
    assert one.genotypes() == other.genotypes()
    assert one.genotype() == other.genotype() is not None
    states = [torch.load(run.checkpoints()[0], weights_only=True) for run in (one, other)]
    for part in ("supernet", "architecture"):
        assert states[0][part].keys() == states[1][part].keys()
        assert all(torch.equal(states[0][part][key], states[1][part][key]) for key in states[0][part])
