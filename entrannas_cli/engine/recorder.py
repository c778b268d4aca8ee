"""Writes the rows of steps to disk, without waiting for the device in each step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

from ..store.session import RunSession
from .device import Compute, memory_in_use
from .device_to_host import PendingCopy, copy_out
from .observer import Observer, Row

__all__ = ["LoopProgress", "NotFinite", "StepRecorder"]

FLUSH_INTERVAL_S = 0.25  # seconds, on a GPU: reading a value waits for the device

Unpack = Callable[[list[float]], Row]


class NotFinite(Exception):
    """A value, ``what``, that became infinite or NaN in ``step``."""

    def __init__(self, step: int, what: str) -> None:
        super().__init__(f"step {step}: {what} is not finite")


@dataclass
class LoopProgress:
    """The state of a loop: its last step, running sums, and the time spent.

    ``sums`` are the sums of the metrics over ``steps_in_epoch`` steps of the current epoch, of ``images`` images.
    """

    step: int = 0
    steps_in_epoch: int = 0
    images: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    epoch_seconds: float = 0.0
    step_seconds: float = 0.0
    evaluation_seconds: float = 0.0


@dataclass(frozen=True)
class _PendingStep:
    row: Row
    values: torch.Tensor
    unpack: Unpack
    images: int


@dataclass(frozen=True)
class _PendingBatch:
    steps: list[_PendingStep]
    values: PendingCopy


class StepRecorder:
    """Buffers steps and writes their rows: immediately on a CPU, a few times per second on a GPU.

    On a GPU the values of several steps are copied to the host while the next ones run, and their rows are written
    once the copy has arrived; only :meth:`flush` waits for the device.

    ``averaged`` are the keys that an epoch's row averages; ``finite`` those that must be finite, each with a
    description.
    """

    def __init__(
        self,
        session: RunSession,
        observer: Observer,
        progress: LoopProgress,
        compute: Compute,
        *,
        averaged: tuple[str, ...],
        finite: Mapping[str, str],
    ) -> None:
        self._session, self._observer, self._progress = session, observer, progress
        self._averaged, self._finite = averaged, finite
        self._device = compute.device
        self._pending: list[_PendingStep] = []
        self._in_flight: list[_PendingBatch] = []  # at most one, except within :meth:`flush`
        self._interval = 0.0 if compute.device.type == "cpu" else FLUSH_INTERVAL_S
        self.restart_clock()

    def restart_clock(self) -> None:
        """Exclude the time since the last flush: it was not spent on steps."""
        self._clock_start = self._last_send = time.perf_counter()

    def add(self, row: Row, values: torch.Tensor, unpack: Unpack, *, images: int) -> None:
        """Add a step of ``images`` images; write pending rows if it is time. Raises ``NotFinite``.

        ``values`` are still on the device; ``unpack`` turns them into the rest of the row.
        """
        self._pending.append(_PendingStep(row, values, unpack, images))
        if not self._in_flight and time.perf_counter() - self._last_send >= self._interval:
            self._send()
        if self._in_flight and self._in_flight[0].values.arrived():
            self._write()

    def flush(self) -> None:
        """Write all pending rows, waiting for the device.

        Raises ``NotFinite`` after writing the row of the first value that is not finite.
        """
        if self._pending:
            self._send()
        if self._in_flight:
            self._write()

    def _send(self) -> None:
        steps, self._pending = self._pending, []
        self._in_flight.append(_PendingBatch(steps, copy_out(torch.stack([step.values for step in steps]))))
        self._last_send = time.perf_counter()

    def _write(self) -> None:
        batches, self._in_flight = self._in_flight, []
        values = [step_values for batch in batches for step_values in batch.values.rows()]
        pending = [step for batch in batches for step in batch.steps]
        now = time.perf_counter()
        seconds, self._clock_start = now - self._clock_start, now
        self._progress.step_seconds += seconds
        self._progress.epoch_seconds += seconds
        images = sum(step.images for step in pending)
        self._progress.images += images
        speed = {"images_per_second": images / seconds, "memory_mb": memory_in_use(self._device)}
        for step, step_values in zip(pending, values, strict=True):
            row = {**step.row, **step.unpack(step_values), **speed}
            self._session.write_step(row)
            self._observer.step({"kind": "step", **row})
            self._accumulate(row)
            for key, description in self._finite.items():
                if row[key] is not None and not math.isfinite(row[key]):
                    raise NotFinite(row["step"], description)

    def _accumulate(self, row: Row) -> None:
        self._progress.steps_in_epoch += 1
        for key in self._averaged:
            if row[key] is not None:
                self._progress.sums[key] = self._progress.sums.get(key, 0.0) + row[key]

    def epoch_means(self) -> Row:
        """Return the means over the steps since the last call, with time and speed, and start the next epoch."""
        state = self._progress
        means: Row = {
            key: state.sums[key] / state.steps_in_epoch if key in state.sums else None
            for key in self._averaged
        }
        means |= {
            "seconds": state.epoch_seconds,
            "images_per_second": state.images / max(state.epoch_seconds, 1e-9),
            "memory_mb": memory_in_use(self._device),
        }
        state.sums, state.steps_in_epoch, state.images = {}, 0, 0
        state.epoch_seconds = 0.0
        return means
