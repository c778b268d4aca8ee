"""What must not change between the attempts of a search: another search would go on under its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config.keys import flatten_model
from ..data.datasets import Dataset
from ..method.space import SearchSpace

if TYPE_CHECKING:
    from ..config.schema import SearchConfig

__all__ = ["identity"]

# where and how it is computed, watched and reported may change; so may places, whose content counts
FREE = ("device.", "checkpoint.", "evaluation.", "target.", "data.workers", "data.path", "preset", "space")


def identity(config: SearchConfig, space: SearchSpace, dataset: Dataset) -> dict[str, str]:
    """The values that decide a search, by their names, as text."""
    values = {key: value for key, value in flatten_model(config).items() if not key.startswith(FREE)}
    values |= {
        "space: operations": space.operations,
        "space: nodes": space.nodes,
        "data: images": len(dataset),
        "data: classes": dataset.classes,
        "data: shape": dataset.shape,
    }
    return {key: str(value) for key, value in values.items()}
