"""Endless, resumable streams of training batches, and batches for evaluation."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from ..common.errors import UsageError
from .augment import Augmentation, augment, channel_constants, draw_moves, normalise, to_device
from .datasets import Dataset
from .jitter import draw_jitter, jitter
from .split import generator_for
from .workers import BatchRequest, read_batches, worker_count

__all__ = ["Batch", "BatchStream", "Placement", "evaluation_batches"]

Placement = Literal["device", "stream"]


class Batch(NamedTuple):
    """``images`` (B, C, H, W) float32, normalised; ``labels`` (B,) int64; both on the device."""

    images: Tensor
    labels: Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class BatchStream:
    """An endless stream of batches of the images ``indices`` (n,) of ``dataset``.

    The stream shuffles the images for each pass and cuts the passes into batches of ``batch_size``. A batch may
    hold the end of one pass and the start of the next, so that each image comes once per pass and no batch is
    smaller.
    Batch number ``step`` (from 0), augmentation included, depends for one ``dataset`` on ``seed``, ``name`` and
    ``step`` alone: not on the workers, the device, or the step at which the stream was resumed.

    ``placement`` "device": the images are in the memory of ``device``, and only a few numbers are copied per batch.
    "stream": ``workers`` processes (0: this one) prepare the batches; only then are random crops of large images
    (``dataset.images.image_size``) possible. Raises ``UsageError`` if a batch needs more images than there are.
    """

    dataset: Dataset
    indices: Tensor
    batch_size: int
    seed: int
    name: str
    augmentation: Augmentation
    device: torch.device
    placement: Placement = "device"
    workers: int = 0
    memory_format: torch.memory_format = torch.contiguous_format
    batch_key: str = "search.batch_size"  # configuration key of the batch size, for messages

    def __post_init__(self) -> None:
        if self.batch_size > len(self):
            raise UsageError(
                f"a batch of {self.batch_size} images is more than there are for the {self.name}: {len(self)}",
                [f"use a smaller batch, --set {self.batch_key}={max(len(self), 2)}, or more of the data"],
            )

    @cached_property
    def _labels(self) -> Tensor:
        return self.dataset.labels.to(self.device)

    @cached_property
    def _constants(self) -> Tensor:
        return channel_constants(self.dataset.mean, self.dataset.std, self.device)

    def __len__(self) -> int:
        """Return the number of images per pass."""
        return len(self.indices)

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches that cover each image at least once; the last may extend into the next pass."""
        return -(-len(self) // self.batch_size)

    def iterate(self, start_step: int = 0) -> Generator[Batch]:
        """Yield the batches ``start_step``, ``start_step + 1``, ...; closing it ends its worker processes.

        On CUDA a batch is only queued, so the host never waits.
        """
        requests = self._requests(start_step)
        if self.placement == "device":
            assert isinstance(self.dataset.images, Tensor)
            for request in requests:
                moves = self._moves(request)
                yield self._batch(self.dataset.images.index_select(0, moves[:, 0]), moves, request.colors)
            return
        pin = self.device.type == "cuda"
        for images, request in read_batches(self.dataset.images, requests, workers=self.workers, pin=pin):
            images = images.to(self.device, non_blocking=True)
            yield self._batch(images, self._moves(request), request.colors)

    def _batch(self, images: Tensor, moves: Tensor, colors: Tensor | None) -> Batch:
        images = augment(images, moves[:, 1:], self.augmentation)
        if colors is not None:
            images = jitter(images, colors, self.augmentation)
        images = normalise(
            images, self._constants, self.memory_format, moves[:, 4:], self.augmentation.cutout
        )
        return Batch(images, self._labels.index_select(0, moves[:, 0]))

    def _moves(self, request: BatchRequest) -> Tensor:
        assert request.moves is not None
        return to_device(request.moves, self.device)

    def _requests(self, step: int) -> Iterator[BatchRequest]:
        _, height, width = self.dataset.shape
        number, order = -1, self.indices
        while True:
            first = step * self.batch_size
            chosen: list[Tensor] = []
            while (missing := self.batch_size - sum(map(len, chosen))) > 0:
                at = first + self.batch_size - missing
                if at // len(self) != number:
                    number = at // len(self)
                    order = self._order(number)
                chosen.append(order[at % len(self) :][:missing])
            indices = torch.cat(chosen)
            # always draw all numbers, so that disabling the flip doesn't change the crops
            uniform = torch.rand(
                self.batch_size, 9, generator=generator_for(self.seed, self.name, "augment", step)
            )
            moves = draw_moves(uniform[:, :5], self.augmentation, height, width)
            yield BatchRequest(
                indices, uniform[:, 5:], torch.cat([indices[:, None], moves], 1), self._colors(step)
            )
            step += 1

    def _colors(self, step: int) -> Tensor | None:
        if not any(self.augmentation.color_jitter):
            return None
        generator = generator_for(self.seed, self.name, "colors", step)
        return draw_jitter(torch.rand(self.batch_size, 8, generator=generator), self.augmentation)

    def _order(self, number: int) -> Tensor:
        generator = generator_for(self.seed, self.name, "order", number)
        return self.indices[torch.randperm(len(self), generator=generator)]


def evaluation_batches(
    dataset: Dataset,
    indices: Tensor,
    batch_size: int,
    device: torch.device,
    *,
    workers: int = -1,
    memory_format: torch.memory_format = torch.contiguous_format,
) -> Iterator[Batch]:
    """Yield the images ``indices`` in this order, without augmentation; the last batch may be smaller."""
    labels = dataset.labels.to(device)
    constants = channel_constants(dataset.mean, dataset.std, device)

    def batch(images: Tensor, chosen: Tensor) -> Batch:
        images = normalise(images.to(device, non_blocking=True), constants, memory_format)
        return Batch(images, labels.index_select(0, chosen.to(device)))

    if isinstance(dataset.images, Tensor):
        for chosen in torch.split(indices.to(dataset.images.device), batch_size):
            yield batch(dataset.images.index_select(0, chosen), chosen)
        return
    requests = (BatchRequest(chosen) for chosen in torch.split(indices, batch_size))
    workers = worker_count(workers, len(indices))
    for images, request in read_batches(dataset.images, requests, workers=workers, pin=device.type == "cuda"):
        yield batch(images, request.indices)
