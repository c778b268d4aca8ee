"""For how much of a step a GPU does something: the rest of the time it waits for the host."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch.profiler import ProfilerActivity, profile

from .parts import synchronise

__all__ = ["busy_seconds", "covered"]


def busy_seconds(take: Callable[[int], None], steps: int, device: torch.device) -> float | None:
    """Seconds a step in which ``device`` runs kernels or copies; None if it isn't a CUDA device.

    The profiler slows the host down, but not the kernels: set this against steps that it didn't watch.
    """
    if device.type != "cuda":
        return None
    synchronise(device)
    with profile(activities=[ProfilerActivity.CUDA]) as watched:
        take(steps)
        synchronise(device)
    events = watched.events() or ()
    spans = (
        (event.time_range.start, event.time_range.end)  # microseconds
        for event in events
        if event.device_type.name == "CUDA"
    )
    return covered(spans) / 1e6 / steps


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """The time that lies in any of the ``spans`` (start, end)."""
    total, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(end - max(start, until), 0.0)
        until = max(until, end)
    return total
