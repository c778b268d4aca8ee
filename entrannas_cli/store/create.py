"""Creating a new run directory."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import time
import unicodedata
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..common.atomic import TEMPORARY_SUFFIX, sync_directory, write_atomic, write_json
from ..common.errors import UsageError, WriteFailed
from ..common.files import reason_of
from ..common.text import plain
from .run import SUMMARY_FILE, Run
from .status import FORMAT, Status, process_identity, write_status

__all__ = ["ID_TIME_FORMAT", "LATEST", "create_run", "slug"]

ID_TIME_FORMAT = "%Y%m%d-%H%M%S"  # UTC: sorts by time on any host, also when daylight saving ends
LATEST = "latest"  # a reference to the newest run
MAX_NAME_BYTES = 100  # file systems allow 255 for the whole id


def create_run(
    runs_dir: Path,
    *,
    space: str,
    method: str,
    seed: int,
    name: str | None = None,
    kind: str = "search",
    label: str = "",
    files: Mapping[str, str] | None = None,
    summary: Mapping[str, Any] | None = None,
    now: float | None = None,
) -> Run:
    """Create and fill the directory of a new run; any number of processes may do so at once.

    The id is ``20261124-101500-standard-entrannas-dst-s0``, with ``label`` instead of space, method and seed if
    given, or ``20261124-101500-NAME``; if it is taken, -2, -3, … is appended. It appears with all its files, or not
    at all: ``files`` (name → text, such as config.toml), the status, and the summary with the further values in
    ``summary``.

    Raises ``UsageError`` for a bad ``name`` or an unusable folder, ``WriteFailed`` if writing fails.
    """
    now = time.time() if now is None else now
    description = _readable(label)[:MAX_NAME_BYTES] if label else f"{_readable(space)[:40]}-{method}-s{seed}"
    suffix = slug(name) if name is not None else description
    name = f"{datetime.fromtimestamp(now, UTC).strftime(ID_TIME_FORMAT)}-{suffix}"
    unfinished = _unfinished_folder(runs_dir)
    try:
        for file, text in (files or {}).items():
            write_atomic(unfinished / file, text)
        host, pid, process_created = process_identity()
        status = Status(
            state="created", kind=kind, host=host, pid=pid, process_created=process_created, created=now
        )
        write_status(unfinished, status)
        fields = {"kind": kind, "space": space, "method": method, "seed": seed, **(summary or {})}
        path = _move_to_free_name(unfinished, name, {**fields, "state": "created", "created": now})
        sync_directory(runs_dir)
    except BaseException as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        if not isinstance(error, OSError):
            raise
        raise WriteFailed(f"{plain(str(runs_dir / name))}: can't be written: {reason_of(error)}") from None
    return Run(path)


def _unfinished_folder(runs_dir: Path) -> Path:
    """Create a folder to fill; lists leave it out, as its name begins with a dot."""
    path = runs_dir / f".{uuid.uuid4().hex}{TEMPORARY_SUFFIX}"
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        path.mkdir()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise WriteFailed(f"{plain(str(runs_dir))}: can't create a run: {reason_of(error)}") from None
        reason = "not a folder" if isinstance(error, FileExistsError) else reason_of(error)
        raise UsageError(
            f"{plain(str(runs_dir))}: cannot create a run: {reason} (choose another folder with --runs-dir)"
        ) from None
    return path


def _move_to_free_name(unfinished: Path, name: str, summary: Mapping[str, Any]) -> Path:
    """Move the folder to ``name``, or ``name``-2, -3, …, and return its path."""
    for number in itertools.count(1):
        path = unfinished.with_name(name if number == 1 else f"{name}-{number}")
        if os.path.lexists(path):
            continue
        write_json(unfinished / SUMMARY_FILE, {"format": FORMAT, "id": path.name, **summary})
        try:
            return unfinished.rename(path)  # atomic; a folder that isn't empty is not replaced
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
    raise AssertionError("not reached")


def slug(name: str) -> str:
    """Return ``name`` as part of an id: letters, digits, ``.``, ``_`` and ``-``; others become ``-``.

    Raises ``UsageError`` for a name that is a path, hidden, empty, too long or contains control characters.
    """
    fault = ""
    if not name.strip():
        fault = "is empty"
    elif any(unicodedata.category(character).startswith("C") for character in name):
        fault = "contains unprintable characters"
    elif "/" in name or "\\" in name:
        fault = "contains a slash"
    elif name.startswith("."):
        fault = "starts with a dot"
    elif len(name.encode()) > MAX_NAME_BYTES:
        fault = f"is longer than {MAX_NAME_BYTES} bytes"
    elif not (text := _readable(name)):
        fault = "has no letter or digit"
    elif text == LATEST:
        fault = "is reserved for the newest run"
    if fault:
        raise UsageError(f'--name "{plain(name)[:60]}" {fault}; use letters, digits, dots, - and _')
    return text


def _readable(text: str) -> str:
    text = unicodedata.normalize("NFC", text)
    words = "".join(c if c.isalnum() or c in "._-" else " " for c in text).split()
    return "-".join(words).strip(".-_")
