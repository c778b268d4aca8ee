"""Reads batches of images from their files in worker processes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.utils import data

from ..common.errors import RunFailed, UsageError
from .folder import ImageFiles

__all__ = ["BatchRequest", "read_batches", "worker_count"]

MAX_WORKERS = 16
IMAGES_PER_WORKER = 1000  # below this another process costs more than it gains


class BatchRequest(NamedTuple):
    """A request for the images ``indices`` (B,) int64, with random crops ``windows`` (B, 4) if given.

    ``moves`` and ``colors`` are passed through and returned with the batch.
    """

    indices: Tensor
    windows: Tensor | None = None
    moves: Tensor | None = None
    colors: Tensor | None = None


def worker_count(requested: int, images: int, streams: int = 1) -> int:
    """Return the number of worker processes: ``requested``, or for -1 a default; 0 reads in this process.

    The default depends on the number of processors, shared by ``streams``, and the number of ``images``.
    """
    if requested >= 0:
        return requested
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MAX_WORKERS, max(1, processors // streams), images // IMAGES_PER_WORKER)


def read_batches(
    images: ImageFiles | Tensor, requests: Iterable[BatchRequest], *, workers: int, pin: bool = False
) -> Iterator[tuple[Tensor, BatchRequest]]:
    """Yield the images (B, C, H, W) uint8 of each request, in order, in host memory (``pin``: page-locked).

    ``requests`` may be endless; this process draws them, a few ahead. Raises ``UsageError`` that names an
    unreadable image, ``RunFailed`` if a worker dies. Closing the iterator ends the workers.
    """
    loader = data.DataLoader(
        _Reader(images),
        batch_size=None,
        # as arrays: each tensor would take a file descriptor on its way to a worker
        sampler=cast(Any, (BatchRequest(*(_to_numpy(field) for field in request)) for request in requests)),
        num_workers=workers,
        pin_memory=pin,
        worker_init_fn=_begin_worker,
        generator=torch.Generator(),  # otherwise the loader draws from the global one
    )
    try:
        for batch, request in loader:
            if isinstance(batch, UsageError):
                raise batch
            yield batch, request
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise RunFailed(
            f"a worker process that reads images died: {error}",
            ["it may have run out of memory: try fewer workers, --set data.workers=1"],
        ) from error


class _Reader(data.Dataset[Any]):
    def __init__(self, images: ImageFiles | Tensor) -> None:
        self.images = images

    def __getitem__(self, request: Any) -> tuple[Any, BatchRequest]:
        """Return the images, or the error: the loader would wrap a raised one. Arrays come back as tensors."""
        if isinstance(self.images, Tensor):
            return self.images.index_select(0, torch.from_numpy(request.indices)), request
        try:
            return self.images.read(request.indices, request.windows), request
        except UsageError as error:
            return error, request


def _to_numpy(field: Tensor | None) -> Any:
    return None if field is None else field.numpy()


def _begin_worker(worker: int) -> None:
    # Ctrl-C, or a signal to the process group, is for the run, which still needs its workers to finish the step
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setpgrp"):
        os.setpgrp()
    # the run's stderr may be a view whose locks were held at the fork; errors are returned as values
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 (for the life of the process)
