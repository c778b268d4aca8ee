"""The configuration of a ranking."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from .base import Contradiction, Section, key, refuse
from .shared import NO_EPOCH_LEFT
from .train import TrainConfig

__all__ = ["RankConfig"]


class RankSection(Section):
    """Which of the cells are trained."""

    top: int = key(
        5,
        "How many are trained: those that are best by the weights they inherit from the super-net, and the last.",
        origin="tool",
        ge=1,
        le=10_000,
    )
    epochs: int = key(
        10,
        "Passes over the training images for each of them, in place of `train.epochs`: a short budget.",
        origin="tool",
        ge=1,
        le=100_000,
    )


class RankConfig(TrainConfig):
    """A ranking, complete: which cells are trained, and how each of them is."""

    rank: RankSection = RankSection()

    def of_a_training(self) -> TrainConfig:
        """The configuration of each training. A ranking chooses by it, so the test part isn't looked at."""
        sections = {name: getattr(self, name) for name in TrainConfig.model_fields}
        sections["train"] = self.train.model_copy(update={"epochs": self.rank.epochs})
        sections["evaluation"] = self.evaluation.model_copy(update={"test": False})
        return TrainConfig(**sections)

    @model_validator(mode="after")
    def _each_consistent(self) -> Self:
        keys = ("train.warmup_epochs", "rank.epochs")
        refuse([Contradiction(keys, NO_EPOCH_LEFT)] if self.train.warmup_epochs >= self.rank.epochs else [])
        return self
