"""The loops of real searches and trainings, one step at a time."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from ..config.base import with_values
from ..engine.device import Compute
from ..engine.loop import Loop
from ..engine.observer import Row
from ..engine.recorder import StepRecorder
from ..engine.search.loop import SearchLoop
from ..engine.train.loop import TrainLoop
from .busy import busy_seconds
from .case import Case
from .counting import Work, count_work, work_at
from .memory import PeakMemory
from .parts import Clock, synchronise

__all__ = ["LoopSubject", "SteppedSearch", "SteppedTraining", "Steps", "peak_bytes", "settings_of"]

WATCHED_STEPS = 5  # steps with the profiler, on a GPU
RECORDING = "recording"  # rows, files, and everything that is in no other part


class Steps(ABC):
    """A subject that takes steps, and times whole steps and one by parts.

    The cost of steps repeats after ``cycle`` of them, so a round takes ``cycle`` times the requested number.
    """

    device: torch.device
    cycle = 1

    @abstractmethod
    def take(self, count: int) -> None:
        """Take the next ``count`` steps, without waiting for the device at the end."""

    @abstractmethod
    def take_by_parts(self) -> dict[str, float]:
        """Take the next step and return its seconds by part."""

    def state(self) -> dict[str, Any]:
        """Return values that change from step to step."""
        return {}

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Return everything else to report, after all steps."""

    def answer(self, question: str, count: int) -> dict[str, Any]:
        """Answer as described in :class:`entrannas_cli.bench.remote.Subject`."""
        if question == "facts":
            return self.facts()
        count *= self.cycle if question == "round" else 1
        synchronise(self.device)
        begun = time.perf_counter()
        self.take(count)
        synchronise(self.device)
        answer: dict[str, Any] = {"seconds": (time.perf_counter() - begun) / count, **self.state()}
        return answer | ({"parts": self.take_by_parts()} if question == "round" else {})


def peak_bytes(memory: PeakMemory, device: torch.device) -> int:
    """Return the peak since ``memory`` was created: of tensors on a GPU, otherwise of the process."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else memory.bytes


def settings_of(compute: Compute) -> dict[str, Any]:
    """Return precision, memory format and threads, for the report."""
    return {
        "precision": compute.precision,
        "memory_format": str(compute.memory_format).removeprefix("torch."),
        "threads": compute.threads,
    }


class _Stepped(Loop):  # type: ignore[type-arg]
    """A run's loop, step by step; ``last`` is the row of the last step."""

    last: Row

    @contextmanager
    def opened(self, clock: Clock) -> Generator[None]:
        """Allow steps to be taken, with the fetching of batches timed by ``clock``."""
        self._clock = clock
        self._recorder = StepRecorder(
            self.session,
            self.observer,
            self.state,
            self.compute,
            averaged=self.averaged,
            finite=self.finite,
        )
        with closing(self._batches(self.state.step)) as batches:
            self._timed = clock.timed_iterator("data", batches)
            yield

    def take(self, count: int) -> None:
        """Take the next ``count`` steps."""
        for _ in range(count):
            self.last = self._take_step(self.state.step + 1, next(self._timed), self._recorder)
            self.state.step += 1

    def checkpoint(self) -> tuple[float, int]:
        """Write a checkpoint; return the seconds that took, and its bytes."""
        begun = time.perf_counter()
        path = self.session.save_checkpoint(self.state.step, self._save)
        return time.perf_counter() - begun, path.stat().st_size

    def take_by_parts(self) -> dict[str, float]:
        """Take the next step and return its seconds by part."""

        def step() -> None:
            self.take(1)
            self._recorder.flush()

        return self._clock.measure(step, RECORDING)


class SteppedSearch(_Stepped, SearchLoop):
    """The loop of a search."""


class SteppedTraining(_Stepped, TrainLoop):
    """The loop of a training."""


class LoopSubject(Steps):
    """A subject that takes the steps of a run's loop."""

    def __init__(
        self, case: Case, loop: SteppedSearch | SteppedTraining, cells: str, memory: PeakMemory
    ) -> None:
        self.case, self.loop, self.cells, self.memory = case, loop, cells, memory
        self.device = loop.compute.device

    @abstractmethod
    def build(self, config: Any, compute: Compute) -> Callable[[Tensor, Tensor], object]:
        """Return the step of a new run of ``config``, for a batch of images and labels."""

    @abstractmethod
    def own_facts(self) -> dict[str, Any]:
        """Return additional values to report for this kind of run."""

    def take(self, count: int) -> None:
        self.loop.take(count)

    def take_by_parts(self) -> dict[str, float]:
        return self.loop.take_by_parts()

    def facts(self) -> dict[str, Any]:
        peak = peak_bytes(self.memory, self.device)  # first, because the rest takes memory too
        busy = busy_seconds(self.take, WATCHED_STEPS, self.device)
        seconds, size = self.loop.checkpoint()
        own = self.own_facts()
        settings = {
            **own.pop("settings"),
            "image": self.loop.data.dataset.shape,
            **settings_of(self.loop.compute),
        }
        return {
            "peak_memory_bytes": peak,
            "busy_seconds_per_step": busy,
            "checkpoint": {"seconds": seconds, "bytes": size},
            "work": asdict(self._work(settings["batch_size"])),
            "cells": self.cells,
            "settings": settings,
            **own,
        }

    def _work(self, batch_size: int) -> Work:
        """Count the multiply-adds of the plain layers, and the bytes of the layers in use."""
        measured, shape = self.loop.compute, self.loop.data.dataset.shape
        compute = Compute(torch.device("cpu"), measured.precision, measured.memory_format, measured.threads)

        def count(size: int, config: Any) -> Work:
            step = self.build(config, compute)
            images = torch.randn(size, *shape).contiguous(memory_format=compute.memory_format)
            labels = torch.zeros(size, dtype=torch.int64)
            return count_work(lambda: [step(images, labels) for _ in range(self.cycle)])

        config = self.loop.config
        plain = with_values(config, {"device": {"fast_layers": False}})
        needed = work_at(batch_size, lambda size: count(size, plain))
        moved = work_at(batch_size, lambda size: count(size, config))
        return Work(*(total // self.cycle for total in (needed.forward, needed.backward, moved.bytes)))
