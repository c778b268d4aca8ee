from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from entrannas_cli.data.split import generator_for, stratified_split

labels_of = st.lists(st.integers(0, 6), max_size=120).map(
    lambda labels: torch.tensor(labels, dtype=torch.int64)
)
fractions_of = st.sampled_from(
    [[0.5, 0.5], [1.0], [0.1], [0.1, 0.025], [1 / 3, 1 / 3, 1 / 3], [0.7, 0.2, 0.1], [0.0, 1.0], [0.02]]
)


@settings(max_examples=150, deadline=None)
@given(labels=labels_of, fractions=fractions_of, seed=st.integers(0, 2**31))
def test_parts_are_disjoint_and_stratified(labels: torch.Tensor, fractions: list[float], seed: int) -> None:
    parts = stratified_split(labels, fractions, seed)
    together = torch.cat(parts).tolist()
    assert len(set(together)) == len(together)
    assert set(together) <= set(range(len(labels)))
    for part, fraction in zip(parts, fractions, strict=True):
        assert part.tolist() == sorted(part.tolist())
        for label in range(7):
            quota = round(int((labels == label).sum()) * fraction, 6)
            assert math.floor(quota) <= int((labels[part] == label).sum()) <= math.ceil(quota)
        assert abs(len(part) - fraction * len(labels)) < 2
    if abs(sum(fractions) - 1) < 1e-9:
        assert len(together) == len(labels)


@given(labels=labels_of, seed=st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_same_seed_gives_the_same_parts(labels: torch.Tensor, seed: int) -> None:
    first, again = (stratified_split(labels, [0.5, 0.5], seed) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_different_seed_gives_different_parts() -> None:
    labels = torch.arange(200) % 4
    assert not torch.equal(stratified_split(labels, [0.5], 0)[0], stratified_split(labels, [0.5], 1)[0])


def test_small_share_of_small_classes_keeps_its_size() -> None:
    labels = torch.arange(400) % 100  # 4 per class: a tenth is less than half an image
    (part,) = stratified_split(labels, [0.1], 0)
    assert len(part) == 40
    assert len(labels[part].unique()) == 40


@pytest.mark.parametrize("fractions", [[0.6, 0.5], [-0.1, 0.5]])
def test_fractions_must_sum_to_at_most_one(fractions: list[float]) -> None:
    with pytest.raises(ValueError, match="shares of a whole"):
        stratified_split(torch.zeros(4, dtype=torch.int64), fractions, 0)


def test_generators_differ_by_key_and_leave_the_global_one_alone() -> None:
    before = torch.get_rng_state()
    keys = [(0, "weights", 1), (0, "weights", 2), (1, "weights", 1), (0, "architecture", 1)]
    draws = {float(torch.rand((), dtype=torch.float64, generator=generator_for(*key))) for key in keys}
    assert len(draws) == len(keys)
    assert torch.equal(before, torch.get_rng_state())
