"""An observer that logs a run's events."""

from __future__ import annotations

from ..common.numbers import number
from ..method.genotype import Genotype
from ..store.session import RunSession
from .observer import Observer, Row, Started

__all__ = ["LogObserver"]

LOGGED_METRICS = (
    *("weight_loss", "architecture_loss", "accuracy", "supernet_accuracy", "derived_accuracy", "gap"),
    *("sparsity_normal", "sparsity_reduce", "validation_loss", "validation_accuracy"),
)


class LogObserver:
    """Logs starts, epochs, messages and the end, and forwards all events to ``observer``."""

    def __init__(self, observer: Observer, session: RunSession) -> None:
        self._observer, self._session = observer, session
        self._kind = "run"

    def started(self, facts: Started) -> None:
        """Log where the run starts or resumes."""
        self._kind = facts.kind
        beginning = f"resumes after step {facts.step}" if facts.step else "starts"
        self._session.log(
            f"{facts.kind} {beginning}: {', '.join(facts.what)}, "
            f"{facts.epochs} epochs of {facts.steps_per_epoch} steps, attempt {facts.attempt}"
        )
        self._observer.started(facts)

    def step(self, row: Row) -> None:
        """Forward only: steps are in the metrics file."""
        self._observer.step(row)

    def epoch(self, row: Row) -> None:
        """Log the epoch's metrics on one line."""
        values = [f"{key} {row[key]:.4f}" for key in LOGGED_METRICS if number(row.get(key)) is not None]
        self._session.log(f"epoch {row['epoch']}: {', '.join(values)}")
        self._observer.epoch(row)

    def derived(self, step: int, genotype: Genotype) -> None:
        """Forward only: changes of the cells are in the genotype history."""
        self._observer.derived(step, genotype)

    def message(self, level: str, text: str) -> None:
        """Log the message with its level."""
        self._session.log(f"{level}: {text}")
        self._observer.message(level, text)

    def finished(self, summary: Row) -> None:
        """Log how the run ended."""
        self._session.log(f"{self._kind} {summary.get('state', 'ended')}")
        self._observer.finished(summary)
