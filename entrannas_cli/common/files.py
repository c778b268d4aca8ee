"""Reading small files that anybody may have written: never hangs, never reads without bound."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from .errors import RunFailed
from .text import safe

__all__ = [
    "DEEPEST",
    "BrokenRun",
    "nested_deeper",
    "open_regular",
    "read_json",
    "read_text",
    "read_toml",
    "reason_of",
]

DEEPEST = 20  # levels
LARGEST = 4 * 2**20  # bytes; the largest of our small files has a few kilobytes


class BrokenRun(RunFailed):
    """A file of a run directory is missing, damaged or no file at all. ``reason`` names the file and the fault."""

    def __init__(self, path: Path, fault: str) -> None:
        self.reason = f"{safe(path.name)}: {safe(fault)}"
        super().__init__(f"{safe(str(path))}: {safe(fault)}")


def reason_of(error: BaseException) -> str:
    """An error as one line of words: "No space left on device", not "[Errno 28] …"."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return safe(str(text).strip().split("\n", 1)[0])


def open_regular(path: Path) -> BinaryIO:
    """Opens a regular file for reading. Raises ``OSError``, also for pipes, devices and folders."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe would wait for its writer
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("not a regular file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_text(path: Path) -> str:
    """The text of a small file. Raises ``BrokenRun``."""
    try:
        with open_regular(path) as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise BrokenRun(path, "missing") from None
    except (OSError, ValueError) as error:
        raise BrokenRun(path, f"can't be read: {reason_of(error)}") from None
    if len(content) > LARGEST:
        raise BrokenRun(path, f"larger than {LARGEST // 2**20} MiB")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BrokenRun(path, f"not UTF-8 text (byte {error.start})") from None


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a small file; NaN and infinities read as null. Raises ``BrokenRun``."""
    text = read_text(path)
    try:
        value = json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise BrokenRun(path, f"not JSON: {reason_of(error)}" if text else "empty") from None
    if not isinstance(value, dict):
        raise BrokenRun(path, "not a JSON object")
    return _shallow(path, value)


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a small TOML file. Raises ``BrokenRun``."""
    from .toml import load_toml

    text = read_text(path)
    try:
        value = load_toml(text)
    except ValueError as error:
        raise BrokenRun(path, f"not TOML: {reason_of(error)}") from None
    return _shallow(path, value)


def _shallow(path: Path, value: dict[str, Any]) -> dict[str, Any]:
    if nested_deeper(value, DEEPEST):
        raise BrokenRun(path, f"nested deeper than {DEEPEST} levels")
    return value


def nested_deeper(value: object, levels: int) -> bool:
    """Whether lists and objects within ``value`` are nested deeper than ``levels``: more than ours ever are."""
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, list) and (not levels or any(nested_deeper(item, levels - 1) for item in value))
