"""The time spent in each part of a step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch

__all__ = ["Clock", "synchronise"]

Value = TypeVar("Value")


def synchronise(device: torch.device) -> None:
    """Wait until the device has finished all queued work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


class Clock:
    """Sums seconds by part while it runs; a nested part does not count for the outer one.

    Each change of part waits for the device, unlike a normal step: measure whole steps while the clock is stopped.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._running = False
        self._stack: list[str] = []

    def measure(self, work: Callable[[], object], rest: str) -> dict[str, float]:
        """Return seconds by part of ``work``; time in no other part counts as ``rest``."""
        self.seconds: dict[str, float] = {}
        synchronise(self._device)
        self._since, self._stack, self._running = time.perf_counter(), [rest], True
        try:
            work()
            self._charge()
        finally:
            self._running = False
        return self.seconds

    def wrap(self, owner: object, methods: dict[str, str]) -> None:
        """Time these methods of ``owner`` as parts: method → part."""
        for method, part in methods.items():
            setattr(owner, method, self.timed(part, getattr(owner, method)))

    def timed(self, part: str, function: Callable[..., Value]) -> Callable[..., Value]:
        """Return ``function``, timed as ``part``."""

        def call(*args: Any, **kwargs: Any) -> Value:
            self._enter(part)
            try:
                return function(*args, **kwargs)
            finally:
                self._leave()

        return call

    def timed_iterator(self, part: str, values: Iterator[Value]) -> Iterator[Value]:
        """Yield ``values``, with the time of each counted as ``part``."""
        take_next = self.timed(part, lambda: next(values))
        while True:
            try:
                value = take_next()
            except StopIteration:
                return
            yield value

    def _enter(self, part: str) -> None:
        if self._running:
            self._charge()
            self._stack.append(part)

    def _leave(self) -> None:
        if self._running:
            self._charge()
            self._stack.pop()

    def _charge(self) -> None:
        synchronise(self._device)
        now = time.perf_counter()
        part = self._stack[-1]
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self._since
        self._since = now
