"""The configuration of a ranking."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from .base import Contradiction, Section, key, refuse
from .shared import NO_EPOCH_LEFT
from .train import TrainConfig

__all__ = ["RankConfig"]


class RankSection(Section):
    """Which cells are trained."""

    top: int = key(
        5,
        "Number of cells to train: the best by the weights inherited from the super-net, and the last ones.",
        origin="tool",
        ge=1,
        le=10_000,
    )
    epochs: int = key(
        10,
        "Passes over the training images for each of them, instead of `train.epochs`: a short budget.",
        origin="tool",
        ge=1,
        le=100_000,
    )


class RankConfig(TrainConfig):
    """A complete ranking: which cells are trained, and how."""

    rank: RankSection = RankSection()

    def training_config(self) -> TrainConfig:
        """Return the configuration of each training: that of the ranking, without a score of the test part."""
        sections = {name: getattr(self, name) for name in TrainConfig.model_fields}
        sections["train"] = self.train.model_copy(update={"epochs": self.rank.epochs})
        sections["evaluation"] = self.evaluation.model_copy(update={"test": False})
        return TrainConfig(**sections)

    @model_validator(mode="after")
    def _each_consistent(self) -> Self:
        keys = ("train.warmup_epochs", "rank.epochs")
        refuse([Contradiction(keys, NO_EPOCH_LEFT)] if self.train.warmup_epochs >= self.rank.epochs else [])
        return self
