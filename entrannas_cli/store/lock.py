"""The lock of a run: held by the one process that works on it, released by the kernel when that dies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..common.errors import WriteFailed
from ..common.files import reason_of
from ..common.text import plain
from .run import LOCK_FILE

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["take_lock"]


def take_lock(directory: Path, *, wait: float = 0.0) -> BaseFileLock | None:
    """Take the lock of the run in ``directory``; return None if another process keeps it for ``wait`` seconds.

    Raises ``WriteFailed`` if locking is impossible.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(directory / LOCK_FILE, thread_local=False)
    try:
        lock.acquire(timeout=wait)
    except Timeout:
        return None
    except (OSError, NotImplementedError) as error:
        raise WriteFailed(f"{plain(str(directory))}: can't be locked: {reason_of(error)}") from None
    return lock
