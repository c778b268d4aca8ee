"""The events of a run: plain rows, the same as in the run directory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ..method.genotype import Genotype

__all__ = ["Observer", "Row", "Started"]

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Started:
    """A run that starts or resumes: ``step`` and ``epoch`` are the last ones already done.

    ``kind`` is the kind of run; ``what`` lists for people what is searched or trained, on which data and device.
    """

    id: str
    path: str
    what: tuple[str, ...]
    epochs: int
    steps_per_epoch: int
    kind: str = "search"
    epoch: int = 0
    step: int = 0
    attempt: int = 1


class Observer(Protocol):
    """Receives events from the loop, in the loop's thread. Methods must return quickly."""

    def started(self, facts: Started) -> None:
        """Handle the start of an attempt, before its first step."""

    def step(self, row: Row) -> None:
        """Handle a step row that was written."""

    def epoch(self, row: Row) -> None:
        """Handle an epoch row that was written."""

    def derived(self, step: int, genotype: Genotype) -> None:
        """Handle a change of the derived cells after ``step``."""

    def message(self, level: str, text: str) -> None:
        """Handle a message for the user; ``level`` is "info" or "warning"."""

    def finished(self, summary: Row) -> None:
        """Handle the end of the run; ``summary`` is the run's summary."""
