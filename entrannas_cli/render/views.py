"""The views of a search, and which of them suits a stream."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import IO, Protocol, Self

from ..common.text import safe
from ..engine.observer import Observer, Row, Started
from ..method.genotype import Genotype
from .lines import end_line, epoch_line, start_line
from .progress import RunProgress
from .terminal import ascii_only, why_plain

__all__ = ["PlainView", "QuietView", "View", "make_view"]


class View(Observer, Protocol):
    """An ``Observer`` that is also a context manager: leaving it gives the terminal back."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def make_view(stream: IO[str] | None = None, *, quiet: bool = False) -> View:
    """Return the view for ``stream`` (stderr): live on a terminal that supports it, otherwise a line per epoch.

    ``quiet`` shows nothing.
    """
    stream = sys.stderr if stream is None else stream
    if quiet:
        return QuietView()
    if why_plain(stream, os.environ):
        return PlainView(stream)
    from .live import LiveView

    return LiveView(stream)


class QuietView:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def started(self, facts: Started) -> None:
        """Show nothing."""

    def step(self, row: Row) -> None:
        """Show nothing."""

    def epoch(self, row: Row) -> None:
        """Show nothing."""

    def derived(self, step: int, genotype: Genotype) -> None:
        """Show nothing."""

    def message(self, level: str, text: str) -> None:
        """Show nothing."""

    def finished(self, summary: Row) -> None:
        """Show nothing."""


class PlainView(QuietView):
    """A line for the start, each epoch, each new message and the end, on ``stream``."""

    def __init__(self, stream: IO[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._ascii = ascii_only(stream)
        self._progress = RunProgress(clock)

    def started(self, facts: Started) -> None:
        """Print what runs, and with what."""
        self._progress.started(facts)
        self._print(start_line(facts))

    def step(self, row: Row) -> None:
        """Print nothing, but keep the pace."""
        self._progress.take_step(row)

    def epoch(self, row: Row) -> None:
        """Print a line."""
        self._progress.take_epoch(row)
        self._print(epoch_line(row, self._progress))

    def message(self, level: str, text: str) -> None:
        """Print each message once."""
        if self._progress.note(level, text):
            self._print(f"{'warning: ' if level == 'warning' else ''}{safe(text)}")

    def finished(self, summary: Row) -> None:
        """Print how the run ended, and after how long."""
        self._progress.finished(str(summary.get("state") or "ended"))
        self._print(end_line(self._progress))

    def _print(self, line: str) -> None:
        if self._ascii:
            line = line.replace("–", "-").encode("ascii", "replace").decode()
        try:
            self._stream.write(f"{line}\n")
            self._stream.flush()
        except RuntimeError:  # a signal's message in the middle of another line
            os.write(2, f"{line}\n".encode(errors="replace"))
        except (OSError, ValueError):  # the reader is gone, but the search goes on
            pass
