"""The end of a run's log, read incrementally."""

from __future__ import annotations

import os
from collections import deque

from ..common.files import open_regular
from ..common.text import plain
from ..store.run import LOG_FILE, Run

__all__ = ["LogTail"]

FIRST_READ_BYTES = 2**18  # bytes before the end where the first read starts
MAX_READ_BYTES = 2**20  # bytes read at once; of more new text only the end is read
MAX_LINE_CHARS = 2000  # characters


class LogTail:
    """The last ``limit`` lines of the log of ``run`` as plain text, with invalid UTF-8 replaced.

    The last line may be unfinished. A log that is missing or not a regular file has no lines.
    """

    def __init__(self, run: Run, limit: int = 1000) -> None:
        self.run = run
        self.version = 0
        self._lines: deque[str] = deque(maxlen=limit)
        self._pending = b""  # the unfinished line
        self._inode: tuple[int, int] | None = None
        self._offset = 0

    @property
    def lines(self) -> list[str]:
        """The lines, oldest first."""
        return [*self._lines, *self._display(self._pending)]

    def read(self) -> bool:
        """Read what is new; return whether there was anything.

        ``version`` increases with each change.
        """
        before = self.version
        try:
            with open_regular(self.run.path / LOG_FILE) as file:
                status = os.fstat(file.fileno())
                inode = (status.st_dev, status.st_ino)
                if inode != self._inode or status.st_size < self._offset:
                    self._restart(inode)
                max_bytes = MAX_READ_BYTES if self._offset else FIRST_READ_BYTES
                if status.st_size - self._offset > max_bytes:
                    self._skip_to(file.fileno(), status.st_size - max_bytes)
                self._append(os.pread(file.fileno(), status.st_size - self._offset, self._offset))
        except OSError:
            if self._inode is not None:
                self._restart(None)
        return self.version != before

    def _restart(self, inode: tuple[int, int] | None) -> None:
        self.version += bool(self._lines or self._pending)
        self._inode, self._offset, self._pending = inode, 0, b""
        self._lines.clear()

    def _skip_to(self, descriptor: int, offset: int) -> None:
        """Continue at the first line that starts at ``offset`` or later, or inside one that has no end."""
        self._lines.clear()
        self._pending = b""
        chunk = os.pread(descriptor, MAX_READ_BYTES, offset - 1)
        self._offset = offset + chunk.find(b"\n")

    def _append(self, data: bytes) -> None:
        if not data:
            return
        self._offset += len(data)
        *complete, self._pending = (self._pending + data).split(b"\n")
        self._pending = self._pending[-4 * MAX_LINE_CHARS :]
        for line in complete[-(self._lines.maxlen or 0) :]:
            self._lines.extend(self._display(line, empty=True))
        self.version += 1

    def _display(self, line: bytes, *, empty: bool = False) -> list[str]:
        """Return the line as text; of an overwritten one, such as a progress bar, what is visible in the end."""
        text = line.rstrip(b"\r").rsplit(b"\r", 1)[-1].decode("utf-8", "replace")
        text = text if len(text) <= MAX_LINE_CHARS else text[: MAX_LINE_CHARS - 1] + "…"
        return [plain(text.expandtabs())] if text or empty else []
