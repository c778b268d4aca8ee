"""The schedules of a training, as pure functions of the step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..epochs import Epochs

if TYPE_CHECKING:
    from ...config.train import TrainConfig

__all__ = ["TrainSchedule"]


@dataclass(frozen=True)
class TrainSchedule(Epochs):
    """Learning rate and drop-path of a training. Steps and epochs count from 1."""

    config: TrainConfig
    steps_per_epoch: int

    @property
    def epochs(self) -> int:
        """Total number of epochs."""
        return self.config.train.epochs

    @property
    def evaluate_every(self) -> int:
        """Epochs between two evaluations on the held-out images."""
        return self.config.evaluation.every

    def learning_rate(self, step: int) -> float:
        """Return the learning rate: a linear warm-up, then a cosine or linear decay to the last step."""
        train = self.config.train
        return self.decayed(
            step,
            start=train.learning_rate,
            end=train.learning_rate_min,
            warmup_epochs=train.warmup_epochs,
            decay=train.decay,
        )

    def drop_path(self, step: int) -> float:
        """Return the probability of dropping a connection: it increases linearly from 0 to its full value."""
        return self.config.train.drop_path * self.progress(step)
