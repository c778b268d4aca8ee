"""Steps and epochs, both counted from 1."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Literal

__all__ = ["Epochs"]


class Epochs(ABC):
    """Assigns steps to epochs and evaluations, by pure functions of the step."""

    steps_per_epoch: int

    @property
    @abstractmethod
    def epochs(self) -> int:
        """Total number of epochs."""

    @property
    @abstractmethod
    def evaluate_every(self) -> int:
        """Epochs between two evaluations."""

    @property
    def steps(self) -> int:
        """Total number of steps."""
        return self.epochs * self.steps_per_epoch

    def epoch(self, step: int) -> int:
        """Return the epoch of ``step``; 0 before the first step."""
        return math.ceil(step / self.steps_per_epoch)

    def ends_epoch(self, step: int) -> bool:
        """Return whether ``step`` is the last one of its epoch."""
        return step % self.steps_per_epoch == 0

    def evaluates(self, step: int) -> bool:
        """Return whether the run is evaluated after ``step``: always after the last one."""
        return self.ends_epoch(step) and (self.epoch(step) % self.evaluate_every == 0 or step == self.steps)

    def progress(self, step: int, after: int = 0) -> float:
        """Return the share of the run before ``step``: 0 up to the first step past ``after``, 1 at the last."""
        return max(step - after - 1, 0) / max(self.steps - after - 1, 1)

    def decayed(
        self,
        step: int,
        *,
        start: float,
        end: float,
        warmup_epochs: int,
        decay: Literal["cosine", "linear"] = "cosine",
    ) -> float:
        """Return the learning rate: a linear warm-up from 0 to ``start``, then a decay to ``end``.

        The decay counts from the first step, so the warm-up replaces its beginning: after it the rate is what it
        would be without one. That is how PC-DARTS trains and searches on ImageNet, where both change per epoch.
        """
        warmup = warmup_epochs * self.steps_per_epoch
        if step <= warmup:
            return start * step / warmup
        progress = self.progress(step)
        remaining = 0.5 * (1 + math.cos(math.pi * progress)) if decay == "cosine" else 1 - progress
        return end + (start - end) * remaining
