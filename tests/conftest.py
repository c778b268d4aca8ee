"""Cuts every test off from the user's own settings."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from .calling import Call, caller
from .isolation import isolate

# no deadlines (machines are noisy); the same examples every time where a red build would block others
settings.register_profile("entrannas", deadline=None, max_examples=40, derandomize=bool(os.environ.get("CI")))
# docs/testing.md: a mutant is not to be made smaller, but to be noticed
phases = (Phase.explicit, Phase.generate)
settings.register_profile("mutation", deadline=None, max_examples=10, derandomize=True, phases=phases)
settings.load_profile("entrannas")

# what tests import as they run: once, not in each process that mutmut forks
if "MUTANT_UNDER_TEST" in os.environ:
    import torch._dynamo  # noqa: F401

# Python looks through all of torch's and pandas' objects for garbage, a fifth of a second each time: less often
gc.set_threshold(20_000, 20, 20)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--snapshot-update", action="store_true", help="keep the pictures of the screens as they are now"
    )


@pytest.hookimpl(optionalhook=True)  # also without xdist
def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are processors: the dashboard's tests wait as long as they work."""
    affinity = getattr(os, "sched_getaffinity", None)  # not everywhere
    processors = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, processors * 3 // 2)


@pytest.fixture(autouse=True)
def _isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch, tmp_path)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """A command in this process."""
    return caller(capsys)
