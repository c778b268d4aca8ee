"""Small trainings as real processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from entrannas_cli.store.run import BEST_CHECKPOINT, CHECKPOINTS, Run

from ..isolation import build_once
from ..search.runs import deterministic_values
from ..search.runs import in_process as entrannas

EPOCHS = 4
STEPS = 4 * 14
SMALL = (
    *("--preset", "quick", "--epochs", str(EPOCHS), "--cells", "3", "--channels", "4"),
    *("--set", "train.drop_path=0.2", "--set", "train.auxiliary_weight=0.4"),
)


def train(*further: str, cells: str = "DARTS_V2") -> Run:
    entrannas("train", cells, *SMALL, "--quiet", *further)
    return newest()


def uninterrupted_training(factory: pytest.TempPathFactory) -> Run:
    """Return a training that ran without interruption."""
    folder = build_once(factory, "undisturbed-training", train)
    (path,) = (folder / "runs").iterdir()
    return Run(path)


def newest() -> Run:
    return Run(max(Path("runs").iterdir(), key=lambda path: path.stat().st_mtime_ns))


def mark_stopped(run: Run) -> None:
    """Reset what the last process wrote about the end."""
    status = json.loads((run.path / "status.json").read_text())
    (run.path / "status.json").write_text(json.dumps(status | {"state": "stopped"}))


def assert_same_training(one: Run, other: Run) -> None:
    """Assert the same metrics, final and best weights, and test score, bit for bit."""
    for kind in ("step", "epoch"):
        rows = [deterministic_values(run.metrics(kind)) for run in (one, other)]
        assert rows[0] == rows[1]
        assert rows[0]
    for choose in (lambda run: run.checkpoints()[0], lambda run: run.path / CHECKPOINTS / BEST_CHECKPOINT):
        states = [torch.load(choose(run), weights_only=True) for run in (one, other)]
        assert states[0]["step"] == states[1]["step"]
        assert states[0]["weights"].keys() == states[1]["weights"].keys()
        assert all(
            torch.equal(states[0]["weights"][key], states[1]["weights"][key]) for key in states[0]["weights"]
        )
    for key in ("test_loss", "test_error", "best_test_error", "best_validation_accuracy", "best_epoch"):
        assert one.summary()[key] == other.summary()[key]
