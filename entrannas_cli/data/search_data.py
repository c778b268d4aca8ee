"""What a search learns from: the training part, split, placed and served as two streams."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import psutil
import torch
from torch import Tensor

from ..errors import UsageError
from .augment import Augmentation
from .datasets import Dataset, Progress, load_into_memory, open_dataset
from .loading import worker_count
from .split import stratified_split
from .streams import BatchStream, Placement

if TYPE_CHECKING:
    from ..config.schema import SearchDataConfig

__all__ = ["SearchData", "open_search_data"]

GIB = 2**30
LARGEST_ON_DEVICE = 4 * GIB  # decoded; larger sets are streamed unless asked otherwise
SHARE_OF_FREE = 0.5  # of the memory that is free: the network needs the rest


@dataclass(frozen=True, kw_only=True)
class SearchData:
    """Two endless streams over disjoint halves (as configured) of the training part.

    ``weights_indices`` and ``architecture_indices`` are theirs, for ``evaluation_batches``; ``placement_reason``
    says in a sentence where the images are and why.
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
) -> SearchData:
    """Opens the training part (never the test part), takes the configured portion, and splits it by class.

    Portion and split depend on ``seed`` alone, the batches besides on their numbers. Raises ``UsageError`` for
    data that isn't there or isn't right, ``RunFailed`` if a download fails.
    """
    dataset = open_dataset(
        config.dataset,
        path=config.path,
        image_size=config.image_size,
        classes=config.classes,
        images=config.images,
        download=download,
        progress=progress,
    )
    _check_sides(config, dataset)
    placement, reason = _placed(config.placement, dataset, device)
    if placement == "device":
        dataset = load_into_memory(dataset, workers=config.workers, progress=progress)
        assert isinstance(dataset.images, Tensor)
        dataset = replace(dataset, images=dataset.images.to(device))

    indices = torch.arange(len(dataset))
    if config.portion < 1:
        (indices,) = stratified_split(dataset.labels, [config.portion], seed)
    parts = stratified_split(dataset.labels[indices], [config.weights_share, config.architecture_share], seed)

    def stream(name: str, part: Tensor) -> BatchStream:
        return BatchStream(
            dataset=dataset,
            indices=indices[part],
            batch_size=batch_size,
            seed=seed,
            name=name,
            augmentation=Augmentation(
                crop_padding=config.crop_padding, flip=config.flip, cutout=config.cutout
            ),
            device=device,
            placement=placement,
            workers=worker_count(config.workers, len(part), streams=2),
            memory_format=memory_format,
        )

    weights, architecture = stream("weights", parts[0]), stream("architecture", parts[1])
    return SearchData(
        dataset=dataset,
        weights=weights,
        architecture=architecture,
        weights_indices=weights.indices,
        architecture_indices=architecture.indices,
        placement=placement,
        placement_reason=reason,
    )


def _check_sides(config: SearchDataConfig, dataset: Dataset) -> None:
    """The configuration alone can't know the size of a folder's images."""
    side = min(dataset.shape[1:])
    for name in ("crop_padding", "cutout"):
        if getattr(config, name) >= side:
            raise UsageError(
                f"data.{name} = {getattr(config, name)} could blank images of {side} pixels altogether",
                [f"take less than {side}: --set data.{name}=0"],
            )


def _placed(asked: str, dataset: Dataset, device: torch.device) -> tuple[Placement, str]:
    size = dataset.decoded_bytes
    free = _free_memory(device)
    if asked == "device":
        if size > free:
            raise UsageError(
                f"data.placement = device: the images take {_gib(size)} decoded, and {_gib(free)} are free",
                ["take --set data.placement=stream, or a smaller data.image_size"],
            )
        return "device", f"in the memory of {device}, {_gib(size)} decoded (as configured)"
    if asked == "stream":
        return "stream", "streamed (as configured)"
    if size > LARGEST_ON_DEVICE:
        return "stream", f"streamed: {_gib(size)} decoded, more than {_gib(LARGEST_ON_DEVICE)}"
    if size > SHARE_OF_FREE * free:
        return "stream", f"streamed: {_gib(size)} decoded, more than half of the {_gib(free)} that are free"
    return "device", f"in the memory of {device}, {_gib(size)} decoded"


def _free_memory(device: torch.device) -> int:
    """Bytes that are free on the host and on the device, the smaller of both."""
    host = psutil.virtual_memory().available
    if device.type == "cuda":
        return min(host, torch.cuda.mem_get_info(device)[0])
    return host  # the CPU's own, and MPS shares it


def _gib(size: int) -> str:
    return f"{size / GIB:.2f} GiB" if size >= GIB / 10 else f"{size / 2**20:.1f} MiB"
