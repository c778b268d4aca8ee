"""Cuts every test off from the user's own settings."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import settings

from .calling import Call, caller
from .isolation import isolate

# no deadlines (machines are noisy); the same examples every time where a red build would block others
settings.register_profile("entrannas", deadline=None, max_examples=40, derandomize=bool(os.environ.get("CI")))
settings.load_profile("entrannas")

# Python looks through all of torch's and pandas' objects for garbage, a fifth of a second each time: less often
gc.set_threshold(20_000, 20, 20)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--snapshot-update", action="store_true", help="keep the pictures of the screens as they are now"
    )


@pytest.fixture(autouse=True)
def _isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch, tmp_path)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """A command in this process."""
    return caller(capsys)
