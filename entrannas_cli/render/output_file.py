"""Files that a user asks for: an old one stays until the new one is complete."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..common.errors import UsageError
from ..common.text import choices, safe

__all__ = ["check_output", "write_output"]


def check_output(path: Path, suffixes: Sequence[str]) -> str:
    """Return the suffix of ``path`` in lower case.

    Raises ``UsageError`` if it isn't one of ``suffixes``, or if no file can be written there.
    """
    suffix = path.suffix.lower()
    shown = safe(str(path))
    if suffix not in suffixes:
        found = f"unsupported file extension {safe(path.suffix)}" if path.suffix else "no file extension"
        raise UsageError(f"{shown}: {found}; use {choices(suffixes)}")
    try:
        if path.is_dir():
            raise UsageError(f"{shown}: is a folder; name a file in it")
        if path.exists() and not path.is_file():
            raise UsageError(f"{shown}: not a regular file, so it is not replaced")
        if not path.parent.is_dir():
            raise UsageError(f"{shown}: no folder {safe(str(path.parent))}; create it first")
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None
    return suffix


def write_output(path: Path, data: bytes | str) -> None:
    """Write ``data`` completely or not at all, following links. Raises ``UsageError`` with the reason."""
    from ..common.atomic import write_atomic

    try:
        write_atomic(path.resolve(), data, durable=False)
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: links in a circle, before 3.13
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: BaseException) -> UsageError:
    from ..common.files import reason_of

    return UsageError(f"{safe(str(path))}: cannot be written: {reason_of(error)}")
