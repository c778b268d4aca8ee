"""Atomic file replacement: a reader sees the old content or the new one, never a part."""

from __future__ import annotations

import itertools
import json
import math
import os
from collections.abc import Mapping, Sequence
from datetime import date, time
from pathlib import Path
from typing import Any

__all__ = ["TEMPORARY_SUFFIX", "dump_json", "move_into_place", "sync_directory", "write_atomic", "write_json"]

TEMPORARY_SUFFIX = ".tmp"  # of files being written; the next session removes those that a kill left behind
_counter = itertools.count()


def write_atomic(path: Path, data: bytes | str, *, durable: bool = True) -> None:
    """Replace ``path`` with ``data`` through a temporary file next to it.

    ``durable`` also waits until content and name are on disk, so that they survive a power failure; a killed
    process loses nothing either way. Raises ``OSError`` and keeps the old content.
    """
    content = data.encode("utf-8") if isinstance(data, str) else data
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{next(_counter)}{TEMPORARY_SUFFIX}")
    try:
        # not tempfile: its files are private, but colleagues may read runs if the umask lets them
        with open(temporary, "xb") as file:  # noqa: PTH123
            file.write(content)
        move_into_place(path, temporary, durable=durable)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def move_into_place(path: Path, temporary: Path, *, durable: bool = True) -> None:
    """Move the finished file ``temporary`` to ``path`` in the same directory."""
    if durable:
        descriptor = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    temporary.replace(path)
    if durable:
        sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Wait until the names in the directory ``path`` are on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Mapping[str, Any], *, durable: bool = True) -> None:
    """Write an indented JSON object with :func:`write_atomic`."""
    write_atomic(path, dump_json(value, indent=2) + "\n", durable=durable)


def dump_json(value: Mapping[str, Any] | Sequence[Any], *, indent: int | None = None) -> str:
    """Return strict JSON, with null for numbers that are not finite, and TOML's dates and times as text.

    Raises ``TypeError`` for values that JSON cannot represent.
    """
    separators = (",", ":") if indent is None else None

    def dump(value: Any) -> str:
        return json.dumps(value, allow_nan=False, indent=indent, separators=separators, default=_date_text)

    try:
        return dump(value)
    except ValueError:
        return dump(_finite(value))


def _date_text(value: object) -> str:
    if isinstance(value, date | time):  # a datetime is a date
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
