"""Reading small files that anybody may have written: never hangs, never reads without limit."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import tomli

from .errors import RunFailed, UsageError
from .text import plain

__all__ = [
    "MAX_DEPTH",
    "BrokenRun",
    "append_regular",
    "decoded",
    "file_error",
    "load_toml",
    "nested_deeper",
    "open_regular",
    "parse_toml",
    "read_json",
    "read_text",
    "read_toml",
    "reason_of",
]

MAX_DEPTH = 20  # levels of nesting
MAX_BYTES = 4 * 2**20  # our own small files have a few kilobytes
MAX_TOML_BYTES = 2**20  # nobody writes that much by hand
MAX_INTEGER = 2**63  # TOML's own limit; Python cannot even print far longer ones


class BrokenRun(RunFailed):
    """A run's file is missing, damaged or not a regular file. ``reason`` names the file and the fault."""

    def __init__(self, path: Path, fault: str) -> None:
        self.reason = f"{plain(path.name)}: {plain(fault)}"
        super().__init__(f"{plain(str(path))}: {plain(fault)}")


def reason_of(error: BaseException) -> str:
    """Return an error as one line of words: "No space left on device", not "[Errno 28] …"."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return plain(str(text).strip().split("\n", 1)[0])


def open_regular(path: Path, *, follow_links: bool = False) -> BinaryIO:
    """Open a regular file for reading.

    A link is followed only in what the user names: in a run that somebody else made, it could lead anywhere. Raises
    ``OSError``, also for pipes, devices and folders.
    """
    return os.fdopen(_descriptor(path, os.O_RDONLY | (0 if follow_links else os.O_NOFOLLOW)), "rb")


def append_regular(path: Path) -> int:
    """Open a regular file to append to it, create it if it is missing, and return its descriptor.

    Raises ``OSError``, also for pipes, devices, folders and links.
    """
    return _descriptor(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW)


def _descriptor(path: Path, flags: int) -> int:
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)  # don't wait at a pipe
    except OSError as error:
        if error.errno == errno.ELOOP and flags & os.O_NOFOLLOW:
            raise OSError(errno.ELOOP, "a link, which is not followed", str(path)) from None
        raise
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def file_error(path: Path, fault: str) -> UsageError:
    """Return the error for a file that the user named."""
    return UsageError(f"{plain(str(path))}: {plain(fault)}")


def read_text(
    path: Path,
    error: Callable[[Path, str], Exception] = BrokenRun,
    *,
    max_bytes: int = MAX_BYTES,
    follow_links: bool = False,
) -> str:
    """Return the text of a small file; ``follow_links`` as in :func:`open_regular`.

    Raises ``error`` with the path and what is wrong with it.
    """
    try:
        with open_regular(path, follow_links=follow_links) as file:
            content = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise error(path, "no such file") from None
    except (OSError, ValueError) as failure:
        raise error(path, f"can't be read: {reason_of(failure)}") from None
    return decoded(content, path, error, max_bytes=max_bytes)


def decoded(
    content: bytes,
    path: Path,
    error: Callable[[Path, str], Exception] = BrokenRun,
    *,
    max_bytes: int = MAX_BYTES,
) -> str:
    """Return the text in ``content``, the first ``max_bytes`` + 1 bytes of a file.

    Raises ``error``.
    """
    if len(content) > max_bytes:
        raise error(path, f"larger than {max_bytes // 2**20} MiB")
    try:
        return content.decode("utf-8-sig")  # editors on Windows begin files with a byte-order mark
    except UnicodeDecodeError as failure:
        raise error(path, f"not UTF-8 text (byte {failure.start})") from None


def read_json(path: Path, *, follow_links: bool = False) -> dict[str, Any]:
    """Return the JSON object in a small file of a run, with None for NaN and infinities.

    Raises ``BrokenRun``.
    """
    text = read_text(path, follow_links=follow_links)
    try:
        value = json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise BrokenRun(path, f"not JSON: {reason_of(error)}" if text else "empty") from None
    if not isinstance(value, dict):
        raise BrokenRun(path, "not a JSON object")
    return _check_depth(path, value)


def read_toml(
    path: Path, error: Callable[[Path, str], Exception] = BrokenRun, *, follow_links: bool = False
) -> dict[str, Any]:
    """Return the content of a small TOML file; ``follow_links`` as in :func:`open_regular`.

    Raises ``error`` with the path and what is wrong with it.
    """
    text = read_text(path, error, max_bytes=MAX_TOML_BYTES, follow_links=follow_links)
    return parse_toml(text, path, error)


def parse_toml(text: str, path: Path, error: Callable[[Path, str], Exception] = BrokenRun) -> dict[str, Any]:
    """Return the content of a TOML document; ``path`` names it in errors.

    Raises ``error``.
    """
    try:
        value = load_toml(text)
    except ValueError as failure:
        raise error(path, f"not valid TOML: {reason_of(failure)}") from None
    return _check_depth(path, value, error)


def _check_depth(
    path: Path, value: dict[str, Any], error: Callable[[Path, str], Exception] = BrokenRun
) -> dict[str, Any]:
    if nested_deeper(value, MAX_DEPTH):
        raise error(path, f"nested deeper than {MAX_DEPTH} levels")
    return value


def nested_deeper(value: object, levels: int) -> bool:
    """Return whether lists and objects in ``value`` are nested deeper than ``levels``."""
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, list) and (not levels or any(nested_deeper(item, levels - 1) for item in value))


def load_toml(text: str) -> dict[str, Any]:
    """Return the content of a TOML document.

    Raises ``ValueError`` for anything wrong with it.
    """
    try:
        content = tomli.loads(text)
        _check_numbers(content)
    except RecursionError as error:
        raise ValueError(str(error)) from None
    except tomli.TOMLDecodeError:
        raise
    except ValueError:  # also Python's own, for integers of thousands of digits
        raise ValueError("a number is too large") from None
    return content


def _check_numbers(value: object) -> None:
    if isinstance(value, dict):
        for item in value.values():
            _check_numbers(item)
    elif isinstance(value, list):
        for item in value:
            _check_numbers(item)
    elif type(value) is int and not -MAX_INTEGER <= value < MAX_INTEGER:
        raise ValueError("a number is too large")
