"""Pace, time to go, and what is kept of a search's rows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrannas_cli.render.progress import MAX_NOTES, Pace, RunProgress

from .searching import STEPS_PER_EPOCH, epoch_row, facts, step_row


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def searched(progress: RunProgress, clock: Clock, seconds: list[float], epochs: int) -> None:
    for step, taken in enumerate(seconds, progress.step + 1):
        clock.now += taken
        progress.take_step(step_row(step, epochs * STEPS_PER_EPOCH))


def test_time_to_go_follows_the_recent_pace() -> None:
    """Steps get cheaper as cells get sparser: the mean of the whole search would be far off."""
    clock = Clock()
    progress = RunProgress(clock)
    progress.started(facts(epochs=100))
    searched(progress, clock, [10.0] * 100, 100)
    assert progress.remaining == pytest.approx(500 * 10, rel=0.01)
    searched(progress, clock, [1.0] * 100, 100)
    assert progress.remaining == pytest.approx(400 * 1, rel=0.01)
    assert progress.elapsed == pytest.approx(1100)
    assert progress.share == pytest.approx(200 / 600)


def test_the_parts_of_a_ranking_are_one_course() -> None:
    clock = Clock()
    progress = RunProgress(clock)
    progress.started(facts(epochs=4))
    searched(progress, clock, [2.0] * 2 * STEPS_PER_EPOCH, 4)
    clock.now += 30  # until the next part's data is there
    progress.started(replace(facts(epochs=4), epoch=2, step=2 * STEPS_PER_EPOCH))
    assert progress.remaining is None
    searched(progress, clock, [1.0] * STEPS_PER_EPOCH, 4)
    assert progress.remaining == pytest.approx(STEPS_PER_EPOCH)
    assert progress.elapsed == pytest.approx(30 + 5 * STEPS_PER_EPOCH)


def test_evaluations_count_once_an_epoch() -> None:
    clock = Clock()
    progress = RunProgress(clock)
    progress.started(facts(epochs=3))
    searched(progress, clock, [1.0] * STEPS_PER_EPOCH, 3)
    clock.now += 20
    progress.take_epoch(epoch_row(STEPS_PER_EPOCH, 18) | {"evaluation_seconds": 20.0})
    searched(progress, clock, [1.0] * 3, 3)
    assert progress.remaining == pytest.approx(9 * 1 + 2 * 20, rel=0.01)
    searched(progress, clock, [1.0] * 9, 3)
    assert progress.remaining == pytest.approx(2 * 20), "the last ones are still to come"


def test_rows_in_bursts_as_from_a_gpu() -> None:
    clock = Clock()
    progress = RunProgress(clock)
    progress.started(facts(epochs=100))
    for burst in range(20):
        clock.now += 0.5
        for step in range(burst * 10 + 1, burst * 10 + 11):
            clock.now += 1e-5
            progress.take_step(step_row(step, 600))
    assert progress.remaining == pytest.approx(400 * 0.05, rel=0.05)


def test_after_a_resume_only_this_attempt_counts() -> None:
    clock = Clock()
    progress = RunProgress(clock)
    progress.started(facts(epochs=10, epoch=5, step=30, attempt=2))
    assert progress.remaining is None
    clock.now += 2
    progress.take_step(step_row(31, 60))
    assert progress.remaining == pytest.approx(29 * 2)
    assert progress.elapsed == 2


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=300))
def test_the_pace_is_never_negative(times: list[float]) -> None:
    pace = Pace()
    for step, now in enumerate(sorted(times)):
        pace.add(now, step)
    assert pace.seconds_per_step is None or pace.seconds_per_step >= 0


@given(
    st.dictionaries(
        st.sampled_from(list(step_row(1, 2))), st.none() | st.text() | st.floats() | st.booleans()
    )
)
def test_damaged_rows_do_no_harm(row: dict[str, object]) -> None:
    progress = RunProgress()
    progress.started(facts())
    progress.take_step(row)
    progress.take_epoch(row)
    assert isinstance(progress.step, int)


def test_messages_are_kept_once_and_not_without_bound() -> None:
    progress = RunProgress()
    assert progress.note("warning", "w")
    assert not progress.note("warning", "w")
    for n in range(2 * MAX_NOTES):
        progress.note("info", str(n))
    assert len(progress.notes) == MAX_NOTES


def test_a_search_without_steps_has_no_time_to_go() -> None:
    progress = RunProgress()
    progress.started(facts(epochs=0, steps_per_epoch=0))
    assert progress.remaining is None
    assert progress.share == 0
