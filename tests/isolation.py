"""Isolate tests from the user's own settings, and share expensive folders between them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

__all__ = ["build_once", "isolate"]


def isolate(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Remove ENTRANNAS_* variables; use an empty working directory and home and a plain terminal of 80 columns."""
    for name in [name for name in os.environ if name.startswith("ENTRANNAS_")]:
        patch.delenv(name)
    home = folder / "home"
    home.mkdir()
    patch.setenv("HOME", str(home))
    patch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    patch.setenv("COLUMNS", "80")
    for name in ("FORCE_COLOR", "NO_COLOR", "CLICOLOR_FORCE"):
        patch.delenv(name, raising=False)
    work = folder / "work"
    work.mkdir()
    patch.chdir(work)


def build_once(factory: pytest.TempPathFactory, name: str, make: Callable[[], object]) -> Path:
    """Call ``make`` in a new working directory once per test run, for all workers, and return that directory.

    Tests that change something in it copy it first.
    """
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # the folder shared by all workers
    folder, done = shared / name, shared / f"{name}.done"
    with FileLock(shared / f"{name}.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # left by a worker that failed half way
            folder.mkdir()
            with pytest.MonkeyPatch.context() as patch:
                isolate(patch, folder)
                make()
            done.touch()
    return folder / "work"
