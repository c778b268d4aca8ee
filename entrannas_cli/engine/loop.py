"""The loop that every kind of run goes through: from a run directory, step by step, and back into it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from ..common.errors import RunFailed, UsageError
from ..common.text import first_line
from ..store.session import RunSession
from .checkpoint import (
    newest_checkpoint,
    random_state,
    restore_random_state,
    write_checkpoint,
)
from .device import Compute
from .epochs import Epochs
from .identity import check_identity
from .observer import Observer, Row
from .recorder import LoopProgress, NotFinite, StepRecorder

__all__ = ["Loop"]

SECONDS_PER_DAY = 86_400

State = TypeVar("State", bound=LoopProgress)


class Loop(ABC, Generic[State]):
    """Runs steps to the end, or until the session is asked to stop; writes to ``session``, tells ``observer``.

    What a kind of run adds are the methods below that are abstract. A checkpoint is written at the end of each
    epoch, every ``checkpoint_minutes`` in between, and before a stop.
    """

    kind: ClassVar[str]
    averaged: ClassVar[tuple[str, ...]]  # metrics whose means are an epoch's
    finite: ClassVar[Mapping[str, str]]  # metrics that must be finite, each in words

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
        """Yield the batches of each step after ``step``; closing it ends the processes that read them."""

    @abstractmethod
    def _take_step(self, step: int, batches: Any, recorder: StepRecorder) -> Row:
        """Take ``step`` and hand it to the ``recorder``; return what the epoch's row needs of it."""

    @abstractmethod
    def _end_epoch(self, row: Row) -> None:
        """Evaluates if it is due, writes the epoch's row and the summary, tells the observer."""

    @abstractmethod
    def _content(self) -> dict[str, Any]:
        """What a checkpoint has to hold besides the loop's own state."""

    @abstractmethod
    def _load(self, content: Mapping[str, Any]) -> State:
        """Puts that back; returns the loop's state. Errors of torch's are explained by the caller."""

    @abstractmethod
    def _advice(self) -> str:
        """What to change when a loss is not finite."""

    def _saved(self, step: int) -> None:
        """A checkpoint was written after ``step``."""

    def restore(self) -> None:
        """Goes back to the newest checkpoint; to the start if there never was one.

        Raises ``RunFailed`` if there were some and none can be used, ``UsageError`` if the run is another one now.
        """
        content = newest_checkpoint(self.session.run, self.kind, self.observer)
        if content is None:
            return
        check_identity(content.get("identity", {}), self.identity)
        try:
            self.state = self._load(content)
            restore_random_state(content["random"], self.compute.device)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise RunFailed(f"the checkpoint does not fit the configuration: {first_line(error)}") from None

    def run(self) -> bool:
        """Whether the end was reached; if not, a stop was asked for, and what was done is in a checkpoint.

        Raises ``RunFailed`` when a loss is not finite, or an image can't be read.
        """
        try:
            with closing(self._batches(self.state.step)) as batches:
                self._steps(batches)
        except NotFinite as error:
            raise self._diverged(error) from None
        except UsageError as error:  # an image, or the folder of them: the run itself was fine, and can go on
            raise RunFailed(error.message, error.details) from error
        return self.state.step >= self.epochs.steps

    def _steps(self, batches: Iterator[Any]) -> None:
        state = self.state
        recorder = StepRecorder(
            self.session, self.observer, state, self.compute, averaged=self.averaged, finite=self.finite
        )
        saved = time.monotonic()
        stop = self.session.stop_requested
        for step in range(state.step + 1, self.epochs.steps + 1):
            if stop:
                return
            facts = self._take_step(step, next(batches), recorder)
            state.step = step
            ends_epoch = self.epochs.ends_epoch(step)
            if ends_epoch:
                recorder.flush()
                self._end_epoch({**facts, **recorder.epoch_means()})
                recorder.restart_clock()
            stop = self.session.stop_requested  # looked at once, so that a stop always has its checkpoint
            if ends_epoch or stop or time.monotonic() - saved >= self._checkpoint_seconds:
                recorder.flush()
                self.session.save_checkpoint(step, self._save)
                self._saved(step)
                recorder.restart_clock()
                saved = time.monotonic()

    def _save(self, path: Path) -> None:
        own = {"identity": dict(self.identity), "random": random_state(self.compute.device)}
        write_checkpoint(path, self.kind, {**own, **self._content()})

    def cost(self, key: str) -> Row:
        """Seconds of the steps, as ``key``, and of the evaluations; in GPU-days too where there is a GPU."""
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
