"""Recording what a function has the device do, to have it done again without the function.

On a GPU the steps of a search or a training are some thousands of short kernels: launching them takes longer than
they do. A recording is launched as a whole.
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
    """How functions without arguments are recorded. They work on tensors that stay where they are.

    A recorded function must read nothing on the host, and depend on nothing there that may change; random numbers
    come from the device's generator, and are new in each replay. What it returns, and the gradients that it leaves,
    are in memory that all recordings share: it holds until another one is replayed. Of a parameter that had no
    gradient in the recording there is none in a replay.
    """

    @abstractmethod
    def warm_up(self, function: Callable[[], Result]) -> Result:
        """Calls ``function`` as it would be recorded: libraries choose kernels and take workspace now."""

    @abstractmethod
    def record(self, function: Callable[[], Result]) -> tuple[Replay, Result]:
        """Records ``function`` without the device doing anything; what it returns is filled by each replay.

        Raises whatever the function raises, and ``RuntimeError`` for what can't be recorded.
        """


class CudaCapture(Capture):
    """CUDA graphs, in one memory pool, from one stream."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def warm_up(self, function: Callable[[], Result]) -> Result:
        """On the stream of the recording: kernels' workspaces, and what counts gradients, belong to a stream."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream), warnings.catch_warnings():
            # of an optimiser, that it isn't recorded: it will be
            warnings.filterwarnings("ignore", "This instance was constructed with capturable=True")
            result = function()
        current.wait_stream(self._stream)
        return result

    def record(self, function: Callable[[], Result]) -> tuple[Replay, Result]:
        """A CUDA graph of ``function``. Other threads (such as those that pin batches) go on meanwhile."""
        graph = torch.cuda.CUDAGraph()
        with (
            # torch leaves its own stream the current one after a recording that broke
            torch.cuda.stream(torch.cuda.current_stream(self._device)),
            _without_collection(),  # a graph, an event or memory freed by it would break the recording
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
