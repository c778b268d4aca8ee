"""Interrupt a write of this process in its middle: by a kill, by an error of the disk, or by a change of the clock.

:func:`install` is called in a process under attack (see ``tests/search/warm_process.py``) with a text such as
``kill half checkpoints/step-*.pt 3``: an action, a moment, a file and which of its writes is hit, from 1. Rows
are appended with ``os.write``; other files get a temporary name first, then are moved in place with ``os.replace``.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

__all__ = ["APPENDED", "MOMENTS", "REPLACED", "VARIABLE", "install"]

VARIABLE = "INTERRUPT_WRITE"
MOMENTS = ("before", "half", "after")
APPENDED = ("metrics.jsonl", "genotypes.jsonl", "log.txt")
REPLACED = ("checkpoints/step-*.pt", "checkpoints/best.pt", "summary.json", "genotype.json", "status.json")


def install(text: str) -> None:
    """Interrupt the write that ``text`` describes. Actions: ``kill``, ``clock``, or an error such as ``ENOSPC``.

    An error stays: from that write on, the file cannot be written any more. ``clock`` moves the clock of this
    process by as many seconds as its moment says.
    """
    action, moment, pattern, number = text.split()
    writes = 0

    def hit(path: str) -> bool:
        nonlocal writes
        writes += fnmatch(path, f"*/{pattern}")
        is_due = writes == int(number) if action == "kill" else writes >= int(number)
        return fnmatch(path, f"*/{pattern}") and is_due

    def end() -> None:
        if action == "clock":
            time.time = lambda: original_time() + float(moment)
            return
        if action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        code = getattr(errno, action)
        raise OSError(code, os.strerror(code))

    def write(descriptor: int, data: bytes) -> int:
        if not hit(str(Path(f"/proc/self/fd/{descriptor}").readlink())):
            return original_write(descriptor, data)
        if action == "clock":
            end()
            return original_write(descriptor, data)
        if moment != "before":
            original_write(descriptor, data[: len(data) // 2] if moment == "half" else data)
        end()
        raise AssertionError("not reached")

    def replace(source: Any, target: Any, **keywords: Any) -> None:
        if not hit(os.fspath(target)):
            original_replace(source, target, **keywords)
            return
        if moment == "half":
            os.truncate(source, os.path.getsize(source) // 2)  # noqa: PTH202 (as if killed in the write before)
        if moment == "after":
            original_replace(source, target, **keywords)
        end()

    def opened(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str) and hit(arguments[0]):
            end()

    original_time = time.time
    original_write: Callable[[int, bytes], int] = os.write
    original_replace: Callable[..., None] = os.replace
    if pattern == "lock":
        sys.addaudithook(opened)
    elif pattern in APPENDED:
        os.write = write  # type: ignore[assignment]
    else:
        os.replace = replace  # type: ignore[assignment]
