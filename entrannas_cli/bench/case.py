"""The configuration of a subject, from the command-line options. Loads no torch."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..common.errors import UsageError
from ..common.text import choices
from ..config.resolve import ConfigRequest, Resolved, resolve_search, resolve_train
from ..data.availability import dataset_facts

if TYPE_CHECKING:
    from ..config.search import SearchConfig
    from ..config.train import TrainConfig

__all__ = ["CELLS", "Case", "cases", "projected_images", "projected_steps", "search_config", "train_config"]

Kind = Literal["search", "train", "data"]

CELLS = "DARTS_V2"  # passed by a top-2 search, where the space has its operations and nodes
SEARCHES = ("entrannas", "entrannas-dst", "darts")
PLACEMENTS = ("device", "stream")
BATCHES_AT_HAND = 4  # per half of the images
STREAMED = 20_000  # images for measuring streams: enough to need workers
LONG = 100_000  # epochs: keeps the schedules at their start


@dataclass(frozen=True, kw_only=True)
class Case:
    """One subject. ``variant`` is a method for a search, cells for a training, a placement for data.

    ``settings`` are configuration values by dotted key, ``overrides`` the ``--set`` arguments. ``sparsity`` is the
    share of connections that an `entrannas-dst` search has lost (None: its own start).
    """

    kind: Kind
    variant: str
    preset: str
    settings: Mapping[str, Any]
    overrides: Sequence[str] = ()
    sparsity: float | None = None

    @property
    def name(self) -> str:
        """The name in tables."""
        return self.variant if self.sparsity is None else f"{self.variant} at {100 * self.sparsity:g} %"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return asdict(self)


def cases(
    kind: Kind,
    compare: Sequence[str],
    *,
    preset: str,
    settings: Mapping[str, Any],
    overrides: Sequence[str],
    sparsity: float | None = None,
) -> list[Case]:
    """Return the cases to compare, validated. Raises ``UsageError`` for unknown or invalid values."""
    known = {"search": SEARCHES, "data": PLACEMENTS}.get(kind, ())
    if not compare:
        raise UsageError(f"--compare: nothing to measure: choose {choices(known or [CELLS])}")
    unknown = [name for name in compare if known and name not in known]
    if unknown:
        raise UsageError(
            f"--compare {','.join(compare)}: {unknown[0]} cannot be measured: "
            f"choose {choices(known)}, separated by commas"
        )
    if len(set(compare)) < len(compare):
        raise UsageError(f"--compare {','.join(compare)}: name each only once")
    if sparsity is not None and "entrannas-dst" not in compare:
        raise UsageError("--sparsity applies to entrannas-dst: add it to --compare")
    if sparsity is not None and not 0 <= sparsity < 1:
        raise UsageError(
            f"--sparsity {sparsity:g}: out of range: give a share from 0 to below 1, such as 0.8"
        )
    made = []
    for variant in compare:
        shares: list[float | None] = [None]
        if variant == "entrannas-dst" and sparsity is not None:
            shares.append(sparsity)
        made += [
            Case(
                kind=kind,
                variant=variant,
                preset=preset,
                settings=settings,
                overrides=overrides,
                sparsity=share,
            )
            for share in shares
        ]
    for case in made:
        (train_config if kind == "train" else search_config)(case)
    return made


def search_config(case: Case) -> tuple[SearchConfig, SearchConfig]:
    """Return (measured, real) configurations of a search or its data. Raises ``UsageError``."""
    settings = dict(case.settings)
    if case.kind == "search":
        settings["method"] = case.variant
    real = resolve_search(_request(case, {"preset": case.preset, **settings})).config
    measured = {
        **settings,
        **_images(real.data.dataset, real.data.image_size, settings, real.search.batch_size, case.kind),
        "search.epochs": LONG,
        "data.weights_share": 0.5,
        "data.architecture_share": 0.5,
    }
    if case.kind == "data":
        measured["data.placement"] = case.variant
    else:
        measured["architecture.warmup_epochs"] = 0
        measured["architecture.temperature_unit"] = "absolute"  # keeps a given sparsity
        measured["architecture.temperature_start"] = measured["architecture.temperature_end"] = 1.0
    return resolve_search(_request(case, {"preset": case.preset, **measured})).config, real


def train_config(case: Case) -> tuple[TrainConfig, TrainConfig]:
    """Return (measured, real) configurations of a training. Raises ``UsageError``."""
    settings = {"train.preset": case.preset, **case.settings}
    real = resolve_train(_request(case, settings)).config
    images = _images(real.data.dataset, real.data.image_size, settings, real.train.batch_size, case.kind)
    measured: Resolved[TrainConfig] = resolve_train(_request(case, settings | images))
    return measured.config, real


def projected_steps(dataset: str, share: float, batch_size: int, epochs: int) -> tuple[int, int] | None:
    """Return (steps per epoch, total steps) on this share of the data set; None if its size is unknown."""
    images = projected_images(dataset, share)
    if not images:
        return None
    steps = math.ceil(images / batch_size)
    return steps, steps * epochs


def projected_images(dataset: str, share: float) -> int:
    """Return the number of images in this share of the training part; 0 if its size is unknown."""
    return round(dataset_facts(dataset).train_images * share)


def _images(
    dataset: str, side: int, settings: Mapping[str, Any], batch_size: int, kind: Kind
) -> dict[str, Any]:
    """Return settings for noise of the preset's image shape; none for digits or a data set named by the user."""
    if dataset == "digits" or settings.get("data.dataset") is not None:
        return {}
    facts = dataset_facts(dataset)
    return {
        "data.dataset": "synthetic",
        "data.image_size": side,
        "data.classes": facts.classes or 1000,
        "data.images": STREAMED if kind == "data" else 2 * BATCHES_AT_HAND * batch_size,
    }


def _request(case: Case, flags: Mapping[str, Any]) -> ConfigRequest:
    return ConfigRequest(
        flags=flags,
        overrides=case.overrides,
        environ=os.environ,
        cwd=Path.cwd(),
        choose_preset=lambda _: (case.preset, "asked for"),
    )
