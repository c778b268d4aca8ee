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
    """Polls in a thread of its own, which calls ``on_change`` with a snapshot whenever something has changed."""

    def __init__(self, runs_dir: Path, on_change: Callable[[Snapshot], None]) -> None:
        self._index = RunIndex(runs_dir)
        self._on_change = on_change
        self._ended = self._thorough = False
        self._wake = threading.Event()

    def start(self) -> None:
        """Start the thread, which doesn't keep the process alive."""
        threading.Thread(target=self._watch, name="watcher", daemon=True).start()

    def look_now(self) -> None:
        """Poll at once, and thoroughly."""
        self._thorough = True
        self._wake.set()

    def stop(self) -> None:
        """Stop polling. No call of ``on_change`` starts after this; a poll in progress is not waited for."""
        self._ended = True
        self._wake.set()

    def _watch(self) -> None:
        last_state: tuple[str, bool] | None = None
        while not self._ended:
            started, thorough, self._thorough = time.thread_time(), self._thorough, False
            try:
                changes = self._index.refresh(
                    FIRST_SLICE_S if last_state is None else SLICE_S, thorough=thorough
                )
            except Exception as error:  # any error is shown: a table that silently stops is worse
                changes = IndexChanges(problem=f"internal error: {type(error).__name__}: {safe(str(error))}")
            spent = time.thread_time() - started
            complete = not changes.waiting
            changed = bool(changes.added or changes.changed or changes.removed)
            if not self._ended and (changed or (changes.problem, complete) != last_state):
                last_state = changes.problem, complete
                self._on_change(Snapshot(self._index.rows, changes.problem, complete))
            if complete:
                self._wake.wait(min(max(POLL_S, spent / MAX_CPU_SHARE), SLOW_POLL_S))
                self._wake.clear()
