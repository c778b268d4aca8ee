"""Record the device work of a function, so that it can be replayed without calling the function.

On a GPU a step of a search or a training launches thousands of short kernels, and launching them takes longer than
running them. A recording is launched as a whole.
"""

from __future__ import annotations

import gc
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

__all__ = ["Capture", "CudaCapture"]

Result = TypeVar("Result")
Replay = Callable[[], None]


class Capture(ABC):
    """Records functions without arguments, which read and write tensors at fixed addresses.

    A recorded function must not read values on the host, nor depend on host state that may change. Random numbers
    come from the device's generator and are new in each replay. The result and the gradients are in memory that all
    recordings share: they are valid until another recording is replayed. A parameter without a gradient in the
    recording has none in a replay.
    """

    @abstractmethod
    def warm_up(self, function: Callable[[], Result]) -> Result:
        """Call ``function`` as it will be recorded, so that libraries choose kernels and allocate workspaces."""

    @abstractmethod
    def record(self, function: Callable[[], Result]) -> tuple[Replay, Result]:
        """Record ``function`` without running it on the device; return the replay and the result that it fills.

        Raises whatever the function raises, and ``RuntimeError`` if it cannot be recorded.
        """


class CudaCapture(Capture):
    """Captures CUDA graphs on one stream, with one memory pool."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def warm_up(self, function: Callable[[], Result]) -> Result:
        """Call ``function`` on the recording's stream.

        Kernel workspaces and autograd's gradient accumulators belong to a stream.
        """
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream), warnings.catch_warnings():
            # an optimiser warns that it isn't captured: it will be
            warnings.filterwarnings("ignore", "This instance was constructed with capturable=True")
            result = function()
        current.wait_stream(self._stream)
        return result

    def record(self, function: Callable[[], Result]) -> tuple[Replay, Result]:
        """Capture ``function`` as a CUDA graph; other threads, such as those that pin batches, keep running."""
        graph = torch.cuda.CUDAGraph()
        with (
            # after a failed capture torch leaves its own stream current
            torch.cuda.stream(torch.cuda.current_stream(self._device)),
            _without_collection(),  # freeing a graph, an event or memory would break the capture
            torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"),
        ):
            result = function()
        return graph.replay, result


@contextmanager
def _without_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
