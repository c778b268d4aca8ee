"""The sections of a search's configuration: every key with its default, bounds, meaning and origin."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from .base import Section, key
from .shared import DataConfig, Stem

__all__ = [
    "ArchitectureConfig",
    "EvaluationConfig",
    "NetworkConfig",
    "ScheduleConfig",
    "SearchDataConfig",
    "TargetConfig",
    "WeightsConfig",
]


def _tuple(value: Any) -> Any:
    """Turn TOML's lists into tuples: a frozen model holds nothing mutable."""
    return tuple(value) if isinstance(value, list) else value


Fraction = Annotated[float, Field(ge=0, lt=1)]
Size = Annotated[int, Field(ge=1, le=4096)]


class SearchDataConfig(DataConfig):
    """The images, how they are augmented and loaded, and which of them weights and architecture learn from."""

    weights_share: float = key(
        0.5, "Share of the (used) training images from which the weights learn.", origin="recipe", gt=0, le=1
    )
    architecture_share: float = key(
        0.5,
        "Share of the (used) training images from which the architecture learns; they do not overlap.",
        origin="recipe",
        gt=0,
        le=1,
    )


class NetworkConfig(Section):
    """The super-net."""

    cells: int = key(
        8,
        "Number of cells. The reduction cells are number cells // 3 and 2 * cells // 3.",
        origin="recipe",
        ge=3,
        le=1000,
    )
    channels: int = key(16, "Channels of the first cell.", origin="recipe", ge=2, le=4096)
    stem: Stem = key(
        "cifar",
        "`cifar`: one convolution; `imagenet`: three of stride 2, which divide the image size by 8.",
        origin="recipe",
    )
    engine_cells: Annotated[
        Literal["last", "first", "middle", "rotate", "all"] | tuple[int, ...], BeforeValidator(_tuple)
    ] = key(
        "rotate",
        "Which cells are Engine-cells. `rotate`: one of each kind in turn, the next one whenever the cells are "
        "derived; `last`, `first`, `middle`: always that one of each kind; `all` of them (DARTS); or a list of "
        "cell numbers, counted from 0. The others are Transit-cells.",
        origin="ours",
        allowed='"last", "first", "middle", "rotate", "all" or a list of cell numbers such as [5, 7]',
    )
    transit_cells: Literal["strongest", "derived"] = key(
        "strongest",
        "What the Transit-cells pass while edges still keep several operations: the `strongest` operation of each "
        "edge, or the sum of all `derived` ones. During `architecture.warmup_epochs`, `strongest` passes a "
        "random one on every edge instead, redrawn whenever the cells would be derived. Once each edge "
        "keeps one operation, both pass the derived cells.",
        origin="ours",
        former="derived",
    )
    share_features: bool = key(
        True, "Compute each operation once per source node, for all nodes that read it.", origin="paper"
    )


class ArchitectureConfig(Section):
    """The architecture parameters α and β: how cells are derived from them, and how they learn."""

    derivation: Literal["dst", "top2"] = key(
        "dst",
        "`dst`: differentiable sparsification, any number of connections per node; `top2`: two per node.",
        origin="paper",
    )
    temperature_unit: Literal["spread", "absolute"] = key(
        "spread",
        "`spread`: temperatures are multiples of the standard deviation of α on its edges, measured in each step. "
        "Cells are then decided at the same pace for any learning rate, number of steps and noise. `absolute`: "
        "plain numbers.",
        origin="ours",
        former="absolute",
    )
    temperature_start: float = key(
        10.0,
        "Softmax temperature until the architecture starts to learn (see `architecture.warmup_epochs`).",
        origin="ours",
        gt=0,
        le=1000,
    )
    temperature_end: float = key(
        0.67,
        "Softmax temperature at the end; the change is geometric from the architecture's first step on.",
        origin="ours",
        gt=0,
        le=1000,
    )
    sparsity_weight: float = key(
        0.1,
        "Weight λ of the sparsity pressure on the thresholds. Derivation `dst` only.",
        origin="ours",
        ge=0,
        le=1000,
    )
    threshold_init: float = key(
        0.5,
        "β at the start; the threshold is sigmoid(β). Derivation `dst` only.",
        origin="ours",
        ge=-20,
        le=20,
    )
    derive_every: Literal["step", "epoch"] | Annotated[int, Field(ge=1, le=1_000_000_000)] = key(
        "step",
        "How often the Transit-cells' sub-graph is derived: each `step`, each `epoch`, or every n steps.",
        origin="paper",
        allowed='"step", "epoch" or a whole number of at least 1',
    )
    learning_rate: float = key(6e-4, "Adam's learning rate for α.", origin="recipe", gt=0, le=100)
    threshold_learning_rate: float = key(
        5e-4,
        "Adam's learning rate for β. This, not `sparsity_weight`, decides how sparse the cells become: under "
        "pressure β rises by about this much per step. Derivation `dst` only.",
        origin="ours",
        former_key="architecture.learning_rate",
        ge=0,
        le=100,
    )
    betas: Annotated[tuple[Fraction, Fraction], BeforeValidator(_tuple)] = key(
        (0.5, 0.999),
        "Adam's decay rates.",
        origin="recipe",
        allowed="two numbers from 0 to below 1, such as [0.5, 0.999]",
    )
    weight_decay: float = key(1e-3, "Weight decay of α; β has none.", origin="recipe", ge=0, le=100)
    warmup_epochs: int = key(
        0, "Epochs at the start in which only the weights learn.", origin="recipe", ge=0, le=100_000
    )


class WeightsConfig(Section):
    """SGD for the weights."""

    learning_rate: float = key(
        0.1, "Learning rate at the start of the cosine.", origin="recipe", gt=0, le=1000
    )
    learning_rate_min: float = key(
        0.001, "Learning rate at the end; the change follows a cosine.", origin="recipe", ge=0, le=1000
    )
    warmup_epochs: int = key(
        0,
        "Epochs at the start in which the learning rate increases linearly from 0, in place of the cosine's first "
        "epochs.",
        origin="recipe",
        ge=0,
        le=100_000,
    )
    momentum: float = key(0.9, "Momentum.", origin="recipe", ge=0, lt=1)
    weight_decay: float = key(3e-4, "Weight decay.", origin="recipe", ge=0, le=100)
    clip: float = key(
        5.0, "Maximum norm of the weights' gradient. 0: no limit.", origin="recipe", ge=0, le=1_000_000
    )


class ScheduleConfig(Section):
    """Length and batch size."""

    epochs: int = key(50, "Passes over the weights' share of the images.", origin="recipe", ge=1, le=100_000)
    batch_size: int = key(
        256,
        "Batch size: images per step, for the weights and for the architecture each.",
        origin="recipe",
        ge=2,
        le=65536,
    )


class EvaluationConfig(Section):
    """Comparison of super-net and derived network during the search."""

    every: int = key(
        1, "Epochs between two evaluations; the last epoch always has one.", origin="ours", ge=1, le=100_000
    )
    batch_size: int = key(
        256,
        "Batch size. No gradients are kept, so it may be larger than in a step.",
        origin="tool",
        ge=1,
        le=65536,
    )
    calibration_batches: int = key(
        20,
        "Training batches from which the batch-norm statistics of both networks are estimated again.",
        origin="ours",
        ge=1,
        le=100_000,
    )


class TargetConfig(Section):
    """The network whose parameters and multiply-adds are reported with the derived cells."""

    cells: int = key(20, "Number of cells.", origin="recipe", ge=3, le=1000)
    channels: int = key(36, "Channels of the first cell.", origin="recipe", ge=2, le=4096)
    image: Annotated[tuple[Size, Size, Size], BeforeValidator(_tuple)] = key(
        (3, 32, 32),
        "Channels, height and width of the images.",
        origin="recipe",
        allowed="three whole numbers from 1 to 4096, such as [3, 32, 32]",
    )
    classes: int = key(10, "Number of classes.", origin="recipe", ge=2, le=100_000)
    stem: Stem = key("cifar", "Like `network.stem`.", origin="recipe")
