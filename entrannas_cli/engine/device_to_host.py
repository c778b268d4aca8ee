"""Values on their way from the device to the host."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

__all__ = ["CudaCopy", "DeferredCopy", "PendingCopy", "copy_out"]


class PendingCopy(ABC):
    """A table (rows, columns) that is being copied."""

    @abstractmethod
    def arrived(self) -> bool:
        """Whether :meth:`rows` would return at once."""

    @abstractmethod
    def rows(self) -> list[list[float]]:
        """The values; waits for the device if they aren't there yet."""


class DeferredCopy(PendingCopy):
    """Copied when asked for: where a copy waits for nothing (CPU), or can't be had without waiting (MPS)."""

    def __init__(self, values: Tensor) -> None:
        self._values = values

    def arrived(self) -> bool:
        """Always: nothing is gained by waiting."""
        return True

    def rows(self) -> list[list[float]]:
        """The values."""
        found: list[list[float]] = self._values.tolist()
        return found


class CudaCopy(PendingCopy):
    """Copied by the device itself into page-locked memory, once it gets there."""

    def __init__(self, values: Tensor) -> None:
        self._host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
        self._host.copy_(values, non_blocking=True)
        self._done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self._done.record(torch.cuda.current_stream(values.device))

    def arrived(self) -> bool:
        """Whether the device got there."""
        return bool(self._done.query())  # type: ignore[no-untyped-call]

    def rows(self) -> list[list[float]]:
        """The values, waited for."""
        self._done.synchronize()
        found: list[list[float]] = self._host.tolist()
        return found


def copy_out(values: Tensor) -> PendingCopy:
    """Begins to copy ``values`` (rows, columns); on CUDA without waiting for the device."""
    return CudaCopy(values) if values.device.type == "cuda" else DeferredCopy(values)
