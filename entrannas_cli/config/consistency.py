"""Values that are fine each, but not together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError

from ..method.space import cell_kinds

if TYPE_CHECKING:
    from .search import NetworkConfig, SearchConfig
    from .shared import DataConfig
    from .train import RankConfig, TrainConfig

__all__ = [
    "Contradiction",
    "implied_by_method",
    "rank_contradictions",
    "refuse",
    "search_contradictions",
    "train_contradictions",
]

IMAGENET_STEM_SIDE = 32  # below, the three strides of the stem and the two of the cells leave no pixels
SIDES = {"digits": 8, "cifar10": 32, "cifar100": 32}  # of data sets with images of one known size
ROUNDING = 1e-9

_ALL_WARMUP = "no epoch is left after the warm-up: it must be below the number of epochs"

_TOP2: dict[str, object] = {
    "architecture.derivation": "top2",
    "architecture.sparsity_weight": 0.0,
    "architecture.threshold_init": 0.0,
}
_IMPLIED: dict[str, dict[str, object]] = {
    "entrannas-dst": {"architecture.derivation": "dst"},
    "entrannas": _TOP2,
    "darts": {
        **_TOP2,
        "network.engine_cells": "all",
        "network.share_features": False,
        "network.transit_cells": "derived",  # there are none: nothing is to be drawn in a warm-up
        "architecture.temperature_unit": "absolute",
        "architecture.temperature_start": 1.0,
        "architecture.temperature_end": 1.0,
    },
}


def implied_by_method(method: object) -> dict[str, object]:
    """Values that a method brings along, by dotted key; they win over a preset, and lose against the user."""
    return dict(_IMPLIED.get(method, {})) if isinstance(method, str) else {}


@dataclass(frozen=True)
class Contradiction:
    """``keys`` are those that don't go together, the one to change first."""

    keys: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{', '.join(self.keys)}: {self.text}"


def refuse(found: Iterable[Contradiction]) -> None:
    """For a model's validator: raises pydantic's error if there are any, which carries them as they are."""
    found = list(found)
    if found:
        text = "; ".join(str(contradiction) for contradiction in found)
        raise PydanticCustomError("contradiction", "{text}", {"text": text, "found": found})


def search_contradictions(config: SearchConfig) -> Iterator[Contradiction]:
    """All of them; none for a configuration that can be run."""
    yield from _method(config)
    yield from _engine_cells(config.network)
    yield from _schedules(config)
    yield from _shares(config)
    yield from _images(config.data, config.network.stem, "network.stem")
    yield from _target(config)


def train_contradictions(config: TrainConfig) -> Iterator[Contradiction]:
    """All of them; none for a configuration that can be run."""
    train = config.train
    if train.learning_rate_min > train.learning_rate:
        yield Contradiction(
            ("train.learning_rate_min", "train.learning_rate"),
            "the learning rate falls or stays: its end may not be above its start",
        )
    if train.warmup_epochs >= train.epochs:
        yield Contradiction(("train.warmup_epochs", "train.epochs"), _ALL_WARMUP)
    yield from _images(config.data, config.derived.stem, "derived.stem")


def rank_contradictions(config: RankConfig) -> Iterator[Contradiction]:
    """What doesn't go together in a ranking besides."""
    if config.train.warmup_epochs >= config.rank.epochs:
        yield Contradiction(("train.warmup_epochs", "rank.epochs"), _ALL_WARMUP)


def _method(config: SearchConfig) -> Iterator[Contradiction]:
    method, network, architecture = config.method, config.network, config.architecture
    if method == "random":
        return
    derivation = "dst" if method == "entrannas-dst" else "top2"
    if architecture.derivation != derivation:
        other = "entrannas" if derivation == "dst" else "entrannas-dst"
        yield Contradiction(
            ("architecture.derivation", "method"),
            f'the method {method} derives by "{derivation}"; for "{architecture.derivation}" take {other}',
        )
    if derivation == "top2":
        for name in ("sparsity_weight", "threshold_init"):
            if getattr(architecture, name):
                yield Contradiction(
                    (f"architecture.{name}", "method"),
                    f"the method {method} has no thresholds: leave it 0, or take entrannas-dst",
                )
    if method == "darts" and network.engine_cells != "all":
        yield Contradiction(
            ("network.engine_cells", "method"),
            'in darts every cell is an Engine-cell ("all"); for other ones take entrannas',
        )
    if method == "darts" and network.share_features:
        yield Contradiction(
            ("network.share_features", "method"),
            "darts shares no features (false); to share them take entrannas",
        )
    if method == "darts" and architecture.temperature_unit != "absolute":
        yield Contradiction(
            ("architecture.temperature_unit", "method"),
            'darts has a plain temperature ("absolute"); for multiples of the spread take entrannas',
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
        yield Contradiction(("network.engine_cells",), f"cell {twice[0]} stands there twice")
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
            "the temperature falls or stays: its end may not be above its start",
        )
    if weights.learning_rate_min > weights.learning_rate:
        yield Contradiction(
            ("weights.learning_rate_min", "weights.learning_rate"),
            "the learning rate falls or stays: its end may not be above its start",
        )
    if config.method != "random" and architecture.warmup_epochs >= config.search.epochs:
        yield Contradiction(
            ("architecture.warmup_epochs", "search.epochs"),
            "no epoch is left in which the architecture learns: it must be below the number of epochs",
        )
    if config.method != "random" and weights.warmup_epochs >= config.search.epochs:
        yield Contradiction(("weights.warmup_epochs", "search.epochs"), _ALL_WARMUP)


def _shares(config: SearchConfig) -> Iterator[Contradiction]:
    if config.data.weights_share + config.data.architecture_share > 1 + ROUNDING:
        yield Contradiction(
            ("data.weights_share", "data.architecture_share"),
            "the two parts don't overlap: together at most 1",
        )


def _images(data: DataConfig, stem: str, stem_key: str) -> Iterator[Contradiction]:
    if data.dataset == "folder" and not data.path:
        yield Contradiction(
            ("data.path", "data.dataset"),
            "the data set folder needs the place of the images: give --data DIR",
        )
    if data.dataset == "synthetic" and data.images < 2 * data.classes:
        yield Contradiction(
            ("data.images", "data.classes"),
            f"both parts need an image of each class: at least {2 * data.classes}",
        )
    side = data.image_size or SIDES.get(data.dataset, 0)
    if not side:
        return
    for name in ("crop_padding", "cutout"):
        if getattr(data, name) >= side:
            yield Contradiction(
                (f"data.{name}", "data.dataset", "data.image_size"),
                f"images of {side} pixels could be blanked altogether: it must be below their side",
            )
    if stem == "imagenet" and side < IMAGENET_STEM_SIDE:
        yield Contradiction(
            (stem_key, "data.dataset", "data.image_size"),
            f'the stem "imagenet" needs images of at least {IMAGENET_STEM_SIDE} pixels, these have {side}: '
            'take "cifar"',
        )


def _target(config: SearchConfig) -> Iterator[Contradiction]:
    target = config.target
    if target.stem == "imagenet" and min(target.image[1:]) < IMAGENET_STEM_SIDE:
        yield Contradiction(
            ("target.stem", "target.image"),
            f'the stem "imagenet" needs images of at least {IMAGENET_STEM_SIDE} pixels: take "cifar"',
        )
