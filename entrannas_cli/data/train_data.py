"""What a training learns from, what it is watched on, and what it is scored on in the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from ..common.errors import UsageError
from .datasets import Dataset
from .placement import Reserve, open_part
from .streams import Batch, BatchStream, Placement, evaluation_batches
from .types import Progress

if TYPE_CHECKING:
    from ..config.train import TrainDataConfig

__all__ = ["TrainData", "TrainedImages", "open_test_part", "open_train_data", "require_same"]


class TrainedImages(Protocol):
    """What is known of the images that a network learned from, see ``Dataset``."""

    @property
    def shape(self) -> tuple[int, int, int]: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def mean(self) -> tuple[float, ...]: ...
    @property
    def std(self) -> tuple[float, ...]: ...


@dataclass(frozen=True, kw_only=True)
class TrainData:
    """An endless stream over the training part without what is held out.

    ``held_out`` (n,) are the indices of the images held out, n = 0 if there are none; ``placement_reason`` says
    in a sentence where the images are and why.
    """

    dataset: Dataset
    training: BatchStream
    held_out: Tensor
    placement: Placement
    placement_reason: str

    def held_out_batches(self, batch_size: int, workers: int) -> Iterator[Batch]:
        """The images held out, each once and as it is."""
        stream = self.training
        return evaluation_batches(
            self.dataset,
            self.held_out,
            batch_size,
            stream.device,
            workers=workers,
            memory_format=stream.memory_format,
        )


def open_train_data(
    config: TrainDataConfig,
    *,
    seed: int,
    device: torch.device,
    batch_size: int,
    memory_format: torch.memory_format = torch.contiguous_format,
    progress: Progress | None = None,
    reserve: Reserve | None = None,
) -> TrainData:
    """Opens the training part (never the test part), takes the configured portion, and holds out a share by class.

    ``reserve``: see :func:`open_part`. Raises ``UsageError`` for data that isn't there or isn't right.
    """
    placed = open_part(
        config,
        "train",
        seed=seed,
        device=device,
        memory_format=memory_format,
        progress=progress,
        reserve=reserve,
    )
    if config.validation_share:
        shares = [config.validation_share, 1 - config.validation_share]
        held_out, training = placed.split(shares, seed)
        if not len(held_out):
            raise UsageError(
                f"data.validation_share = {config.validation_share:g} of {len(placed.indices)} images is none",
                ["take more, or 0 to hold out nothing"],
            )
    else:
        held_out, training = placed.indices[:0], placed.indices
    return TrainData(
        dataset=placed.dataset,
        training=placed.stream(
            "training", training, batch_size=batch_size, batch_key="train.batch_size", seed=seed, streams=1
        ),
        held_out=held_out,
        placement=placed.placement,
        placement_reason=placed.reason,
    )


def open_test_part(
    config: TrainDataConfig,
    trained_on: TrainedImages,
    *,
    device: torch.device,
    progress: Progress | None = None,
) -> Dataset:
    """The test part, to be normalised as the images were that a network was ``trained_on``; opens nothing else.

    Raises ``UsageError`` if it isn't there, or has other classes or another size than those.
    """
    dataset = open_part(config, "test", seed=0, device=device, progress=progress).dataset
    require_same(dataset, trained_on, "the test part")
    return replace(dataset, mean=trained_on.mean, std=trained_on.std)


def require_same(dataset: Dataset, trained_on: TrainedImages, which: str) -> None:
    """Raises ``UsageError`` if ``dataset`` (``which``) has other classes or another size than those images."""
    for what in ("classes", "shape"):
        here, there = getattr(dataset, what), getattr(trained_on, what)
        if here != there:
            raise UsageError(
                f"{which} has other {what} than what the network learned from: "
                f"{_short(here)} instead of {_short(there)}"
            )


def _short(values: tuple[object, ...]) -> str:
    shown = ", ".join(map(str, values[:5]))
    return shown if len(values) <= 5 else f"{shown}, … ({len(values)})"
