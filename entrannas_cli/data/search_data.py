"""The data of a search: the training part, placed, split and served as two streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .datasets import Dataset
from .placement import Reserve, open_part
from .streams import BatchStream, Placement
from .types import Progress

if TYPE_CHECKING:
    from ..config.search_sections import SearchDataConfig

__all__ = ["SearchData", "open_search_data"]


@dataclass(frozen=True, kw_only=True)
class SearchData:
    """Two endless streams over disjoint halves (as configured) of the training part.

    ``weights_indices`` and ``architecture_indices`` are their images, for ``evaluation_batches``;
    ``placement_reason`` says where the images are and why.
    """

    dataset: Dataset
    weights: BatchStream
    architecture: BatchStream
    weights_indices: Tensor
    architecture_indices: Tensor
    placement: Placement
    placement_reason: str


def open_search_data(
    config: SearchDataConfig,
    *,
    seed: int,
    device: torch.device,
    batch_size: int,
    memory_format: torch.memory_format = torch.contiguous_format,
    download: bool = False,
    progress: Progress | None = None,
    reserve: Reserve | None = None,
) -> SearchData:
    """Open the training part (never the test part), take the configured portion, and split it by class.

    The portion and the split depend on ``seed`` alone, each batch also on its number. ``reserve``: see
    :func:`open_part`. Raises ``UsageError`` if the data is missing or invalid, ``RunFailed`` if a download fails.
    """
    placed = open_part(
        config,
        "train",
        seed=seed,
        device=device,
        memory_format=memory_format,
        download=download,
        progress=progress,
        reserve=reserve,
    )
    weights, architecture = placed.split([config.weights_share, config.architecture_share], seed)

    def stream(name: str, indices: Tensor) -> BatchStream:
        return placed.stream(
            name, indices, batch_size=batch_size, batch_key="search.batch_size", seed=seed, streams=2
        )

    return SearchData(
        dataset=placed.dataset,
        weights=stream("weights", weights),
        architecture=stream("architecture", architecture),
        weights_indices=weights,
        architecture_indices=architecture,
        placement=placed.placement,
        placement_reason=placed.reason,
    )
