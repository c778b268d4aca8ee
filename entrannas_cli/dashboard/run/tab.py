"""What the tabs of the Run screen show."""

from __future__ import annotations

from dataclasses import dataclass

from ...monitor.cell_history import CellHistory
from ...monitor.log_tail import LogTail
from ...monitor.run_metrics import RunMetrics
from .facts import RunFiles

__all__ = ["RunState"]


@dataclass(frozen=True)
class RunState:
    """All that is known of the run: the readers keep growing, ``facts`` are replaced."""

    metrics: RunMetrics
    history: CellHistory
    log: LogTail
    facts: RunFiles

    @property
    def is_training(self) -> bool:
        """Whether it trains a derived network rather than searching."""
        return self.facts.overview is not None and self.facts.overview.status.kind == "train"
