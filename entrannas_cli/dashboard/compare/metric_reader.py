"""Read the metrics of several runs in turn, in small slices."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from ...figures.run_labels import run_labels
from ...monitor.run_metrics import RunMetrics
from ...store.run import Run

__all__ = ["ComparedRun", "MetricReader"]


@dataclass(frozen=True, eq=False)
class ComparedRun:
    """A run in a comparison: ``number`` determines its colour and marker, ``name`` is short and unique."""

    number: int
    name: str
    metrics: RunMetrics

    @property
    def run(self) -> Run:
        """The run."""
        return self.metrics.run


class MetricReader:
    """Reads the metrics ``keys`` of the runs at ``paths``."""

    def __init__(self, paths: Iterable[Path], keys: Set[str]) -> None:
        runs = [Run(path) for path in paths]
        self.all: Sequence[ComparedRun] = [
            ComparedRun(number, name, RunMetrics(run, keys))
            for number, (run, name) in enumerate(zip(runs, run_labels(runs), strict=True))
        ]
        self._waiting: deque[ComparedRun] = deque()

    def read(self, budget: float) -> bool:
        """Read for about ``budget`` seconds, each run in turn; return whether there is more.

        All curves grow at the same time. Once all are read, the next call checks each run for new rows.
        """
        deadline = time.monotonic() + budget
        if not self._waiting:
            self._waiting.extend(self.all)
        while self._waiting and (left := deadline - time.monotonic()) > 0:
            run = self._waiting.popleft()
            if run.metrics.read(min(left, budget / 2)):
                self._waiting.append(run)
        return bool(self._waiting)

    @property
    def version(self) -> int:
        """Increases with every change."""
        return sum(run.metrics.version for run in self.all)
