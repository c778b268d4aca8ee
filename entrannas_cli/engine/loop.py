"""The loop shared by searches and trainings: restore, step, write rows and checkpoints."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from ..common.errors import RunFailed, UsageError
from ..store.session import RunSession
from .checkpoint import random_state, restore_newest, restore_random_state, write_checkpoint
from .device import Compute
from .epochs import Epochs
from .identity import check_identity
from .observer import Observer, Row
from .recorder import LoopProgress, NotFinite, StepRecorder

__all__ = ["Loop"]

SECONDS_PER_DAY = 86_400

State = TypeVar("State", bound=LoopProgress)


class Loop(ABC, Generic[State]):
    """Runs steps to the end, or until a stop is requested; writes to ``session`` and notifies ``observer``.

    Each kind of run implements the abstract methods. A checkpoint is written at the end of each epoch, every
    ``checkpoint_minutes`` in between, and before a stop.
    """

    kind: ClassVar[str]
    averaged: ClassVar[tuple[str, ...]]  # metrics that an epoch's row averages
    finite: ClassVar[Mapping[str, str]]  # metrics that must be finite, with a description of each

    def __init__(
        self,
        *,
        session: RunSession,
        observer: Observer,
        compute: Compute,
        epochs: Epochs,
        state: State,
        identity: Mapping[str, str],
        checkpoint_minutes: float,
    ) -> None:
        self.session, self.observer, self.compute = session, observer, compute
        self.epochs, self.state, self.identity = epochs, state, identity
        self._checkpoint_seconds = 60 * checkpoint_minutes

    @abstractmethod
    def _batches(self, step: int) -> Generator[Any]:
        """Yield the batches of each step after ``step``; closing the generator ends the data workers."""

    @abstractmethod
    def _take_step(self, step: int, batches: Any, recorder: StepRecorder) -> Row:
        """Take ``step`` and record it with ``recorder``; return the fields that the epoch's row takes from it."""

    @abstractmethod
    def _end_epoch(self, row: Row) -> None:
        """Evaluate if it is due, write the epoch's row and the summary, notify the observer."""

    @abstractmethod
    def _content(self) -> dict[str, Any]:
        """Return the checkpoint's content, apart from identity and random state."""

    @abstractmethod
    def _load(self, content: Mapping[str, Any]) -> State:
        """Restore that content; return the loop's state. The caller translates torch's errors."""

    @abstractmethod
    def _advice(self) -> str:
        """Return what to change when a loss is not finite."""

    def _after_checkpoint(self, step: int) -> None:
        """Do what follows a checkpoint written after ``step``."""

    def restore(self) -> None:
        """Restore the newest checkpoint, if there ever was one.

        Raises ``RunFailed`` if checkpoints exist but none is usable, ``UsageError`` if the run's identity changed.
        """
        restored = restore_newest(self.session.run, self.kind, self.observer, self._restore_content)
        self.state = restored or self.state

    def _restore_content(self, content: Mapping[str, Any]) -> State:
        check_identity(content["identity"], self.identity)
        state = self._load(content)
        restore_random_state(content["random"], self.compute.device)
        return state

    def run(self) -> bool:
        """Run steps; return whether the end was reached: if not, a stop was requested and a checkpoint written.

        Raises ``RunFailed`` if a loss is not finite or an image cannot be read.
        """
        try:
            with closing(self._batches(self.state.step)) as batches:
                self._steps(batches)
        except NotFinite as error:
            raise self._diverged(error) from None
        except UsageError as error:  # an image, or the folder of images: the run itself can be resumed
            raise RunFailed(error.message, error.details) from error
        return self.state.step >= self.epochs.steps

    def _steps(self, batches: Iterator[Any]) -> None:
        state = self.state
        recorder = StepRecorder(
            self.session, self.observer, state, self.compute, averaged=self.averaged, finite=self.finite
        )
        last_save = time.monotonic()
        stop = self.session.stop_requested
        for step in range(state.step + 1, self.epochs.steps + 1):
            if stop:
                return
            fields = self._take_step(step, next(batches), recorder)
            state.step = step
            ends_epoch = self.epochs.ends_epoch(step)
            if ends_epoch:
                recorder.flush()
                self._end_epoch({**fields, **recorder.epoch_means()})
                recorder.restart_clock()
            stop = self.session.stop_requested  # read only once, so that a stop always has its checkpoint
            if ends_epoch or stop or time.monotonic() - last_save >= self._checkpoint_seconds:
                recorder.flush()
                self.session.save_checkpoint(step, self._save)
                self._after_checkpoint(step)
                recorder.restart_clock()
                last_save = time.monotonic()

    def _save(self, path: Path) -> None:
        content = {"identity": dict(self.identity), "random": random_state(self.compute.device)}
        write_checkpoint(path, self.kind, content | self._content())

    def cost(self, key: str) -> Row:
        """Return the seconds of the steps, as ``key``, and of the evaluations, and on a GPU the GPU-days."""
        cost: Row = {key: self.state.step_seconds, "evaluation_seconds": self.state.evaluation_seconds}
        if self.compute.device.type == "cuda":
            cost["gpu_days"] = self.state.step_seconds / SECONDS_PER_DAY
        return cost

    def _diverged(self, error: NotFinite) -> RunFailed:
        checkpoints = self.session.run.checkpoints()
        last = (
            f"the last good checkpoint is {checkpoints[0]}" if checkpoints else "there is no checkpoint yet"
        )
        return RunFailed(f"{error}; {last}; {self._advice()}")
