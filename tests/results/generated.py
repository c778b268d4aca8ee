"""Generate many run directories like those of searches and trainings, without waiting for the disk.

``test_generated.py`` checks that they match what the real writers write.
"""

from __future__ import annotations

import json
import math
import os
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from entrannas_cli.config.to_toml import to_toml
from entrannas_cli.spaces.published import PUBLISHED
from entrannas_cli.store.create import ID_TIME_FORMAT
from entrannas_cli.store.run import Run
from entrannas_cli.store.status import Status

START = 1795515300.0  # 2026-11-24 10:15:00 UTC
GENOTYPE = PUBLISHED["DARTS_V2"]
FACTS: dict[str, Any] = {
    **{f"connections_{kind}": [len(node) for node in cell.nodes] for kind, cell in GENOTYPE.cells},
    **{
        f"operations_{kind}": dict(sorted(Counter(c.operation for _, c in cell.connections).items()))
        for kind, cell in GENOTYPE.cells
    },
}
METHODS = ("entrannas-dst", "entrannas", "darts")
SPACES = ("standard", "extended")
GPU = "NVIDIA H100"
FAST_PATHS = "bf16, channels_last, fast layers, graphs, fused optimisers"
STATES = ("completed",) * 16 + ("running", "stopped", "failed", "created")


@dataclass(frozen=True)
class Writer:
    """Writer of the files of a run in ``folder``/``name``."""

    folder: Path
    name: str
    kind: str
    state: str
    created: float

    def write(
        self, config: Mapping[str, Any], summary: Mapping[str, Any], *, epoch: int, epochs: int, steps: int
    ) -> Run:
        path = self.folder / self.name
        (path / "checkpoints").mkdir(parents=True)
        begun = self.state != "created"
        progress = {"epoch": epoch, "epochs": epochs, "step": epoch * steps, "steps": epochs * steps}
        status = Status(
            state=self.state,
            kind=self.kind,
            host="elsewhere",
            pid=4242,
            process_created=self.created - 1,
            heartbeat=self.created + 3600,
            created=self.created,
            started=self.created + 1 if begun else 0.0,
            ended=self.created + 3600 if self.state in ("completed", "stopped", "failed") else 0.0,
            attempt=int(begun),
            reason="the loss is not finite" if self.state == "failed" else "",
            **progress,
        )
        common = {
            "format": 1,
            "id": self.name,
            "kind": self.kind,
            "state": self.state,
            "created": self.created,
        }
        more = {**progress, "updated": self.created + 3600} if begun else {}
        (path / "status.json").write_text(json.dumps(status.to_dict(), indent=2) + "\n")
        (path / "summary.json").write_text(json.dumps({**common, **summary, **more}, indent=2) + "\n")
        (path / "config.toml").write_text(to_toml(config))
        if begun:
            rows = ({"kind": "step", "time": self.created, "step": n, "epoch": 1} for n in range(1, 9))
            (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
            (path / "genotype.json").write_text(GENOTYPE.to_json())
        return Run(path)


def search_run(
    folder: Path,
    *,
    seed: int = 0,
    space: str = "standard",
    method: str = "entrannas-dst",
    state: str = "completed",
    created: float = START,
    name: str = "",
    channels: int = 16,
    **values: Any,
) -> Run:
    """Create a search; ``values`` are added to its summary."""
    name = name or f"{_stamp(created)}-{space}-{method}-s{seed}"
    rng = random.Random(f"{name}{seed}")
    supernet = rng.uniform(0.8, 0.9)
    gap = rng.gauss(0.0, 0.02)
    sparsity = rng.uniform(0.8, 0.95) if method == "entrannas-dst" else 0.0
    seconds = rng.uniform(4000, 9000)
    config = {
        **{"space": space, "method": method, "preset": "paper", "seed": seed},
        **{"data.dataset": "cifar10", "data.portion": 1.0, "data.path": ""},
        **{"network.cells": 8, "network.channels": channels, "network.engine_cells": "last"},
        "network.share_features": method != "darts",
        "architecture.betas": [0.5, 0.999],
        "search.epochs": 50,
        "search.batch_size": 256,
    }
    known = {"space": space, "method": method, "seed": seed}
    found = {
        "dataset": "cifar10",
        "preset": "paper",
        "device": GPU,
        "fast_paths": FAST_PATHS,
        "memory_estimate_mb": 4198.4,
        "weight_loss": rng.uniform(0.3, 0.6),
        "architecture_loss": rng.uniform(0.4, 0.7),
        "accuracy": rng.uniform(0.85, 0.95),
        "supernet_accuracy": supernet,
        "derived_accuracy": supernet - gap,
        "gap": gap,
        "sparsity_normal": sparsity,
        "sparsity_reduce": sparsity / 1.01,
        **FACTS,
        "warnings": [],
        "search_seconds": seconds,
        "evaluation_seconds": seconds / 20,
        "gpu_days": seconds / 86400,
        "parameters": rng.randint(2_800_000, 4_200_000),
        "multiply_adds": rng.randint(450_000_000, 650_000_000),
        "target": "20 cells, 36 channels, 3x32x32",
    }
    summary = {**known, **(found if state != "created" else {}), **values}
    writer = Writer(folder, name, "search", state, created)
    return writer.write(config, summary, epoch=_done(state, 50), epochs=50 * (state != "created"), steps=98)


FROM_SEARCH = (
    *(
        "id",
        "space",
        "method",
        "seed",
        "dataset",
        "device",
        "search_seconds",
        "evaluation_seconds",
        "gpu_days",
    ),
    *("supernet_accuracy", "derived_accuracy", "gap", "sparsity_normal", "sparsity_reduce"),
    *("epochs", "warnings"),
)


def train_run(
    folder: Path,
    search: Run | None = None,
    *,
    seed: int = 0,
    state: str = "completed",
    created: float = START + 7200,
    name: str = "",
    test_error: float | None = None,
    **values: Any,
) -> Run:
    """Create a training of the cells of ``search`` or of published ones; ``values`` are added to its summary."""
    facts = search.summary() if search else {}
    label = search.id if search else "DARTS_V2"
    name = name or f"{_stamp(created)}-{search.id[16:] if search else label}-s{seed}"
    rng = random.Random(f"{name}{seed}")
    error = rng.gauss(0.027, 0.001) if test_error is None else test_error
    config = {
        **{"seed": seed, "data.dataset": "cifar10", "data.portion": 1.0},
        **{"derived.cells": 20, "derived.channels": 36, "derived.share_features": False},
        **{
            "train.preset": "cifar",
            "train.epochs": 600,
            "train.batch_size": 96,
            "train.learning_rate": 0.025,
        },
    }
    known = {
        "space": facts.get("space", ""),
        "method": facts.get("method", ""),
        "seed": seed,
        "dataset": "cifar10",
        "preset": "cifar",
        "device": GPU,
        "fast_paths": FAST_PATHS,
        "memory_estimate_mb": 2969.6,
        "cells": label,
        "origin": f"run {label}" if search else f"published cells {label}",
        "search": {**{key: facts[key] for key in FROM_SEARCH if key in facts}, "path": str(search.path)}
        if search
        else None,
        "network": "20 cells, 36 channels",
        "parameters": facts.get("parameters", 3_349_342),
        "multiply_adds": facts.get("multiply_adds", 528_000_000),
        **FACTS,
    }
    found = {
        "weight_loss": rng.uniform(0.01, 0.1),
        "accuracy": rng.uniform(0.98, 1),
        "validation_loss": 0.12,
        "validation_accuracy": 1 - error - 0.002,
        "best_validation_accuracy": 1 - error,
        "best_epoch": 590,
        "train_seconds": rng.uniform(50_000, 90_000),
        "evaluation_seconds": 900.0,
        "gpu_days": rng.uniform(0.6, 1.0),
    }
    tested = {
        "test_loss": 0.11,
        "test_accuracy": 1 - error,
        "test_error": error,
        "best_test_loss": 0.111,
        "best_test_accuracy": 1 - error - 0.0004,
        "best_test_error": error + 0.0004,
    }
    summary = {
        **known,
        **(found if state != "created" else {}),
        **(tested if state == "completed" else {}),
        **values,
    }
    writer = Writer(folder, name, "train", state, created)
    return writer.write(
        config, summary, epoch=_done(state, 600), epochs=600 * (state != "created"), steps=520
    )


def _done(state: str, epochs: int) -> int:
    return {"completed": epochs, "created": 0}.get(state, epochs // 3)


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime(ID_TIME_FORMAT)


def make_runs(folder: Path, count: int, *, broken: int = 0) -> list[Run]:
    """Create ``count`` runs in all states, half of them searches and half trainings of their cells.

    Add ``broken`` directories to them.
    """
    searches, runs = [], []
    for number in range(math.ceil(count / 2)):
        method, space = METHODS[number % len(METHODS)], SPACES[number % len(SPACES)]
        search = search_run(
            folder,
            seed=number % 5,
            space=space,
            method=method,
            state=STATES[number % len(STATES)],
            created=START + 60 * number,
        )
        searches.append(search)
    for number, search in enumerate(searches[: count // 2]):
        state = STATES[-1 - number % len(STATES)]
        runs.append(
            train_run(folder, search, seed=number % 3, state=state, created=START + 1e6 + 60 * number)
        )
    for number in range(broken):
        path = folder / f"{_stamp(START + 2e6 + number)}-broken"
        path.mkdir(parents=True)
        (path / "status.json").write_text('{"state": "runn')
        os.utime(path, (START, START))
    return [*searches, *runs]
