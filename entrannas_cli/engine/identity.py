"""The values that must not change when a run is resumed: it would become another run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..common.errors import UsageError
from ..common.text import plain
from ..config.keys import flatten_model, former_values
from ..config.run_kinds import all_keys
from ..data.datasets import Dataset

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["check_identity", "identity"]

# how a run is computed, watched and reported may change; so may paths, whose content is compared instead
CHANGEABLE = (
    *("device.", "checkpoint.", "evaluation.", "target.", "data.workers", "data.path"),
    *("preset", "train.preset", "space", "rank."),
)


def identity(config: BaseModel, dataset: Dataset, further: Mapping[str, object]) -> dict[str, str]:
    """Return the values that determine a run's results, as text by name; ``further`` are those of its kind."""
    values = {key: value for key, value in flatten_model(config).items() if not key.startswith(CHANGEABLE)}
    values |= {
        **further,
        "data: images": len(dataset),
        "data: classes": dataset.classes,
        "data: shape": dataset.shape,
    }
    return {key: str(value) for key, value in values.items()}


def check_identity(before: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Raise ``UsageError`` naming the first value that differs.

    A key missing from ``before`` has the value that runs had before the key existed.
    """
    recorded = {**former_values(all_keys(), before), **before}
    for key, value in now.items():
        if str(recorded.get(key)) != value:
            raise UsageError(
                f"{key} is {plain(value)}, but was {plain(str(recorded.get(key)))} when this run began: "
                "change it back, or start a new run"
            )
