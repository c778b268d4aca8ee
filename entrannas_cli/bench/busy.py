"""The fraction of the step that the GPU is busy; for the rest it waits for the host."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch.profiler import ProfilerActivity, profile

from .parts import synchronise

__all__ = ["busy_seconds", "covered"]


def busy_seconds(take: Callable[[int], None], steps: int, device: torch.device) -> float | None:
    """Return the seconds per step in which ``device`` runs kernels or copies; None if it is not a CUDA device.

    The profiler slows down the host but not the kernels: compare this with steps taken without it.
    """
    if device.type != "cuda":
        return None
    synchronise(device)
    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        take(steps)
        synchronise(device)
    events = profiler.events() or ()
    spans = (
        (event.time_range.start, event.time_range.end)  # microseconds
        for event in events
        if event.device_type.name == "CUDA"
    )
    return covered(spans) / 1e6 / steps


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """Return the time covered by any of the ``spans`` (start, end)."""
    total, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(end - max(start, until), 0.0)
        until = max(until, end)
    return total
