"""Learning rate, temperature and intervals as functions of the step."""

from __future__ import annotations

from itertools import pairwise

import pytest

from entrannas_cli.config.search import SearchConfig
from entrannas_cli.engine.search.schedule import Schedule


def schedule(steps_per_epoch: int = 10, **sections: dict[str, object]) -> Schedule:
    defaults: dict[str, dict[str, object]] = {"data": {"dataset": "digits"}, "search": {"epochs": 5}}
    return Schedule(SearchConfig.model_validate(defaults | sections), steps_per_epoch)


def test_steps_and_epochs_count_from_one() -> None:
    plan = schedule()
    assert plan.steps == 50
    assert [plan.epoch(step) for step in (0, 1, 10, 11, 50)] == [0, 1, 1, 2, 5]
    assert [step for step in range(1, 51) if plan.ends_epoch(step)] == [10, 20, 30, 40, 50]


def test_learning_rate_is_a_cosine_between_its_bounds() -> None:
    plan = schedule(weights={"learning_rate": 0.2, "learning_rate_min": 0.02})
    rates = [plan.learning_rate(step) for step in range(1, 51)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[-1] == pytest.approx(0.02)
    assert rates == sorted(rates, reverse=True)
    assert (rates[24] + rates[25]) / 2 == pytest.approx(0.11)


def test_temperature_falls_geometrically() -> None:
    plan = schedule(architecture={"temperature_start": 2.0, "temperature_end": 0.5})
    temperatures = [plan.temperature(step) for step in range(1, 51)]
    assert temperatures[0] == 2.0
    assert temperatures[-1] == pytest.approx(0.5)
    ratios = {round(b / a, 9) for a, b in pairwise(temperatures)}
    assert len(ratios) == 1


@pytest.mark.parametrize(
    ("every", "expected"), [("step", list(range(1, 21))), ("epoch", [10, 20]), (4, [4, 8, 10, 12, 16, 20])]
)
def test_sub_graph_is_derived_at_the_interval(every: object, expected: list[int]) -> None:
    plan = schedule(architecture={"derive_every": every})
    assert [step for step in range(1, 21) if plan.derives(step)] == expected


@pytest.mark.parametrize(
    ("every", "expected"),
    [("step", list(range(20))), ("epoch", [0] * 10 + [1] * 10), (8, [0] * 8 + [1] * 8 + [2] * 4)],
)
def test_engine_cells_rotate_with_each_derivation(every: object, expected: list[int]) -> None:
    plan = schedule(architecture={"derive_every": every})
    assert [plan.turn(step) for step in range(1, 21)] == expected


def test_last_epoch_is_always_evaluated() -> None:
    plan = schedule(evaluation={"every": 2})
    assert [step for step in range(1, 51) if plan.evaluates(step)] == [20, 40, 50]


def test_temperature_stays_constant_during_warmup() -> None:
    plan = schedule(architecture={"temperature_start": 2.0, "temperature_end": 0.5, "warmup_epochs": 3})
    temperatures = [plan.temperature(step) for step in range(1, 51)]
    assert temperatures[:31] == [2.0] * 31  # 30 warm-up steps, and the first step in which α learns
    assert temperatures[31] < 2.0
    assert temperatures[-1] == pytest.approx(0.5)
    assert len({round(b / a, 9) for a, b in pairwise(temperatures[30:])}) == 1


def test_temperature_of_a_single_learning_step() -> None:
    plan = schedule(1, search={"epochs": 2}, architecture={"warmup_epochs": 1})
    assert (plan.temperature(1), plan.temperature(2)) == (10.0, 10.0)


def test_learning_rate_warms_up_linearly_as_in_pc_darts() -> None:
    weights: dict[str, object] = {"learning_rate": 0.5, "learning_rate_min": 0.0}
    plan = schedule(weights=weights | {"warmup_epochs": 2})
    without = schedule(weights=weights)
    rates = [plan.learning_rate(step) for step in range(1, 51)]
    assert rates[:20] == pytest.approx([0.5 * step / 20 for step in range(1, 21)])
    assert rates[9:20:10] == pytest.approx([0.25, 0.5])  # the rates of PC-DARTS at the ends of two epochs
    assert rates[20:] == [without.learning_rate(step) for step in range(21, 51)]


def test_warmup_takes_whole_epochs() -> None:
    plan = schedule(architecture={"warmup_epochs": 2})
    assert plan.warmup_steps == 20
    assert [step for step in range(1, 51) if plan.evaluates(step)] == [30, 40, 50]


def test_search_of_one_step() -> None:
    plan = schedule(1, search={"epochs": 1})
    assert plan.learning_rate(1) == 0.1
    assert plan.temperature(1) == 10.0
