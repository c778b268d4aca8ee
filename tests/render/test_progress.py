"""Pace, remaining time, and what is kept of the rows of a search."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrannas_cli.render.progress import MAX_NOTES, Pace, RunProgress

from .fake_search import STEPS_PER_EPOCH, epoch_row, started_facts, step_row


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def take_steps(progress: RunProgress, clock: Clock, seconds: list[float], epochs: int) -> None:
    for step, taken in enumerate(seconds, progress.step + 1):
        clock.now += taken
        progress.take_step(step_row(step, epochs * STEPS_PER_EPOCH))


def test_remaining_time_follows_the_recent_pace() -> None:
    """Steps get cheaper as cells get sparser, so the overall mean would be far off."""
    clock = Clock()
    progress = RunProgress(clock)
    progress.started(started_facts(epochs=100))
    take_steps(progress, clock, [10.0] * 100, 100)
    assert progress.remaining == pytest.approx(500 * 10, rel=0.01)
    take_steps(progress, clock, [1.0] * 100, 100)
    assert progress.remaining == pytest.approx(400 * 1, rel=0.01)
    assert progress.elapsed == pytest.approx(1100)
    assert progress.share == pytest.approx(200 / 600)


def test_parts_of_a_ranking_form_one_timeline() -> None:
    clock = Clock()
    progress = RunProgress(clock)
    progress.started(started_facts(epochs=4))
    take_steps(progress, clock, [2.0] * 2 * STEPS_PER_EPOCH, 4)
    clock.now += 30  # until the data of the next part is loaded
    progress.started(replace(started_facts(epochs=4), epoch=2, step=2 * STEPS_PER_EPOCH))
    assert progress.remaining is None
    take_steps(progress, clock, [1.0] * STEPS_PER_EPOCH, 4)
    assert progress.remaining == pytest.approx(STEPS_PER_EPOCH)
    assert progress.elapsed == pytest.approx(30 + 5 * STEPS_PER_EPOCH)


def test_evaluations_count_once_per_epoch() -> None:
    clock = Clock()
    progress = RunProgress(clock)
    progress.started(started_facts(epochs=3))
    take_steps(progress, clock, [1.0] * STEPS_PER_EPOCH, 3)
    clock.now += 20
    progress.take_epoch(epoch_row(STEPS_PER_EPOCH, 18) | {"evaluation_seconds": 20.0})
    take_steps(progress, clock, [1.0] * 3, 3)
    assert progress.remaining == pytest.approx(9 * 1 + 2 * 20, rel=0.01)
    take_steps(progress, clock, [1.0] * 9, 3)
    assert progress.remaining == pytest.approx(2 * 20), "the last ones are still to come"


def test_rows_arriving_in_bursts() -> None:
    clock = Clock()
    progress = RunProgress(clock)
    progress.started(started_facts(epochs=100))
    for burst in range(20):
        clock.now += 0.5
        for step in range(burst * 10 + 1, burst * 10 + 11):
            clock.now += 1e-5
            progress.take_step(step_row(step, 600))
    assert progress.remaining == pytest.approx(400 * 0.05, rel=0.05)


def test_only_the_current_attempt_counts() -> None:
    clock = Clock()
    progress = RunProgress(clock)
    progress.started(started_facts(epochs=10, epoch=5, step=30, attempt=2))
    assert progress.remaining is None
    clock.now += 2
    progress.take_step(step_row(31, 60))
    assert progress.remaining == pytest.approx(29 * 2)
    assert progress.elapsed == 2


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=300))
def test_pace_is_never_negative(times: list[float]) -> None:
    pace = Pace()
    for step, now in enumerate(sorted(times)):
        pace.add(now, step)
    assert pace.seconds_per_step is None or pace.seconds_per_step >= 0


@given(
    st.dictionaries(
        st.sampled_from(list(step_row(1, 2))), st.none() | st.text() | st.floats() | st.booleans()
    )
)
def test_damaged_rows_are_ignored(row: dict[str, object]) -> None:
    progress = RunProgress()
    progress.started(started_facts())
    progress.take_step(row)
    progress.take_epoch(row)
    assert isinstance(progress.step, int)


def test_messages_are_unique_and_bounded() -> None:
    progress = RunProgress()
    assert progress.note("warning", "w")
    assert not progress.note("warning", "w")
    for n in range(2 * MAX_NOTES):
        progress.note("info", str(n))
    assert len(progress.notes) == MAX_NOTES


def test_search_without_steps_has_no_remaining_time() -> None:
    progress = RunProgress()
    progress.started(started_facts(epochs=0, steps_per_epoch=0))
    assert progress.remaining is None
    assert progress.share == 0
