"""Estimate the time a run has left, from the times in its step rows."""

from __future__ import annotations

from itertools import pairwise

from ...common.numbers import duration
from ...monitor.run_metrics import RunMetrics
from ...store.status import Status

__all__ = ["left_text", "seconds_left"]

MAX_STEPS = 300  # steps considered
MIN_STEPS = 4  # steps needed for an estimate


def seconds_left(metrics: RunMetrics, status: Status) -> float | None:
    """Return the seconds left at the pace of this attempt's last steps, with evaluations; None if unknown."""
    times = metrics.series("step", "time")
    count = len(times)
    points = [
        (times.x[n], times.y[n])
        for n in range(max(count - MAX_STEPS, 0), count)
        if times.y[n] >= status.started  # the pause between two attempts doesn't count
    ]
    elapsed = sum(later[1] - earlier[1] for earlier, later in pairwise(points) if later[1] > earlier[1])
    if len(points) < MIN_STEPS or elapsed <= 0 or not status.steps:
        return None
    pace = elapsed / (points[-1][0] - points[0][0])
    return max(status.steps - max(points[-1][0], status.step), 0) * pace


def left_text(metrics: RunMetrics, status: Status) -> str:
    """Return ``4m10s left``, or why that is unknown."""
    if status.state == "completed":
        took = status.ended - status.started
        return f"took {duration(took)}" if status.ended and status.started and took >= 0 else "done"
    if status.state != "running":
        return "not running"
    if not status.steps:
        return "time left: unknown number of steps"
    left = seconds_left(metrics, status)
    return "time left: known after some steps" if left is None else f"{duration(left)} left"
