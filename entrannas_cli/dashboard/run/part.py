"""What the tabs of the Run screen have in common."""

from __future__ import annotations

from dataclasses import dataclass

from ...watching.course import Course
from ...watching.history import History
from ...watching.log import LogTail
from .facts import Facts

__all__ = ["Seen"]


@dataclass(frozen=True)
class Seen:
    """All that is known of the run: the objects go on to grow, ``facts`` are replaced."""

    course: Course
    history: History
    log: LogTail
    facts: Facts

    @property
    def is_training(self) -> bool:
        """Whether it trains a derived network rather than searching."""
        return self.facts.overview is not None and self.facts.overview.status.kind == "train"
