"""What a run tells whoever watches it: plain rows, the same as in the run directory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ..method.genotype import Genotype

__all__ = ["Observer", "Row", "Started"]

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Started:
    """Facts known when a run begins or goes on: ``step`` and ``epoch`` are those already done.

    ``kind`` is the run's, ``what`` says in a few parts what is searched or trained, on what, by which device.
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
    """Receives events from the loop, in the loop's thread; must return quickly."""

    def started(self, facts: Started) -> None:
        """The first step is about to run."""

    def step(self, row: Row) -> None:
        """A step row was written."""

    def epoch(self, row: Row) -> None:
        """An epoch row was written."""

    def derived(self, step: int, genotype: Genotype) -> None:
        """These are the cells from now on."""

    def message(self, level: str, text: str) -> None:
        """A note for the user; ``level`` is "info" or "warning"."""

    def finished(self, summary: Row) -> None:
        """The run ended; ``summary`` is the run's summary."""
