"""The configuration of a search, and which of its values contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from pydantic import model_validator

from ..method.space import cell_kinds
from .base import Contradiction, Section, key, refuse
from .methods import Method
from .search_sections import (
    ArchitectureConfig,
    EvaluationConfig,
    NetworkConfig,
    ScheduleConfig,
    SearchDataConfig,
    TargetConfig,
    WeightsConfig,
)
from .shared import (
    IMAGENET_STEM_SIDE,
    NO_EPOCH_LEFT,
    CheckpointConfig,
    DeviceConfig,
    image_contradictions,
)

__all__ = ["SearchConfig"]

ROUNDING = 1e-9


class SearchConfig(Section):
    """A complete search. Raises pydantic's ``ValidationError``, also for values that contradict each other."""

    space: str = key(
        "standard",
        "The search space: a name from `entrannas spaces list`, or the path of a .toml file.",
        origin="paper",
        allowed="the name of a search space or the path of a .toml file",
        path="file",
        min_length=1,
    )
    method: Method = key(
        "entrannas-dst",
        "`entrannas-dst`: learnable topology; `entrannas`: two connections per node; `darts`: every cell an "
        "Engine-cell, no sharing, first-order; `random`: a genotype drawn uniformly, no search.",
        origin="paper",
    )
    preset: str = key(
        "auto",
        "Source of the values that are set nowhere else: a preset's name, the path of a .toml file, or `auto`: "
        "`paper` if there are a CUDA GPU and CIFAR-10, otherwise `quick`.",
        origin="tool",
        allowed="the name of a preset, the path of a .toml file or auto",
        path="file",
        min_length=1,
    )
    seed: int = key(
        0,
        "Seed of everything random. On CPU the same seed gives the same search, bit for bit.",
        origin="tool",
        ge=0,
        le=2**32 - 1,
    )
    data: SearchDataConfig = SearchDataConfig()
    network: NetworkConfig = NetworkConfig()
    architecture: ArchitectureConfig = ArchitectureConfig()
    weights: WeightsConfig = WeightsConfig()
    search: ScheduleConfig = ScheduleConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    target: TargetConfig = TargetConfig()
    device: DeviceConfig = DeviceConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(_contradictions(self))
        return self


def _contradictions(config: SearchConfig) -> Iterator[Contradiction]:
    """Yield all contradictions; none for a valid configuration."""
    yield from _method(config)
    yield from _engine_cells(config.network)
    yield from _schedules(config)
    yield from _shares(config)
    yield from image_contradictions(config.data, config.network.stem, "network.stem")
    yield from _target(config)


def _method(config: SearchConfig) -> Iterator[Contradiction]:
    method, network, architecture = config.method, config.network, config.architecture
    if method == "random":
        return
    derivation = "dst" if method == "entrannas-dst" else "top2"
    if architecture.derivation != derivation:
        other = "entrannas" if derivation == "dst" else "entrannas-dst"
        yield Contradiction(
            ("architecture.derivation", "method"),
            f'the method {method} derives by "{derivation}"; for "{architecture.derivation}" use {other}',
        )
    if derivation == "top2":
        for name in ("sparsity_weight", "threshold_init"):
            if getattr(architecture, name):
                yield Contradiction(
                    (f"architecture.{name}", "method"),
                    f"the method {method} has no thresholds: leave it at 0, or use entrannas-dst",
                )
    if method == "darts" and network.engine_cells != "all":
        yield Contradiction(
            ("network.engine_cells", "method"),
            'in darts every cell is an Engine-cell ("all"); for other positions use entrannas',
        )
    if method == "darts" and network.share_features:
        yield Contradiction(
            ("network.share_features", "method"),
            "darts shares no features (false); to share them use entrannas",
        )
    if method == "darts" and architecture.temperature_unit != "absolute":
        yield Contradiction(
            ("architecture.temperature_unit", "method"),
            'darts has an absolute temperature ("absolute"); for multiples of the spread use entrannas',
        )


def _engine_cells(network: NetworkConfig) -> Iterator[Contradiction]:
    numbers = network.engine_cells
    if isinstance(numbers, str):
        return
    keys = ("network.engine_cells", "network.cells")
    outside = [number for number in numbers if not 0 <= number < network.cells]
    if outside:
        yield Contradiction(
            keys,
            f"there is no cell {outside[0]}: {network.cells} cells are numbered 0 to {network.cells - 1}",
        )
        return
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice:
        yield Contradiction(("network.engine_cells",), f"cell {twice[0]} is listed twice")
    reduction = [n for n, kind in enumerate(cell_kinds(network.cells)) if kind == "reduce"]
    where = f"reduction cells of {network.cells} are {reduction[0]} and {reduction[1]}, the others normal"
    if not set(reduction) & set(numbers):
        yield Contradiction(keys, f"no reduction cell among them: {where}")
    if not set(range(network.cells)) - set(reduction) & set(numbers):
        yield Contradiction(keys, f"no normal cell among them: {where}")


def _schedules(config: SearchConfig) -> Iterator[Contradiction]:
    architecture, weights = config.architecture, config.weights
    if architecture.temperature_end > architecture.temperature_start:
        yield Contradiction(
            ("architecture.temperature_end", "architecture.temperature_start"),
            "the temperature must not increase: lower its end, or raise its start",
        )
    if weights.learning_rate_min > weights.learning_rate:
        yield Contradiction(
            ("weights.learning_rate_min", "weights.learning_rate"),
            "the learning rate must not increase: lower its end, or raise its start",
        )
    if config.method != "random" and architecture.warmup_epochs >= config.search.epochs:
        yield Contradiction(
            ("architecture.warmup_epochs", "search.epochs"),
            "no epoch is left in which the architecture learns: it must be below the number of epochs",
        )
    if config.method != "random" and weights.warmup_epochs >= config.search.epochs:
        yield Contradiction(("weights.warmup_epochs", "search.epochs"), NO_EPOCH_LEFT)


def _shares(config: SearchConfig) -> Iterator[Contradiction]:
    if config.data.weights_share + config.data.architecture_share > 1 + ROUNDING:
        yield Contradiction(
            ("data.weights_share", "data.architecture_share"),
            "the two parts must not overlap: their sum is at most 1",
        )


def _target(config: SearchConfig) -> Iterator[Contradiction]:
    target = config.target
    if target.stem == "imagenet" and min(target.image[1:]) < IMAGENET_STEM_SIDE:
        yield Contradiction(
            ("target.stem", "target.image"),
            f'the stem "imagenet" needs images of at least {IMAGENET_STEM_SIDE} pixels: use "cifar"',
        )
