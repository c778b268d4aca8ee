"""The thread that keeps the index of runs up to date, so that a slow disk never blocks the screen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..common.text import safe
from ..monitor.run_index import IndexChanges, RunIndex
from ..store.overview import Overview

__all__ = ["Snapshot", "Watcher"]

POLL_S = 1.0  # seconds between two polls
SLOW_POLL_S = 1.7  # with thousands of runs; new ones still show up within two seconds
MAX_CPU_SHARE = 0.008  # of a core, for polling
FIRST_SLICE_S = 0.05  # seconds of reading after which a screenful is shown
SLICE_S = 0.5  # seconds of reading between two snapshots after that


@dataclass(frozen=True)
class Snapshot:
    """The runs at a point in time, newest first. ``complete`` once all of them have been read."""

    runs: Mapping[str, Overview]
    problem: str = ""
    complete: bool = True


class Watcher:
    """Polls in a thread of its own, which calls ``tell`` with a snapshot whenever something has changed."""

    def __init__(self, runs_dir: Path, tell: Callable[[Snapshot], None]) -> None:
        self._catalogue = RunIndex(runs_dir)
        self._tell = tell
        self._ended = self._asked = False
        self._wake = threading.Event()

    def start(self) -> None:
        """Start the thread, which doesn't keep the process alive."""
        threading.Thread(target=self._watch, name="watcher", daemon=True).start()

    def look_now(self) -> None:
        """Poll at once, and thoroughly."""
        self._asked = True
        self._wake.set()

    def stop(self) -> None:
        """Stop polling. No call of ``tell`` starts after this; a poll in progress is not waited for."""
        self._ended = True
        self._wake.set()

    def _watch(self) -> None:
        told: tuple[str, bool] | None = None
        while not self._ended:
            begun, asked, self._asked = time.thread_time(), self._asked, False
            try:
                changes = self._catalogue.refresh(FIRST_SLICE_S if told is None else SLICE_S, thorough=asked)
            except Exception as error:  # any error is shown: a table that silently stops is worse
                changes = IndexChanges(problem=f"internal error: {type(error).__name__}: {safe(str(error))}")
            spent = time.thread_time() - begun
            complete = not changes.waiting
            changed = bool(changes.added or changes.changed or changes.removed)
            if not self._ended and (changed or (changes.problem, complete) != told):
                told = changes.problem, complete
                self._tell(Snapshot(self._catalogue.rows, changes.problem, complete))
            if complete:
                self._wake.wait(min(max(POLL_S, spent / MAX_CPU_SHARE), SLOW_POLL_S))
                self._wake.clear()
