"""Append-only JSON lines: one write per line, incremental reading, superseded rows left out.

A killed process loses at most the line it was writing; that line is cut, and readers skip it. When a run resumes
from an earlier step, an attempt marker ``{"kind": "attempt", "attempt": 2, "first_step": 124}`` says that all rows
before it with a step of 124 or more no longer count.
"""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..common.atomic import dump_json
from ..common.files import append_regular, open_regular

__all__ = ["ATTEMPT", "JsonLinesReader", "JsonLinesWriter", "NewRows"]

ATTEMPT = "attempt"  # the kind of a marker row
CHUNK_BYTES = 2**20  # bytes read at once
MIN_READ_BYTES = 2**12  # bytes read at least to find the end of a line
MAX_LINE_BYTES = 2**20  # a longer line is not one of our rows
_DECODER = json.JSONDecoder(parse_constant=lambda _: None)  # made once, which halves the cost of a row


class JsonLinesWriter:
    """Appends rows to the file ``path``, which is created if needed. Raises ``OSError``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = append_regular(path)
        size = os.fstat(self._descriptor).st_size
        self._cut = size > 0 and os.pread(self._descriptor, 1, size - 1) != b"\n"

    def append(self, row: Mapping[str, Any]) -> None:
        """Write ``row`` as one line in one system call, on a new line if the last one was cut."""
        line = dump_json(row).encode("ascii") + b"\n"
        if self._cut:
            line = b"\n" + line
        written = os.write(self._descriptor, line)
        self._cut = written < len(line)
        if self._cut:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    def sync(self) -> None:
        """Wait until all rows are on disk."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file; may be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@dataclass(frozen=True)
class NewRows:
    """What is new in a file: drop the rows with a step >= ``superseded_from``, then add ``rows``.

    ``superseded_from`` is None to drop nothing, 0 to drop everything. ``more`` says that a limit was reached
    before the end of the file.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    superseded_from: int | None = None
    more: bool = False


class JsonLinesReader:
    """Follows a growing file. Never raises for the content of the file; a missing file has no rows.

    ``tail`` starts that many bytes before the end, to read the last rows of a long file. ``skipped`` counts the
    complete lines that are not rows: cut, binary, without an integer ``step``. ``attempts`` has the markers read
    so far.
    """

    def __init__(self, path: Path, *, tail: int | None = None) -> None:
        self.path = path
        self._tail = tail
        self.skipped = 0
        self.attempts: list[dict[str, Any]] = []
        self._offset = 0
        self._inode: tuple[int, int] | None = None
        self._in_long_line = False

    def read_new(self, limit: int | None = None) -> NewRows:
        """Return the rows of lines completed since the last call, without superseded ones.

        Rows are dicts with an integer ``step``; the markers themselves are not returned. A file that was replaced
        or truncated is read again from its start. With a ``limit``, about that many bytes but at least one line
        are read; the next call continues there.
        """
        rows: list[dict[str, Any]] = []
        superseded: int | None = None
        more = False
        try:
            with open_regular(self.path) as file:
                if self._restart_if_replaced(os.fstat(file.fileno())):
                    superseded = 0
                lines, more = self._read_lines(file.fileno(), limit)
                markers: list[dict[str, Any]] = []
                first = math.inf  # of the markers after a row
                for line in reversed(lines):
                    row = _parse(line)
                    if row is None:
                        self.skipped += bool(line.strip())
                    elif row.get("kind") == ATTEMPT:
                        markers.append(row)
                        first = min(first, row["first_step"])
                    elif row["step"] < first:
                        rows.append(row)
                rows.reverse()
                self.attempts += reversed(markers)
                if markers:
                    superseded = int(first) if superseded is None else min(superseded, int(first))
        except OSError:
            if self._inode is not None:  # the file existed before
                superseded = 0
                self._restart(None)
        return NewRows(rows, superseded, more)

    def _restart_if_replaced(self, status: os.stat_result) -> bool:
        """Restart if the file was replaced or truncated, and return whether it was."""
        inode = (status.st_dev, status.st_ino)
        first_read = self._inode is None
        if inode == self._inode and status.st_size >= self._offset:
            return False
        self._restart(inode)
        if first_read and self._tail is not None and status.st_size > self._tail:
            self._offset = status.st_size - self._tail
            self._in_long_line = True  # probably in the middle of a line: start with the next one
        return not first_read

    def _restart(self, inode: tuple[int, int] | None) -> None:
        self._inode = inode
        self._offset = 0
        self._in_long_line = False
        self.skipped = 0
        self.attempts = []

    def _read_lines(self, descriptor: int, limit: int | None) -> tuple[list[bytes], bool]:
        """Return the complete lines after the offset, which moves past them, and whether the limit was reached."""
        lines: list[bytes] = []
        pending = b""
        position = self._offset
        end = math.inf if limit is None else position + limit
        more = False
        while not (more := position >= end and bool(lines or self._in_long_line)):
            # past the limit, look for the end of the line in chunks that double
            size = end - position if position < end else max(len(pending), MIN_READ_BYTES)
            chunk = os.pread(descriptor, int(min(CHUNK_BYTES, size)), position)
            if not chunk:
                break
            position += len(chunk)
            *complete, pending = (pending + chunk).split(b"\n")
            if complete and self._in_long_line:
                del complete[0]
                self._in_long_line = False
            lines += complete
            if len(pending) > MAX_LINE_BYTES:  # don't keep it in memory
                self.skipped += not self._in_long_line
                self._in_long_line = True
                pending = b""
        # an overlong line is not read twice
        self._offset = position if self._in_long_line else position - len(pending)
        return lines, more


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        row = _DECODER.decode(line.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict):
        return None
    key = "first_step" if row.get("kind") == ATTEMPT else "step"
    return row if type(row.get(key)) is int else None
