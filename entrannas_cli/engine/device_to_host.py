"""Copies of values from the device to the host."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

__all__ = ["CudaCopy", "DeferredCopy", "PendingCopy", "copy_out"]


class PendingCopy(ABC):
    """A table (rows, columns) that is being copied."""

    @abstractmethod
    def arrived(self) -> bool:
        """Return whether :meth:`rows` would return without waiting."""

    @abstractmethod
    def rows(self) -> list[list[float]]:
        """Return the values, waiting for the device if they have not arrived yet."""


class DeferredCopy(PendingCopy):
    """Copied on request: for the CPU, where nothing is awaited, and MPS, which always waits."""

    def __init__(self, values: Tensor) -> None:
        self._values = values

    def arrived(self) -> bool:
        """Return True: nothing is gained by waiting."""
        return True

    def rows(self) -> list[list[float]]:
        """Return the values."""
        rows: list[list[float]] = self._values.tolist()
        return rows


class CudaCopy(PendingCopy):
    """Copied asynchronously by the device into page-locked memory."""

    def __init__(self, values: Tensor) -> None:
        self._host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
        self._host.copy_(values, non_blocking=True)
        self._done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self._done.record(torch.cuda.current_stream(values.device))

    def arrived(self) -> bool:
        """Return whether the device has finished the copy."""
        return bool(self._done.query())  # type: ignore[no-untyped-call]

    def rows(self) -> list[list[float]]:
        """Return the values, waiting for the device."""
        self._done.synchronize()
        rows: list[list[float]] = self._host.tolist()
        return rows


def copy_out(values: Tensor) -> PendingCopy:
    """Start to copy ``values`` (rows, columns); on CUDA without waiting for the device."""
    return CudaCopy(values) if values.device.type == "cuda" else DeferredCopy(values)
