"""Runs that are killed end as if they had not been; `python -m tests.reliability.kill` kills many more."""

from __future__ import annotations

import random

import pytest

from .kill import kill_runs


@pytest.mark.parametrize(("kind", "kills"), [("search", 4), ("train", 3), ("rank", 3)])
def test_killed_runs_end_the_same(kind: str, kills: int) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # shown on failure
    assert kill_runs(kind, kills, seed).kills == kills
