"""Cuts every test off from the user's own settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# no deadlines (machines are noisy); the same examples every time where a red build would block others
settings.register_profile("entrannas", deadline=None, max_examples=40, derandomize=bool(os.environ.get("CI")))
settings.load_profile("entrannas")


@pytest.fixture(autouse=True)
def _isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No ENTRANNAS_* variables, an empty working directory and home, a plain terminal of 80 columns."""
    for name in [name for name in os.environ if name.startswith("ENTRANNAS_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("FORCE_COLOR", "NO_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
