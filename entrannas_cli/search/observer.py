"""What a search tells whoever watches it: plain rows, the same as in the run directory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ..method.genotype import Genotype
from ..method.space import SearchSpace

__all__ = ["Row", "SearchObserver", "Started"]

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Started:
    """Facts known when a search begins or goes on: ``step`` and ``epoch`` are those already done."""

    id: str
    path: str
    method: str
    space: SearchSpace
    dataset: str
    device: str
    epochs: int
    steps_per_epoch: int
    epoch: int = 0
    step: int = 0
    attempt: int = 1


class SearchObserver(Protocol):
    """Receives events from the search loop, in the loop's thread; must return quickly."""

    def started(self, facts: Started) -> None:
        """The first step is about to run."""

    def step(self, row: Row) -> None:
        """A step row was written."""

    def epoch(self, row: Row) -> None:
        """An epoch row was written."""

    def derived(self, step: int, genotype: Genotype) -> None:
        """The derived cells changed."""

    def message(self, level: str, text: str) -> None:
        """A note for the user; ``level`` is "info" or "warning"."""

    def finished(self, summary: Row) -> None:
        """The search ended; ``summary`` is the run's summary."""
