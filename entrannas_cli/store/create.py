"""Creating a new run directory."""

from __future__ import annotations

import errno
import shutil
import time
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..common.atomic import sync_directory, write_atomic, write_json
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
    given, or ``20261124-101500-NAME``; if it is taken, -2, -3, … is appended. ``files`` (name → text, such as
    config.toml) are written first, the status last; ``summary`` has further values for the summary.

    Raises ``UsageError`` for a bad ``name`` or an unusable folder, ``WriteFailed`` if writing fails.
    """
    now = time.time() if now is None else now
    description = _readable(label)[:MAX_NAME_BYTES] if label else f"{_readable(space)[:40]}-{method}-s{seed}"
    suffix = slug(name) if name is not None else description
    run = Run(_claim(runs_dir, f"{datetime.fromtimestamp(now, UTC).strftime(ID_TIME_FORMAT)}-{suffix}"))
    host, pid, process_created = process_identity()
    try:
        for file, text in (files or {}).items():
            write_atomic(run.path / file, text)
        fields = {
            "id": run.id,
            "kind": kind,
            "space": space,
            "method": method,
            "seed": seed,
            **(summary or {}),
        }
        write_json(run.path / SUMMARY_FILE, {"format": FORMAT, **fields, "state": "created", "created": now})
        status = Status(
            state="created", kind=kind, host=host, pid=pid, process_created=process_created, created=now
        )
        write_status(run.path, status)
        sync_directory(run.path.parent)
    except BaseException as error:
        shutil.rmtree(run.path, ignore_errors=True)
        if not isinstance(error, OSError):
            raise
        raise WriteFailed(f"{plain(str(run.path))}: can't be written: {reason_of(error)}") from None
    return run


def _claim(runs_dir: Path, name: str) -> Path:
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            path = runs_dir / (name if number == 1 else f"{name}-{number}")
            try:
                path.mkdir()  # atomic: only one process succeeds
            except FileExistsError:
                number += 1
            else:
                return path
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise WriteFailed(f"{plain(str(runs_dir))}: can't create a run: {reason_of(error)}") from None
        reason = "not a folder" if isinstance(error, FileExistsError) else reason_of(error)
        raise UsageError(
            f"{plain(str(runs_dir))}: cannot create a run: {reason} (choose another folder with --runs-dir)"
        ) from None


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
