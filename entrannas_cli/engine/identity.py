"""What must not change between the attempts of a run: another run would go on under its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..config.keys import flatten_model
from ..data.datasets import Dataset

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["identity"]

# where and how it is computed, watched and reported may change; so may places, whose content counts
FREE = (
    *("device.", "checkpoint.", "evaluation.", "target.", "data.workers", "data.path"),
    *("preset", "train.preset", "space", "rank."),
)


def identity(config: BaseModel, dataset: Dataset, further: Mapping[str, object]) -> dict[str, str]:
    """The values that decide a run, by their names, as text; ``further`` are those of its kind."""
    values = {key: value for key, value in flatten_model(config).items() if not key.startswith(FREE)}
    values |= {
        **further,
        "data: images": len(dataset),
        "data: classes": dataset.classes,
        "data: shape": dataset.shape,
    }
    return {key: str(value) for key, value in values.items()}
