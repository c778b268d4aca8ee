"""The configuration of a training: a genotype's network, from scratch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .base import Contradiction, Section, key, refuse
from .shared import NO_EPOCH_LEFT, CheckpointConfig, DataConfig, DeviceConfig, Stem, image_contradictions

__all__ = [
    "DerivedConfig",
    "TrainConfig",
    "TrainDataConfig",
    "TrainEvaluationConfig",
    "TrainSection",
]


class TrainDataConfig(DataConfig):
    """The images, how they are augmented and loaded, and how many are held out."""

    validation_share: float = key(
        0.1,
        "Share of the (used) training images held out to monitor the training and to choose the best weights. "
        "0: none. The test part is never used for that.",
        origin="tool",
        ge=0,
        le=0.9,
    )


class DerivedConfig(Section):
    """The network built from the cells."""

    cells: int = key(
        20,
        "Number of cells. The reduction cells are number cells // 3 and 2 * cells // 3.",
        origin="recipe",
        ge=3,
        le=1000,
    )
    channels: Literal["auto"] | Annotated[int, Field(ge=2, le=4096)] = key(
        36,
        "Channels of the first cell. `auto`: as many as `largest_multiply_adds` allows, an even number.",
        origin="recipe",
        allowed='"auto" or a whole number from 2 to 4096',
    )
    largest_multiply_adds: int = key(
        600_000_000,
        'Maximum multiply-adds per image. `channels = "auto"` only.',
        origin="recipe",
        ge=1000,
        le=10**15,
    )
    stem: Stem = key(
        "cifar",
        "`cifar`: one convolution; `imagenet`: three of stride 2, which divide the image size by 8.",
        origin="recipe",
    )
    share_features: bool = key(
        False, "Compute each operation once per source node, for all nodes that read it.", origin="ours"
    )
    pool_batch_norm: bool = key(
        False,
        "Batch-norm after pooling, as in the super-net. DARTS' derived networks have none.",
        origin="recipe",
        former=True,
    )


class TrainSection(Section):
    """Length, optimiser and regularisation."""

    preset: str = key(
        "auto",
        "Source of the values that are set nowhere else: a preset's name, the path of a .toml file, or `auto`: "
        "`cifar` if there are a CUDA GPU and CIFAR-10, otherwise `quick`.",
        origin="tool",
        allowed="the name of a preset, the path of a .toml file or auto",
        path="file",
        min_length=1,
    )
    epochs: int = key(600, "Passes over the training images.", origin="recipe", ge=1, le=100_000)
    batch_size: int = key(96, "Batch size: images per step.", origin="recipe", ge=2, le=65536)
    learning_rate: float = key(
        0.025, "SGD's learning rate at the start of the decay.", origin="recipe", gt=0, le=1000
    )
    learning_rate_min: float = key(0.0, "Learning rate at the end.", origin="recipe", ge=0, le=1000)
    decay: Literal["cosine", "linear"] = key(
        "cosine", "How the learning rate falls from start to end.", origin="recipe"
    )
    warmup_epochs: int = key(
        0,
        "Epochs at the start in which the learning rate increases linearly from 0, in place of the decay's first "
        "epochs.",
        origin="recipe",
        ge=0,
        le=100_000,
    )
    momentum: float = key(0.9, "Momentum.", origin="recipe", ge=0, lt=1)
    weight_decay: float = key(3e-4, "Weight decay.", origin="recipe", ge=0, le=100)
    clip: float = key(5.0, "Maximum norm of the gradient. 0: no limit.", origin="recipe", ge=0, le=1_000_000)
    label_smoothing: float = key(
        0.0, "Share of the label's probability spread over all classes.", origin="recipe", ge=0, lt=1
    )
    drop_path: float = key(
        0.2,
        "Probability that a connection is dropped for an image, at the end; it increases linearly from 0. Skip "
        "connections that compute nothing are never dropped.",
        origin="recipe",
        ge=0,
        lt=1,
    )
    auxiliary_weight: float = key(
        0.4,
        "Loss weight of the auxiliary head after the second reduction cell. 0: no such head.",
        origin="recipe",
        ge=0,
        le=100,
    )
    auxiliary_batch_norm: bool = key(
        False,
        "Batch-norm after the last convolution of the auxiliary head with the stem `imagenet`, as in P-DARTS. With "
        "the stem `cifar` the head always has it.",
        origin="recipe",
        former=True,
    )


class TrainEvaluationConfig(Section):
    """Scoring on images that the network does not learn from."""

    every: int = key(
        1,
        "Epochs between two evaluations on the held-out images; the last epoch always has one.",
        origin="tool",
        ge=1,
        le=100_000,
    )
    batch_size: int = key(
        256,
        "Batch size. No gradients are kept, so it may be larger than in a step.",
        origin="tool",
        ge=1,
        le=65536,
    )
    test: bool = key(True, "Score the test part at the end.", origin="tool")


class TrainConfig(Section):
    """A complete training. Raises pydantic's ``ValidationError``, also for values that contradict each other."""

    seed: int = key(
        0,
        "Seed of everything random. On CPU the same seed gives the same weights, bit for bit.",
        origin="tool",
        ge=0,
        le=2**32 - 1,
    )
    data: TrainDataConfig = TrainDataConfig()
    derived: DerivedConfig = DerivedConfig()
    train: TrainSection = TrainSection()
    evaluation: TrainEvaluationConfig = TrainEvaluationConfig()
    device: DeviceConfig = DeviceConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(_contradictions(self))
        return self


def _contradictions(config: TrainConfig) -> Iterator[Contradiction]:
    """Yield all contradictions; none for a valid configuration."""
    train = config.train
    if train.learning_rate_min > train.learning_rate:
        yield Contradiction(
            ("train.learning_rate_min", "train.learning_rate"),
            "the learning rate must not increase: lower its end, or raise its start",
        )
    if train.warmup_epochs >= train.epochs:
        yield Contradiction(("train.warmup_epochs", "train.epochs"), NO_EPOCH_LEFT)
    yield from image_contradictions(config.data, config.derived.stem, "derived.stem")
