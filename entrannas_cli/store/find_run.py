"""Finding runs from what a user types, and removing them."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from ..common.errors import RunFailed, UsageError
from ..common.files import reason_of
from ..common.text import plain
from .create import ID_TIME_FORMAT, LATEST
from .lock import take_lock
from .messages import describe_holder, reference_to
from .run import LOCK_FILE, Run
from .status import STATUS_FILE, is_starting, is_working

__all__ = ["check_removable", "find_run", "list_runs", "name_in", "remove_run", "run_names", "short_id"]

_STAMPED = re.compile(r"(\d{8}-\d{6})-(.+?(?:-(\d+))?)")
MAX_NAMED = 8  # candidates listed in an error


def list_runs(runs_dir: Path) -> list[Run]:
    """Return the runs in ``runs_dir``, newest first; none if it doesn't exist. Reads none of their files.

    Every directory that isn't hidden counts, even a broken one. Raises ``UsageError`` for a folder that cannot be
    read.
    """
    return [Run(runs_dir / name) for name in run_names(runs_dir)]


def run_names(runs_dir: Path) -> list[str]:
    """Return the ids of the runs in ``runs_dir``, as :func:`list_runs` does."""
    try:
        with os.scandir(runs_dir) as entries:
            found = [entry for entry in entries if not entry.name.startswith(".") and _is_directory(entry)]
            return [entry.name for entry in sorted(found, key=_age_key, reverse=True)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"{plain(str(runs_dir))}: can't be read: {reason_of(error)}") from None


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a circular link
        return False


def _age_key(entry: os.DirEntry[str]) -> tuple[str, int, str]:
    """Return the time in the id, or of the last change; of equal times, the higher -2, -3 is newer."""
    match = _STAMPED.fullmatch(entry.name)
    if match:
        return match[1], int(match[3] or 1) if len(match[3] or "") < 10 else 1, entry.name
    try:
        changed = entry.stat().st_mtime
        return time.strftime(ID_TIME_FORMAT, time.gmtime(changed)), 1, entry.name
    except (OSError, OverflowError, ValueError):
        return "", 1, entry.name


def find_run(reference: str, runs_dir: Path) -> Run:
    """Return the run that ``reference`` refers to: an id or its unique prefix, a name, ``latest``, or a path.

    Raises ``UsageError`` with the candidates or the nearest ids.
    """
    runs = list_runs(runs_dir)
    by_id = {run.id: run for run in runs}
    if reference in by_id:
        return by_id[reference]
    if os.sep in reference or reference in (".", ".."):
        return _at_path(Path(reference))
    matches = [run for run in runs if reference and run.id.startswith(reference)]
    matches = matches or [run for run in runs if name_in(run.id) == reference]
    if reference == LATEST and runs:
        return runs[0]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UsageError(
            f"{_quoted(reference)}: {len(matches)} runs match, give more of the id:", _run_lines(matches)
        )
    if reference and _is_run_directory(Path(reference)):
        return Run(Path(reference))
    if not runs:
        raise UsageError(
            f"{_quoted(reference)}: no runs in {plain(str(runs_dir))} (choose another folder with --runs-dir)"
        )
    raise UsageError(
        f"{_quoted(reference)}: no such run in {plain(str(runs_dir))}", _suggestions(reference, list(by_id))
    )


def _at_path(path: Path) -> Run:
    if _is_run_directory(path):
        return Run(path)
    if os.path.lexists(path):
        raise UsageError(f"{plain(str(path))}: not a run directory (it has no {STATUS_FILE})")
    raise UsageError(f"{plain(str(path))}: no such run directory")


def _is_run_directory(path: Path) -> bool:
    try:
        return path.is_dir() and Run(path).looks_like_a_run()
    except (OSError, ValueError):
        return False


def name_in(identifier: str) -> str:
    """Return the part of an id after its time, as given by ``--name``."""
    match = _STAMPED.fullmatch(identifier)
    return match[2] if match else ""


def short_id(identifier: str) -> str:
    """Return an id without its time, for another run's name; other texts unchanged."""
    return name_in(identifier) or identifier


def _run_lines(runs: Sequence[Run]) -> list[str]:
    lines = [plain(run.id) for run in runs[:MAX_NAMED]]
    return lines if len(runs) <= MAX_NAMED else [*lines, f"… and {len(runs) - MAX_NAMED} more"]


def _suggestions(reference: str, ids: Sequence[str]) -> list[str]:
    near = [identifier for identifier in ids if reference and reference.lower() in identifier.lower()]
    near = near or difflib.get_close_matches(reference, ids, n=3, cutoff=0.6)
    if near:
        return [f"did you mean {plain(identifier)}?" for identifier in near[:3]]
    return ["`entrannas runs list` lists all runs"]


def _quoted(reference: str) -> str:
    return f'run "{plain(reference)}"'


def check_removable(run: Run) -> None:
    """Raise ``UsageError`` for a running run, and for a directory that isn't a run."""
    _check_is_run(run)
    status = run.status()
    if is_working(run.path, status):  # else the lock decides
        raise UsageError(
            f"{plain(run.id)} is running ({describe_holder(status)}): stop it first "
            f"with `entrannas stop {reference_to(run)}`"
        )
    if is_starting(status):
        raise UsageError(f"{plain(run.id)} is being started by process {status.pid}: not removed")


def remove_run(run: Run) -> None:
    """Delete the run's directory, or only the link if it is one.

    Raises ``UsageError`` as :func:`check_removable` does, ``RunFailed`` if files cannot be deleted.
    """
    check_removable(run)
    lock = take_lock(run.path)
    if lock is None:
        raise UsageError(f"{plain(run.id)} is held by {describe_holder(run.status())}: not removed")
    try:
        if run.path.is_symlink():
            run.path.unlink()
        else:
            _delete(run.path)
    except OSError as error:
        raise RunFailed(f"{plain(str(run.path))}: can't be removed: {reason_of(error)}") from None
    finally:
        lock.release()


def _check_is_run(run: Run) -> None:
    """Raise ``UsageError`` if it is not a run: a mistyped path must not cost a home directory."""
    try:
        names = {entry.name for entry in os.scandir(run.path)}
    except OSError as error:
        raise UsageError(f"{plain(str(run.path))}: can't be read: {reason_of(error)}") from None
    if names - {LOCK_FILE} and not run.looks_like_a_run():
        raise UsageError(f"{plain(str(run.path))}: not a run directory, so it isn't removed")
    if any(Run(run.path / name).looks_like_a_run() for name in names):
        raise UsageError(f"{plain(str(run.path))}: contains runs, so it isn't removed")


def _delete(directory: Path) -> None:
    """Delete ``directory``, its status last.

    What an interrupted deletion leaves is still listed, and can be removed.
    """
    for entry in sorted(os.scandir(directory), key=lambda entry: entry.name == STATUS_FILE):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)  # noqa: PTH108
    directory.rmdir()
