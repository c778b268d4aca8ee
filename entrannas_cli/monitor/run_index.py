"""All runs of a folder, one row each, kept up to date by one listing and a few stats per run."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from ..common.errors import UsageError
from ..store.find_run import run_names
from ..store.notes import NOTES_FILE
from ..store.overview import Overview, overview
from ..store.run import SUMMARY_FILE, Run
from ..store.status import STATUS_FILE, reconcile

__all__ = ["IndexChanges", "RunIndex"]

FRESH_S = 2.0  # seconds in which a file may change unnoticed: file systems have coarse clocks
AGE_INTERVAL_S = 60.0  # seconds between updates of the age of a run that isn't running
FULL_LOOK_EVERY = 4  # refreshes between checks of completed runs and of a folder that seems unchanged

_STATUS, _SUMMARY, _NOTES = (os.sep + name for name in (STATUS_FILE, SUMMARY_FILE, NOTES_FILE))

_Mark = tuple[int, int, int] | int  # (time, size, inode) of a file, or the errno if there is none


@dataclass(frozen=True, kw_only=True)
class IndexChanges:
    """What a refresh found. ``changed`` rows differ by more than their age.

    ``waiting`` counts the runs that the budget left for the next refresh. ``problem`` says in one line why the
    folder cannot be read; the rows then stay the same.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    waiting: int = 0
    problem: str = ""


@dataclass(frozen=True)
class _Known:
    row: Overview
    marks: tuple[_Mark, ...]
    again: float  # monotonic time from which it is read again, even if the marks are equal
    settled: bool  # only its notes can still change


class RunIndex:
    """The runs in ``runs_dir``. A missing folder has none."""

    def __init__(self, runs_dir: Path) -> None:
        self.runs_dir = Path(os.path.abspath(runs_dir))  # noqa: PTH100 (keeps links)
        self._known: dict[str, _Known] = {}
        self._rows: Mapping[str, Overview] = MappingProxyType({})
        self._names: list[str] = []
        self._listed_mark: _Mark = 0  # mark of the folder when it was listed; 0 if unreliable
        self._refreshes = 0

    @property
    def rows(self) -> Mapping[str, Overview]:
        """The rows read so far by id, newest first. A refresh replaces the mapping and never changes it."""
        return self._rows

    def refresh(self, budget: float = math.inf, *, thorough: bool = False) -> IndexChanges:
        """Read what has changed since the last call, newest first, for about ``budget`` seconds.

        The files of completed runs are checked every ``FULL_LOOK_EVERY`` calls, unless this one is ``thorough``.
        At least one run is read, so calling again while some are ``waiting`` gets to the end.
        """
        started, now = time.monotonic(), time.time()
        self._refreshes += 1
        try:
            names = self._list(again=thorough or self._refreshes % FULL_LOOK_EVERY == 0)
        except UsageError as error:
            return IndexChanges(problem=error.message)
        known: dict[str, _Known] = {}
        folder = f"{self.runs_dir}{os.sep}"
        added, changed = [], []
        read = waiting = 0
        for n, name in enumerate(names, self._refreshes):
            before = self._known.get(name)
            if (
                before is not None
                and before.settled
                and started < before.again
                and n % FULL_LOOK_EVERY
                and not thorough
            ):
                known[name] = _aged(before, now)
                continue
            marks = _marks(folder + name)
            if before is not None and before.marks == marks and started < before.again:
                after = _aged(before, now)
            elif read and time.monotonic() - started > budget:
                waiting += 1
                if before is not None:
                    known[name] = before
                continue
            else:
                after = _read(Run(self.runs_dir / name), marks)
                read += 1
            known[name] = after
            if before is None:
                added.append(name)
            elif before is not after and not _same_but_age(before.row, after.row):
                changed.append(name)
        removed = tuple(name for name in self._known if name not in known)
        self._known = known
        self._rows = MappingProxyType({name: entry.row for name, entry in known.items()})
        return IndexChanges(added=tuple(added), changed=tuple(changed), removed=removed, waiting=waiting)

    def _list(self, again: bool) -> list[str]:
        """Return the names of the runs, newest first; list the folder only if it changed, or ``again``."""
        mark = _mark(str(self.runs_dir))
        if again or not self._listed_mark or mark != self._listed_mark:
            self._names = run_names(self.runs_dir)
            self._listed_mark = 0 if _is_fresh(mark) else mark
        return self._names


def _marks(path: str) -> tuple[_Mark, ...]:
    """Return marks that are equal as long as the files of the run at ``path`` are the same.

    It is called thousands of times per refresh, so it avoids ``Path``.
    """
    status = _mark(path + _STATUS)
    summary = _mark(path + _SUMMARY)
    # most runs have no notes: avoid the exception
    notes = _mark(path + _NOTES) if os.access(path + _NOTES, os.F_OK) else 0
    # without a status, the state depends on what else is there
    return (status, summary, notes, _mark(path)) if type(status) is int else (status, summary, notes)


def _mark(path: str) -> _Mark:
    try:
        stat = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError) as error:
        return getattr(error, "errno", None) or 0
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _read(run: Run, marks: tuple[_Mark, ...]) -> _Known:
    """Read a run; ``marks`` are from before, so that later changes are read again."""
    row = overview(run)
    fresh = any(map(_is_fresh, marks))
    # without a status, it becomes broken with time alone
    unfinished = isinstance(marks[0], int) and row.status.state == "created"
    again = time.monotonic() + FRESH_S if fresh or unfinished else math.inf
    return _Known(row, marks, again, settled=row.status.state == "completed")


def _is_fresh(mark: _Mark) -> bool:
    return not isinstance(mark, int) and abs(time.time() - mark[0] / 1e9) < FRESH_S


def _aged(known: _Known, now: float) -> _Known:
    """Return the run as of ``now`` with the same files: older, or lost."""
    status = known.row.status
    if status.state == "running":
        status = reconcile(replace(status, observed=now))
    elif abs(now - status.observed) > AGE_INTERVAL_S:
        status = replace(status, observed=now)
    else:
        return known
    return replace(known, row=replace(known.row, status=status))


def _same_but_age(before: Overview, after: Overview) -> bool:
    if before.status.stale != after.status.stale:
        return False
    status = replace(before.status, observed=after.status.observed)
    return replace(before, status=status) == after
