"""What a view keeps of a run's rows: the last values, curves of some, the pace and the remaining time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from ..charts.text_curve import CurveBuffer
from ..common.numbers import number
from ..engine.observer import Row, Started
from ..method.genotype import Genotype
from ..metrics import LIVE_SEARCH, LIVE_TRAIN, METRICS

__all__ = ["CURVES", "Pace", "RunProgress"]

CURVES = tuple(dict.fromkeys(key for grid in (LIVE_SEARCH, LIVE_TRAIN) for row in grid for key in row))
MAX_NOTES = 200


class Pace:
    """Seconds per step over the recent steps only, as steps get cheaper while cells get sparser.

    Rows may come in bursts. The time of evaluations doesn't count.
    """

    WINDOW = 45.0  # seconds
    MIN_STEPS = 8
    BURST = 0.02  # seconds

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, now: float, step: int) -> None:
        """Record that ``step`` was done at ``now`` (seconds of work, without evaluations)."""
        samples = self._samples
        if len(samples) > 1 and now - samples[-1][0] < self.BURST:
            samples.pop()
        samples.append((now, step))
        while (
            len(samples) > 2 and now - samples[1][0] > self.WINDOW and step - samples[1][1] >= self.MIN_STEPS
        ):
            samples.popleft()

    @property
    def seconds_per_step(self) -> float | None:
        """Mean over the window; None before two steps."""
        if len(self._samples) < 2:
            return None
        (first, since), (last, until) = self._samples[0], self._samples[-1]
        return (last - first) / (until - since) if until > since else None


class RunProgress:
    """The state of a run according to its rows. ``clock`` returns monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started_at = self._ended_at = 0.0
        self._evaluation_seconds = 0.0
        self._epochs_here = self._epochs_before = 0
        self._pace = Pace()
        self.facts: Started | None = None
        self.step = 0
        self.epoch = 0
        self.last_step: Row = {}
        self.last_epoch: Row = {}
        self.curves = {key: CurveBuffer() for key in CURVES}
        self.genotype: Genotype | None = None
        self.notes: list[tuple[str, str]] = []
        self.state = "running"

    # events

    def started(self, facts: Started) -> None:
        """Start the clock before the first step, or the pace before that of a ranking's next part."""
        if self.facts is None:
            self._started_at = self._clock()
        self.facts, self.step, self.epoch = facts, facts.step, facts.epoch
        self._epochs_before = facts.step // max(facts.steps_per_epoch, 1) - self._epochs_here
        self._pace = Pace()
        self._pace.add(self.elapsed - self._evaluation_seconds, facts.step)

    def take_step(self, row: Row) -> None:
        """Record a step row."""
        self.last_step = row
        self.step = _count(row.get("step"), self.step)
        self.epoch = _count(row.get("epoch"), self.epoch)
        self._add_to_curves(row, "step")
        self._pace.add(self.elapsed - self._evaluation_seconds, self.step)

    def take_epoch(self, row: Row) -> None:
        """Record an epoch row."""
        self.last_epoch = row
        self.epoch = _count(row.get("epoch"), self.epoch)
        self._epochs_here += 1
        self._evaluation_seconds += number(row.get("evaluation_seconds")) or 0.0
        self._add_to_curves(row, "epoch")

    def _add_to_curves(self, row: Row, rows: str) -> None:
        for key, curve in self.curves.items():
            if METRICS[key].rows == rows:
                curve.add(row.get(key))

    def derived(self, genotype: Genotype) -> None:
        """Record the derived cells after a change."""
        self.genotype = genotype

    def note(self, level: str, text: str) -> bool:
        """Keep a message once, however often it comes; return whether it is new."""
        if (level, text) in self.notes:
            return False
        self.notes.append((level, text))
        del self.notes[:-MAX_NOTES]
        return True

    def finished(self, state: str) -> None:
        """Record the final state and stop the clock."""
        self.state = state
        self._ended_at = self._clock()

    # figures

    @property
    def steps(self) -> int:
        """Steps of the whole run; 0 while unknown."""
        return self.facts.epochs * self.facts.steps_per_epoch if self.facts else 0

    @property
    def share(self) -> float:
        """Fraction of the steps that are done."""
        return min(self.step / self.steps, 1.0) if self.steps else 0.0

    @property
    def elapsed(self) -> float:
        """Seconds of this attempt."""
        return (self._ended_at or self._clock()) - self._started_at if self.facts else 0.0

    @property
    def remaining(self) -> float | None:
        """Seconds to go at the recent pace, including evaluations still due; None while unknown."""
        pace = self._pace.seconds_per_step
        if pace is None or not self.steps or self.facts is None:
            return None
        evaluation = self._evaluation_seconds / self._epochs_here if self._epochs_here else 0.0
        done_epochs = self._epochs_before + self._epochs_here
        return (self.steps - self.step) * pace + max(self.facts.epochs - done_epochs, 0) * evaluation

    def latest(self, key: str) -> object:
        """Return the newest value of ``key``, from the last step or else from the last epoch."""
        value = self.last_step.get(key)
        return self.last_epoch.get(key) if value is None else value


def _count(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise
