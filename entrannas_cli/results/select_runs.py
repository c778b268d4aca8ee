"""Selecting the runs of a comparison."""

from __future__ import annotations

import fnmatch
import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..common.errors import UsageError
from ..common.text import counted, plain
from ..store.find_run import find_run, list_runs, name_in
from ..store.overview import Overview, overview
from ..store.run import Run

__all__ = ["Selection", "select_runs"]

MAX_NAMED = 8  # problems listed in an error


@dataclass(frozen=True)
class Selection:
    """Runs in order, without duplicates; ``problems`` has a line for everything that was left out."""

    overviews: tuple[Overview, ...]
    problems: tuple[str, ...] = ()

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs themselves."""
        return tuple(Run(record.path) for record in self.overviews)


def select_runs(references: Sequence[str], runs_dir: Path) -> Selection:
    """Return the runs that ``references`` refer to; without any, all of ``runs_dir``, newest first.

    A reference is anything :func:`find_run` takes, a folder of runs, or a pattern with ``*``, ``?`` or ``[…]``,
    which matches paths if it has a slash, else ids in ``runs_dir``. Anything that exists but isn't a readable run
    becomes a problem: the shell's ``runs/*`` may be anything.

    Raises ``UsageError`` for a reference that matches nothing, and if no run is left.
    """
    search = _Search(runs_dir)
    chosen: dict[Path, Run] = {}
    problems: list[str] = []
    for found in [search.find(reference, problems) for reference in references] or [
        list(search.listed.values())
    ]:
        for run in found:
            chosen.setdefault(run.path, run)
    overviews = [overview(run) for run in chosen.values()]
    problems += [f"{plain(run.id)}: {'; '.join(run.problems)}" for run in overviews if run.problems]
    usable = tuple(run for run in overviews if not run.problems)
    if references and not usable:
        more = len(problems) - MAX_NAMED
        details = problems if more <= 0 else [*problems[:MAX_NAMED], f"… and {more} more"]
        raise UsageError(f"no run is left of {counted(len(references), 'argument')}:", details)
    return Selection(usable, tuple(problems))


class _Search:
    def __init__(self, runs_dir: Path) -> None:
        self.runs_dir = runs_dir

    @cached_property
    def listed(self) -> dict[str, Run]:
        """The runs of the folder by id, newest first; listed only once."""
        return {run.id: run for run in list_runs(self.runs_dir)}

    def find(self, reference: str, problems: list[str]) -> list[Run]:
        if os.sep not in reference and reference in self.listed:
            return [self.listed[reference]]
        exists = bool(reference) and os.path.lexists(reference)
        if glob.has_magic(reference) and not exists:
            return self._matching(reference, problems)
        if exists and os.sep in reference:
            return _at_path(Path(reference), problems)
        try:
            return [find_run(reference, self.runs_dir)]
        except UsageError:
            if not exists:
                raise
            return _at_path(Path(reference), problems)

    def _matching(self, pattern: str, problems: list[str]) -> list[Run]:
        if os.sep in pattern:
            paths = sorted(glob.glob(pattern), reverse=True)  # noqa: PTH207 (the pattern may be absolute)
            if paths:
                return [run for path in paths for run in _at_path(Path(path), problems)]
            raise UsageError(f'"{plain(pattern)}": no path matches this pattern')
        runs = [
            run
            for run in self.listed.values()
            if any(fnmatch.fnmatchcase(name, pattern) for name in (run.id, name_in(run.id)))
        ]
        if runs:
            return runs
        raise UsageError(f'"{plain(pattern)}": no run in {plain(str(self.runs_dir))} matches this pattern')


def _at_path(path: Path, problems: list[str]) -> list[Run]:
    """Return the run at ``path``, or the runs in the folder there."""
    run = Run(path)
    if not path.is_dir():
        problems.append(f"{plain(str(path))}: not a run directory")
        return []
    if run.looks_like_a_run():
        return [run]
    try:
        inside = list_runs(path)
    except UsageError as error:
        problems.append(error.message)
        return []
    if any(item.looks_like_a_run() for item in inside):
        return inside
    problems.append(f"{plain(str(path))}: not a run directory, and contains none")
    return []
