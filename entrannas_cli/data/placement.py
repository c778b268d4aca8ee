"""Where the images of a part are when batches are made: in the device's memory, or in their files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..common.errors import UsageError
from ..common.numbers import gib
from .augment import Augmentation
from .datasets import Dataset, load_into_memory, open_dataset
from .free_memory import free_memory
from .split import stratified_split
from .streams import BatchStream, Placement
from .types import Part, Progress
from .workers import worker_count

if TYPE_CHECKING:
    from ..config.shared import DataConfig

__all__ = ["PlacedData", "Reserve", "open_part"]

MAX_ON_DEVICE_BYTES = 4 * 2**30  # decoded; larger data sets are streamed by default
MAX_SHARE_OF_FREE = 0.5  # of the free memory: the network needs the rest

Reserve = Callable[[Dataset], int]  # data set → bytes that everything else needs


@dataclass(frozen=True, kw_only=True)
class PlacedData:
    """A part and its placement. ``reason`` says where the images are and why; ``indices`` are those in use."""

    dataset: Dataset
    indices: Tensor
    placement: Placement
    reason: str
    config: DataConfig
    device: torch.device
    memory_format: torch.memory_format

    def split(self, shares: list[float], seed: int) -> list[Tensor]:
        """Split ``indices`` into disjoint parts, each with its share of each class."""
        parts = stratified_split(self.dataset.labels[self.indices], shares, seed)
        return [self.indices[part] for part in parts]

    def stream(
        self, name: str, indices: Tensor, *, batch_size: int, batch_key: str, seed: int, streams: int
    ) -> BatchStream:
        """Return an endless stream of augmented batches of ``indices``, one of ``streams`` that share the CPU."""
        config = self.config
        return BatchStream(
            dataset=self.dataset,
            indices=indices,
            batch_size=batch_size,
            batch_key=batch_key,
            seed=seed,
            name=name,
            augmentation=Augmentation(
                crop_padding=config.crop_padding,
                flip=config.flip,
                cutout=config.cutout,
                color_jitter=config.color_jitter,
            ),
            device=self.device,
            placement=self.placement,
            workers=worker_count(config.workers, len(indices), streams=streams),
            memory_format=self.memory_format,
        )


def open_part(
    config: DataConfig,
    part: Part,
    *,
    seed: int,
    device: torch.device,
    memory_format: torch.memory_format = torch.contiguous_format,
    download: bool = False,
    progress: Progress | None = None,
    reserve: Reserve | None = None,
) -> PlacedData:
    """Open one part; of the training part only the configured portion is used.

    The portion depends on ``seed`` alone. ``reserve`` returns how many bytes the images must leave free. Raises
    ``UsageError`` if the data is missing or invalid, ``RunFailed`` if a download fails.
    """
    dataset = open_dataset(
        config.dataset,
        path=config.path,
        part=part,
        image_size=config.image_size,
        classes=config.classes,
        images=config.images,
        download=download,
        progress=progress,
    )
    _check_sides(config, dataset)
    reserved = 0 if reserve is None else reserve(dataset)
    placement, reason = _choose_placement(config.placement, dataset, device, reserved)
    if placement == "device":
        dataset = load_into_memory(dataset, workers=config.workers, progress=progress)
        assert isinstance(dataset.images, Tensor)
        dataset = replace(dataset, images=dataset.images.to(device))
    indices = torch.arange(len(dataset))
    if part == "train" and config.portion < 1:
        (indices,) = stratified_split(dataset.labels, [config.portion], seed)
    return PlacedData(
        dataset=dataset,
        indices=indices,
        placement=placement,
        reason=reason,
        config=config,
        device=device,
        memory_format=memory_format,
    )


def _check_sides(config: DataConfig, dataset: Dataset) -> None:
    """Check the crop and cutout against the image size, which the configuration doesn't know."""
    side = min(dataset.shape[1:])
    for name in ("crop_padding", "cutout"):
        if getattr(config, name) >= side:
            raise UsageError(
                f"data.{name} = {getattr(config, name)} could blank out images of {side} pixels",
                [f"use less than {side}, for example --set data.{name}=0"],
            )


def _choose_placement(
    requested: str, dataset: Dataset, device: torch.device, reserved: int
) -> tuple[Placement, str]:
    size = dataset.decoded_bytes
    free = _free_memory(device)
    left = max(min(free, free_memory(device) - reserved), 0)
    if requested == "device":
        if size > left:
            reserve_note = f", of which the network needs {gib(reserved)}" if reserved else ""
            raise UsageError(
                f"data.placement = device: the images take {gib(size)} decoded, {gib(free)} are free{reserve_note}",
                ["use --set data.placement=stream, or a smaller data.image_size"],
            )
        return "device", f"in the memory of {device}, {gib(size)} decoded (as configured)"
    if requested == "stream":
        return "stream", "streamed (as configured)"
    if size > MAX_ON_DEVICE_BYTES:
        return "stream", f"streamed: {gib(size)} decoded, more than {gib(MAX_ON_DEVICE_BYTES)}"
    if size > MAX_SHARE_OF_FREE * free:
        return "stream", f"streamed: {gib(size)} decoded, more than half of the free {gib(free)}"
    if size > left:
        return (
            "stream",
            f"streamed: {gib(size)} decoded, more than the {gib(left)} that the network leaves free",
        )
    return "device", f"in the memory of {device}, {gib(size)} decoded"


def _free_memory(device: torch.device) -> int:
    """Return the bytes free on the host, where images are decoded, or on the device, whichever is less."""
    return min(free_memory(torch.device("cpu")), free_memory(device))
