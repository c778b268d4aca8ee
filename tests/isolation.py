"""Cuts tests off from the user's own settings, and what several tests read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

__all__ = ["isolate", "made_once"]


def isolate(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """No ENTRANNAS_* variables, an empty working directory and home, a plain terminal of 80 columns."""
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


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[], object]) -> Path:
    """The folder that ``make`` filled, as its working directory: once, for all worker processes of a test run.

    Who wants to change something in it, copies it.
    """
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # that of all workers
    folder, done = shared / name, shared / f"{name}.done"
    with FileLock(shared / f"{name}.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a worker that failed in the middle
            folder.mkdir()
            with pytest.MonkeyPatch.context() as patch:
                isolate(patch, folder)
                make()
            done.touch()
    return folder / "work"
