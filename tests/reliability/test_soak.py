"""Sessions in one process leave nothing behind; `python -m tests.reliability.soak` runs them for hours."""

from __future__ import annotations

from .soak import soak


def test_rounds_of_runs_and_faults_leak_nothing() -> None:
    soaked = soak(0, seed=0)
    assert len(set(soaked.files)) == len(set(soaked.threads)) == len(set(soaked.children)) == 1, soaked
