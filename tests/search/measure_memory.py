"""Measure the memory that steps really take, beside the estimate.

``python -m tests.search.measure_memory '{"kind": "search"}'`` prints a JSON object. Use one process per
measurement, as the peak of a process never falls.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from entrannas_cli.bench.memory import PeakMemory
from entrannas_cli.config.base import with_values
from entrannas_cli.config.search import SearchConfig
from entrannas_cli.config.train import TrainConfig
from entrannas_cli.engine.device import Compute
from entrannas_cli.engine.search.build import build_search
from entrannas_cli.engine.search.memory import estimate_search, heaviest_cells
from entrannas_cli.engine.train.build import build_training
from entrannas_cli.engine.train.memory import estimate_training
from entrannas_cli.spaces.published import PUBLISHED

from ..method.strategies import STANDARD

MIB = 2**20
CLASSES = 10


@dataclass(frozen=True, kw_only=True)
class Case:
    """The case to measure; ``kind`` is "search" or "train"."""

    kind: str = "search"
    method: str = "entrannas-dst"
    batch: int = 16
    channels: int = 16
    cells: int = 8
    side: int = 32
    stem: str = "cifar"
    precision: str = "float32"
    checkpointing: str = "none"
    device: str = "cpu"
    steps: int = 2

    @property
    def shape(self) -> tuple[int, int, int]:
        return 3, self.side, self.side

    @property
    def compute(self) -> Compute:
        return Compute(
            torch.device(self.device), self.precision, torch.channels_last, torch.get_num_threads()
        )

    def images(self) -> tuple[Tensor, Tensor]:
        images = torch.randn(self.batch, *self.shape).contiguous(memory_format=torch.channels_last)
        return images.to(self.device), torch.zeros(self.batch, dtype=torch.int64, device=self.device)

    @property
    def config(self) -> Any:
        """Return the configuration of the search or training, with small evaluation batches."""
        device = {"activation_checkpointing": self.checkpointing}
        common: dict[str, Any] = {"evaluation": {"batch_size": 1}, "device": device}
        size = {"cells": self.cells, "channels": self.channels, "stem": self.stem}
        if self.kind == "train":
            return TrainConfig.model_validate(
                common | {"derived": size, "train": {"batch_size": self.batch, "drop_path": 0.2}}
            )
        of_method: dict[str, dict[str, Any]] = {"network": {}, "architecture": {}}
        if self.method != "entrannas-dst":
            of_method["architecture"] = {"derivation": "top2", "sparsity_weight": 0.0, "threshold_init": 0.0}
        if self.method == "darts":
            of_method["network"] = {"engine_cells": "all", "share_features": False}
        config = SearchConfig.model_validate(common | {"search": {"batch_size": self.batch}})
        return with_values(
            config.model_copy(update={"method": self.method}),
            of_method | {"network": of_method["network"] | size},
        )


def estimate_bytes(case: Case) -> int:
    """Return the estimate in bytes."""
    if case.kind == "train":
        return estimate_training(
            case.config,
            PUBLISHED["DARTS_V2"],
            case.compute,
            shape=case.shape,
            classes=CLASSES,
            channels=case.channels,
        ).peak
    return estimate_search(case.config, STANDARD, case.compute, shape=case.shape, classes=CLASSES).peak


def run(case: Case) -> float:
    """Run steps, the most expensive first; return the seconds of the last one."""
    seconds = 0.0
    if case.kind == "train":
        training = build_training(
            case.config,
            PUBLISHED["DARTS_V2"],
            case.compute,
            shape=case.shape,
            classes=CLASSES,
            channels=case.channels,
        )
        for _ in range(case.steps):
            batch = case.images()
            began = time.perf_counter()
            training.step(*batch, 0.2)
            seconds = time.perf_counter() - began
        return seconds
    search = build_search(
        case.config,
        STANDARD,
        case.compute,
        channels_in=3,
        classes=CLASSES,
        genotype=heaviest_cells(STANDARD, case.config),
    )
    for _ in range(case.steps):
        batches = case.images(), case.images()
        began = time.perf_counter()
        # the worst case: every operation is computed, and the first cells take most
        search.step(*batches, temperature=1000.0, derive=False, turn=0)
        seconds = time.perf_counter() - began
    return seconds


def measure(case: Case) -> dict[str, Any]:
    """Return the estimate, the measured peak in bytes, and seconds per step."""
    estimate = estimate_bytes(case)
    small = replace(case, batch=2, channels=4, cells=3, side=max(case.side // 4, 8), steps=1)
    run(replace(small, side=32) if case.stem == "imagenet" else small)  # loads what is loaded once
    if case.device == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        seconds = run(case)
        measured = torch.cuda.max_memory_allocated() - before
    else:
        taken = PeakMemory()
        seconds = run(case)
        measured = taken.bytes
    return asdict(case) | {"estimated": estimate, "measured": measured, "seconds": seconds}


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(measure(Case(**json.loads(sys.argv[1])))))
