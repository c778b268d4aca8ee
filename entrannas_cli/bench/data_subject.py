"""The data of a search as a subject: it only fetches the two batches of each step."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import Any

from ..data.search_data import SearchData, open_search_data
from ..data.streams import Batch
from ..engine.device import Compute, resolve_compute
from .case import Case, search_config
from .memory import PeakMemory
from .parts import Clock
from .stepping import Steps, peak_bytes, settings_of

__all__ = ["DataSubject", "open_data"]


class DataSubject(Steps):
    """A subject that fetches one batch from each half of the images per step."""

    def __init__(
        self,
        case: Case,
        data: SearchData,
        compute: Compute,
        streams: tuple[Iterator[Batch], Iterator[Batch]],
        memory: PeakMemory,
    ) -> None:
        self.case, self.data, self.compute, self.memory = case, data, compute, memory
        self.device = compute.device
        self.streams = streams

    def take(self, count: int) -> None:
        for _ in range(count):
            for stream in self.streams:
                next(stream)

    def take_by_parts(self) -> dict[str, float]:
        return Clock(self.device).measure(lambda: self.take(1), "data")

    def facts(self) -> dict[str, Any]:
        config, _ = search_config(self.case)
        return {
            "peak_memory_bytes": peak_bytes(self.memory, self.device),
            "images_per_step": 2 * config.search.batch_size,
            "settings": {
                "preset": config.preset,
                "dataset": config.data.dataset,
                "images": len(self.data.dataset),
                "batch_size": config.search.batch_size,
                "workers": self.data.weights.workers if self.data.placement == "stream" else 0,
                "image": self.data.dataset.shape,
                **settings_of(self.compute),
            },
        }


@contextmanager
def open_data(case: Case) -> Generator[DataSubject]:
    """Open the data as a search does. Raises ``UsageError`` for missing data."""
    config, _ = search_config(case)
    compute = resolve_compute(config.device)
    memory = PeakMemory()
    data = open_search_data(
        config.data,
        seed=config.seed,
        device=compute.device,
        batch_size=config.search.batch_size,
        memory_format=compute.memory_format,
    )
    with closing(data.weights.iterate(0)) as first, closing(data.architecture.iterate(0)) as second:
        yield DataSubject(case, data, compute, (first, second), memory)
