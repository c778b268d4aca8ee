"""The schedules of a search, as pure functions of the step: there is no state to save."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..epochs import Epochs

if TYPE_CHECKING:
    from ...config.search import SearchConfig

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule(Epochs):
    """Learning rate, temperature and derivations of a search. Steps and epochs count from 1."""

    config: SearchConfig
    steps_per_epoch: int

    @property
    def epochs(self) -> int:
        """Total number of epochs."""
        return self.config.search.epochs

    @property
    def evaluate_every(self) -> int:
        """Epochs between two comparisons of super-net and derived network."""
        return self.config.evaluation.every

    @property
    def warmup_steps(self) -> int:
        """Steps at the start that train only the weights."""
        return self.config.architecture.warmup_epochs * self.steps_per_epoch

    def evaluates(self, step: int) -> bool:
        """Return whether super-net and derived network are compared after ``step``: never during the warm-up."""
        return step > self.warmup_steps and super().evaluates(step)

    def derives(self, step: int) -> bool:
        """Return whether the Transit-cells' sub-graph is derived in ``step``.

        The last step of an epoch always derives, so that evaluation and reports are up to date.
        """
        every = self.config.architecture.derive_every
        if self.ends_epoch(step) or every == "step":
            return True
        return isinstance(every, int) and step % every == 0

    def turn(self, step: int) -> int:
        """Return the turn of the rotating Engine-cells in ``step``: it advances after each derivation."""
        every = self.config.architecture.derive_every
        if every == "epoch":
            return self.epoch(step) - 1
        return (step - 1) // (1 if every == "step" else every)

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of the weights: a linear warm-up, then a cosine decay to the last step."""
        weights = self.config.weights
        return self.decayed(
            step,
            start=weights.learning_rate,
            end=weights.learning_rate_min,
            warmup_epochs=weights.warmup_epochs,
        )

    def temperature(self, step: int) -> float:
        """Return the softmax temperature τ: geometric from the architecture's first step to the last."""
        architecture = self.config.architecture
        start, end = architecture.temperature_start, architecture.temperature_end
        return float(start * (end / start) ** self.progress(step, after=self.warmup_steps))
