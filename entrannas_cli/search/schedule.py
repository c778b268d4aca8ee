"""What changes from step to step, as pure functions of the step: nothing to save, nothing to lose."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..config.schema import SearchConfig

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """Learning rate, temperature and cadence of a search. Steps and epochs count from 1."""

    config: SearchConfig
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        """Steps of the whole search."""
        return self.config.search.epochs * self.steps_per_epoch

    @property
    def warmup_steps(self) -> int:
        """Steps at the start in which only the weights learn."""
        return self.config.architecture.warmup_epochs * self.steps_per_epoch

    def epoch(self, step: int) -> int:
        """The epoch that ``step`` belongs to; 0 before the first step."""
        return math.ceil(step / self.steps_per_epoch)

    def ends_epoch(self, step: int) -> bool:
        """Whether ``step`` is the last one of its epoch."""
        return step % self.steps_per_epoch == 0

    def evaluates(self, step: int) -> bool:
        """Whether super-net and derived network are compared after ``step``."""
        every = self.config.evaluation.every
        return self.ends_epoch(step) and (self.epoch(step) % every == 0 or step == self.steps)

    def derives(self, step: int) -> bool:
        """Whether the Transit-cells' sub-graph is derived anew in ``step``.

        At the end of each epoch in any case, so that what is compared and reported there is up to date.
        """
        every = self.config.architecture.derive_every
        if self.ends_epoch(step) or every == "step":
            return True
        return isinstance(every, int) and step % every == 0

    def learning_rate(self, step: int) -> float:
        """Of the weights: a cosine from the first to the last step."""
        weights = self.config.weights
        falling = 0.5 * (1 + math.cos(math.pi * self._progress(step)))
        return weights.learning_rate_min + (weights.learning_rate - weights.learning_rate_min) * falling

    def temperature(self, step: int) -> float:
        """τ of the softmax: geometric from the first to the last step."""
        architecture = self.config.architecture
        start, end = architecture.temperature_start, architecture.temperature_end
        return float(start * (end / start) ** self._progress(step))

    def _progress(self, step: int) -> float:
        return (step - 1) / max(self.steps - 1, 1)
