"""Learning rate, temperature and cadence as functions of the step."""

from __future__ import annotations

from itertools import pairwise

import pytest

from entrannas_cli.config.schema import SearchConfig
from entrannas_cli.search.schedule import Schedule


def schedule(steps_per_epoch: int = 10, **sections: dict[str, object]) -> Schedule:
    defaults: dict[str, dict[str, object]] = {"data": {"dataset": "digits"}, "search": {"epochs": 5}}
    return Schedule(SearchConfig.model_validate(defaults | sections), steps_per_epoch)


def test_steps_and_epochs_count_from_one() -> None:
    plan = schedule()
    assert plan.steps == 50
    assert [plan.epoch(step) for step in (0, 1, 10, 11, 50)] == [0, 1, 1, 2, 5]
    assert [step for step in range(1, 51) if plan.ends_epoch(step)] == [10, 20, 30, 40, 50]


def test_the_learning_rate_is_a_cosine_between_its_bounds() -> None:
    plan = schedule(weights={"learning_rate": 0.2, "learning_rate_min": 0.02})
    rates = [plan.learning_rate(step) for step in range(1, 51)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[-1] == pytest.approx(0.02)
    assert rates == sorted(rates, reverse=True)
    assert (rates[24] + rates[25]) / 2 == pytest.approx(0.11)


def test_the_temperature_falls_geometrically() -> None:
    plan = schedule(architecture={"temperature_start": 2.0, "temperature_end": 0.5})
    temperatures = [plan.temperature(step) for step in range(1, 51)]
    assert temperatures[0] == 2.0
    assert temperatures[-1] == pytest.approx(0.5)
    ratios = {round(b / a, 9) for a, b in pairwise(temperatures)}
    assert len(ratios) == 1


@pytest.mark.parametrize(
    ("every", "expected"), [("step", list(range(1, 21))), ("epoch", [10, 20]), (4, [4, 8, 10, 12, 16, 20])]
)
def test_when_the_sub_graph_is_derived(every: object, expected: list[int]) -> None:
    plan = schedule(architecture={"derive_every": every})
    assert [step for step in range(1, 21) if plan.derives(step)] == expected


def test_the_last_epoch_is_always_evaluated() -> None:
    plan = schedule(evaluation={"every": 2})
    assert [step for step in range(1, 51) if plan.evaluates(step)] == [20, 40, 50]


def test_warm_up_takes_whole_epochs() -> None:
    assert schedule(architecture={"warmup_epochs": 2}).warmup_steps == 20


def test_a_search_of_one_step() -> None:
    plan = schedule(1, search={"epochs": 1})
    assert plan.learning_rate(1) == 0.1
    assert plan.temperature(1) == 10.0
