"""Lets the dashboard of a test look for news often, so that no test waits for it."""

from __future__ import annotations

import pytest

from entrannas_cli.dashboard import preview_charts, watcher
from entrannas_cli.dashboard.compare import screen as compare
from entrannas_cli.dashboard.run import screen as page

OFTEN = 0.1  # seconds between two looks


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (watcher, compare, page, preview_charts):
        monkeypatch.setattr(module, "POLL_S", OFTEN)
