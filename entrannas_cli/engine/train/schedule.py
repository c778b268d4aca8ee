"""What changes from step to step of a training, as pure functions of the step."""

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
        """Epochs of the whole training."""
        return self.config.train.epochs

    @property
    def evaluate_every(self) -> int:
        """Epochs between two looks at the images held out."""
        return self.config.evaluation.every

    def learning_rate(self, step: int) -> float:
        """A linear warm-up, then a cosine or linear decay to the last step."""
        train = self.config.train
        return self.decayed(
            step,
            start=train.learning_rate,
            end=train.learning_rate_min,
            warmup_epochs=train.warmup_epochs,
            decay=train.decay,
        )

    def drop_path(self, step: int) -> float:
        """The chance with which a connection is left out: in a line from 0 to its full value."""
        return self.config.train.drop_path * self.progress(step)
