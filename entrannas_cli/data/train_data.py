"""The data of a training: the training images, those held out for validation, and the test part."""

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
    """What is known about the images that a network was trained on, see ``Dataset``."""

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
    """An endless stream over the training part, without the images that are held out.

    ``held_out`` (n,) are the indices of the images held out, possibly none; ``placement_reason`` says where the
    images are and why.
    """

    dataset: Dataset
    training: BatchStream
    held_out: Tensor
    placement: Placement
    placement_reason: str

    def held_out_batches(self, batch_size: int, workers: int) -> Iterator[Batch]:
        """Yield the images held out, once and without augmentation."""
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
    """Open the training part (never the test part), take the configured portion, and hold out a share by class.

    ``reserve``: see :func:`open_part`. Raises ``UsageError`` if the data is missing or invalid.
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
                ["use a larger share, or 0 to hold out nothing"],
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
    """Open the test part, with the mean and std of the images that a network was ``trained_on``.

    Raises ``UsageError`` if it is missing, or if its classes or image size differ from those.
    """
    dataset = open_part(config, "test", seed=0, device=device, progress=progress).dataset
    require_same(dataset, trained_on, "the test part")
    return replace(dataset, mean=trained_on.mean, std=trained_on.std)


def require_same(dataset: Dataset, trained_on: TrainedImages, which: str) -> None:
    """Raise ``UsageError`` if the classes or image size of ``dataset`` (``which``) differ from ``trained_on``."""
    for what in ("classes", "shape"):
        here, there = getattr(dataset, what), getattr(trained_on, what)
        if here != there:
            raise UsageError(
                f"{which} differs in {what} from the images that the network was trained on: "
                f"{_short(here)} instead of {_short(there)}"
            )


def _short(values: tuple[object, ...]) -> str:
    shown = ", ".join(map(str, values[:5]))
    return shown if len(values) <= 5 else f"{shown}, … ({len(values)})"
