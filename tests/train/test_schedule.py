"""Learning rate and drop-path over a training."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrannas_cli.config.train import TrainConfig
from entrannas_cli.engine.train.schedule import TrainSchedule


def schedule(steps_per_epoch: int = 10, **train: object) -> TrainSchedule:
    return TrainSchedule(TrainConfig.model_validate({"train": {"epochs": 20, **train}}), steps_per_epoch)


def test_cosine_decay() -> None:
    cosine = schedule(learning_rate=0.1, learning_rate_min=0.01)
    assert cosine.learning_rate(1) == pytest.approx(0.1)
    assert cosine.learning_rate(200) == pytest.approx(0.01)
    middle = cosine.learning_rate(100)
    assert middle == pytest.approx(0.01 + 0.09 * 0.5 * (1 + math.cos(math.pi * 99 / 199)))


def test_linear_decay_after_warmup() -> None:
    line = schedule(learning_rate=0.5, decay="linear", warmup_epochs=5)
    assert line.learning_rate(1) == pytest.approx(0.5 / 50)
    assert line.learning_rate(50) == pytest.approx(0.5)
    assert line.learning_rate(200) == pytest.approx(0.0)
    without = schedule(learning_rate=0.5, decay="linear")  # as in PC-DARTS: decay counts from step 1
    assert [line.learning_rate(n) for n in range(51, 201)] == [
        without.learning_rate(n) for n in range(51, 201)
    ]
    falls = [without.learning_rate(n) - without.learning_rate(n + 1) for n in range(1, 200)]
    assert max(falls) == pytest.approx(min(falls))


def test_drop_path_increases_linearly() -> None:
    rising = schedule(drop_path=0.2)
    assert rising.drop_path(1) == 0
    assert rising.drop_path(200) == pytest.approx(0.2)
    assert rising.drop_path(100) == pytest.approx(0.2 * 99 / 199)


@given(
    epochs=st.integers(1, 30),
    steps=st.integers(1, 9),
    warmup=st.integers(0, 29),
    decay=st.sampled_from(["cosine", "linear"]),
)
def test_learning_rate_stays_within_its_bounds(epochs: int, steps: int, warmup: int, decay: str) -> None:
    if warmup >= epochs:
        return
    made = schedule(
        steps, epochs=epochs, warmup_epochs=warmup, decay=decay, learning_rate=0.3, learning_rate_min=0.02
    )
    rates = [made.learning_rate(step) for step in range(1, made.steps + 1)]
    assert all(0 < rate <= 0.3 + 1e-12 for rate in rates)
    after = rates[warmup * steps :]
    assert all(rate >= 0.02 - 1e-12 for rate in after)
    assert after == sorted(after, reverse=True)
