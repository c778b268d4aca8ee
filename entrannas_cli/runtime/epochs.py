"""Steps and epochs, which count from 1."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

__all__ = ["Epochs"]


class Epochs(ABC):
    """How the steps of a run fall into epochs, and when it is evaluated: pure functions of the step."""

    steps_per_epoch: int

    @property
    @abstractmethod
    def epochs(self) -> int:
        """Epochs of the whole run."""

    @property
    @abstractmethod
    def evaluate_every(self) -> int:
        """Epochs between two evaluations."""

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.epochs * self.steps_per_epoch

    def epoch(self, step: int) -> int:
        """The epoch that ``step`` belongs to; 0 before the first step."""
        return math.ceil(step / self.steps_per_epoch)

    def ends_epoch(self, step: int) -> bool:
        """Whether ``step`` is the last one of its epoch."""
        return step % self.steps_per_epoch == 0

    def evaluates(self, step: int) -> bool:
        """Whether the networks are scored after ``step``: the last one always is."""
        return self.ends_epoch(step) and (self.epoch(step) % self.evaluate_every == 0 or step == self.steps)

    def progress(self, step: int) -> float:
        """How much lies before ``step``: 0 at the first, 1 at the last step."""
        return (step - 1) / max(self.steps - 1, 1)
