"""Files that are replaced whole: a reader sees the old content or the new one, never a part."""

from __future__ import annotations

import itertools
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["TEMPORARY_SUFFIX", "dump_json", "replace_with", "sync_directory", "write_atomic", "write_json"]

TEMPORARY_SUFFIX = (
    ".tmp"  # suffix of files being written; what a kill leaves behind is removed by the next session
)
_numbers = itertools.count()


def write_atomic(path: Path, data: bytes | str, *, durable: bool = True) -> None:
    """Replaces ``path`` by ``data`` through a temporary file beside it. Raises ``OSError``; the old content stays.

    ``durable`` also waits until the content and the name are on the disk, so that it outlives a power failure.
    A killed process alone loses nothing either way.
    """
    content = data.encode("utf-8") if isinstance(data, str) else data
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{next(_numbers)}{TEMPORARY_SUFFIX}")
    try:
        # not tempfile: its files are private to the user, while runs are read by colleagues where the umask says so
        with open(temporary, "xb") as file:  # noqa: PTH123
            file.write(content)
        replace_with(path, temporary, durable=durable)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def replace_with(path: Path, temporary: Path, *, durable: bool = True) -> None:
    """Moves the finished file ``temporary`` to ``path``, of the same directory."""
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
    """Waits until the names in the directory ``path`` are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Mapping[str, Any], *, durable: bool = True) -> None:
    """:func:`write_atomic` of a JSON object, indented, with a newline at the end."""
    write_atomic(path, dump_json(value, indent=2) + "\n", durable=durable)


def dump_json(value: Mapping[str, Any] | Sequence[Any], *, indent: int | None = None) -> str:
    """Strict JSON: numbers that are not finite become null. Raises ``TypeError`` for what JSON can't hold."""
    separators = (",", ":") if indent is None else None
    try:
        return json.dumps(value, allow_nan=False, indent=indent, separators=separators)
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False, indent=indent, separators=separators)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
