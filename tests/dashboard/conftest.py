"""Let the dashboard poll often in tests, so that they don't have to wait."""

from __future__ import annotations

import pytest

from entrannas_cli.dashboard import preview_charts, watcher
from entrannas_cli.dashboard.compare import screen as compare
from entrannas_cli.dashboard.run import screen as page

REFRESH_S = 0.1  # seconds between two refreshes


@pytest.fixture(autouse=True)
def _refresh_often(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (watcher, compare, page, preview_charts):
        monkeypatch.setattr(module, "POLL_S", REFRESH_S)
