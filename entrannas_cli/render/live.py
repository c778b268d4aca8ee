"""The live view of a search: the whole terminal, redrawn a few times per second and restored at the end."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import IO, Self

from rich.console import ConsoleDimensions, Group
from rich.control import Control
from rich.segment import Segment
from rich.text import Text

from ..common.text import safe
from ..engine.observer import Row, Started
from ..method.genotype import Genotype
from .frame import draw_frame
from .lines import end_line, epoch_line, start_line
from .progress import RunProgress
from .terminal import ascii_only, console_for

__all__ = ["LiveView"]

MIN_INTERVAL_S = 0.15  # between frames
MAX_CPU_SHARE = 0.05  # of a core, for drawing: larger terminals are redrawn less often
MAX_INTERVAL_S = 0.5  # between frames even without events: times change, and so may the terminal's size
MIN_SIZE = (10, 2)


class LiveView:
    """An ``Observer`` and a context manager that draws on the terminal of ``stream``.

    Events only update the state, which a separate thread draws: a step costs the search a few microseconds. Only
    changed lines are sent. However the search ends, the terminal is restored, and a few plain lines say what
    happened.
    """

    def __init__(self, stream: IO[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._console = console_for(stream)
        self._ascii = ascii_only(stream)
        self._progress = RunProgress(clock)
        # reentrant, as a signal handler may run while its own thread holds a lock (an Event isn't)
        self._state_lock = threading.RLock()
        # a second lock, as a terminal paused with Ctrl-S must not pause the search
        self._screen_lock = threading.RLock()
        self._events = 0
        self._closing = False
        self._thread: threading.Thread | None = None
        self._on_screen = False
        self._screen_lines: list[list[Segment]] = []
        self._size = (0, 0)
        self._failure = ""
        self._printed_notes = 0  # notes printed before the terminal was taken
        self._stderr: IO[str] | None = None
        self._handles_suspension = False

    # the search's events

    def started(self, facts: Started) -> None:
        """Take over the terminal, if there are steps to run."""
        with self._state_lock:
            self._progress.started(facts)
        if facts.epochs:
            self._open()
        else:  # nothing to watch
            self._print(Text(start_line(facts)))

    def step(self, row: Row) -> None:
        """Record a step row."""
        with self._state_lock:
            self._progress.take_step(row)
        self._events += 1

    def epoch(self, row: Row) -> None:
        """Record an epoch row."""
        with self._state_lock:
            self._progress.take_epoch(row)
        self._events += 1

    def derived(self, step: int, genotype: Genotype) -> None:
        """Record the derived cells after a change."""
        with self._state_lock:
            self._progress.derived(genotype)
        self._events += 1

    def message(self, level: str, text: str) -> None:
        """Record a note; print it while the terminal isn't taken."""
        with self._state_lock:
            new = self._progress.note(level, text)
        if self._thread is None and new:
            self._print_note(level, text)
            self._printed_notes += 1
        self._events += 1

    def finished(self, summary: Row) -> None:
        """Give the terminal back."""
        with self._state_lock:
            self._progress.finished(str(summary.get("state") or "ended"))
        if self._thread is None:
            self._print(Text(end_line(self._progress)))
        self._close()

    # a context manager

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            with self._state_lock:
                self._progress.finished("interrupted" if kind is KeyboardInterrupt else "ended")
            self._close()

    # the terminal

    def _open(self) -> None:
        if self._thread is not None:
            return
        self._enter_screen()
        self._stderr, sys.stderr = sys.stderr, _StderrToNotes(self)
        self._catch_suspension(True)
        self._thread = threading.Thread(target=self._draw_until_closed, name="live view", daemon=True)
        self._thread.start()

    def _close(self) -> None:
        if self._thread is None:
            return
        self._closing = True
        self._thread.join()
        self._thread = None
        self._catch_suspension(False)
        if self._stderr is not None:
            sys.stderr = self._stderr
        self._leave_screen()
        self._print_outcome()

    def _enter_screen(self) -> None:
        with self._screen_lock:
            self._size, self._screen_lines, self._on_screen = (0, 0), [], True
            self._guard(lambda: self._console.set_alt_screen(True))
            self._guard(lambda: self._console.show_cursor(False))

    def _leave_screen(self) -> None:
        with self._screen_lock:
            if self._on_screen:
                self._on_screen = False
                # some terminals mix the two screens up if they were resized meanwhile
                self._guard(lambda: self._console.control(Control.clear(), Control.home()))
                self._guard(lambda: self._console.show_cursor(True))
                self._guard(lambda: self._console.set_alt_screen(False))

    def _draw_until_closed(self) -> None:
        drawn_events, drawn_at = -1, 0.0
        while not self._closing:
            now = time.monotonic()
            if drawn_events != self._events or now - drawn_at >= MAX_INTERVAL_S:
                drawn_events, drawn_at = self._events, now
                self._guard(self._draw)
            time.sleep(max(MIN_INTERVAL_S, (time.monotonic() - now) / MAX_CPU_SHARE))

    def _guard(self, action: Callable[[], object]) -> None:
        """Run ``action``; a terminal that is gone, or a bug here, must not end the search."""
        if self._failure:
            return
        try:
            action()
        except Exception as error:
            self._failure = f"the live view ended: {type(error).__name__}: {error}"

    def _draw(self) -> None:
        descriptor = self._stream.fileno()
        width, height = os.get_terminal_size(descriptor)
        if width < MIN_SIZE[0] or height < MIN_SIZE[1] or not _in_foreground(descriptor):
            return
        with self._state_lock:
            lines = draw_frame(self._progress, width, height, self._ascii)
        with self._screen_lock:
            if not self._on_screen:
                self._enter_screen()
            self._send(lines, width, height)

    def _send(self, lines: list[Text], width: int, height: int) -> None:
        console = self._console
        if (width, height) != self._size:
            console.size = ConsoleDimensions(width, height)
            console.control(Control.clear())
            self._size, self._screen_lines = (width, height), [[] for _ in range(height)]
        options = console.options.update(width=width, height=height, no_wrap=True, overflow="crop")
        blank = [Text()] * (height - len(lines))
        rendered = console.render_lines(Group(*lines, *blank), options, pad=True)[:height]
        for row, segments in enumerate(rendered):
            if segments != self._screen_lines[row]:
                console.update_screen_lines([segments], 0, row)
        self._screen_lines = rendered
        self._stream.flush()

    # Ctrl-Z

    def _catch_suspension(self, catch: bool) -> None:
        """While the terminal is taken, make Ctrl-Z give it back until the process resumes."""
        if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGTSTP"):
            return
        if catch:
            self._handles_suspension = signal.getsignal(signal.SIGTSTP) == signal.SIG_DFL
        if self._handles_suspension:
            signal.signal(signal.SIGTSTP, self._suspend if catch else signal.SIG_DFL)

    def _suspend(self, number: int, frame: FrameType | None) -> None:
        with self._screen_lock:
            self._leave_screen()  # taken again by the next frame
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)  # returns when the process resumes
            signal.signal(number, self._suspend)
        self._events += 1

    # printed at the end

    def _print_outcome(self) -> None:
        progress = self._progress
        if progress.facts is not None:
            self._print(Text(start_line(progress.facts)))
        for level, text in progress.notes[self._printed_notes :]:
            self._print_note(level, text)
        if self._failure:
            self._print_note("warning", self._failure)
        if progress.last_epoch:
            self._print(Text(epoch_line(progress.last_epoch, progress)))
        self._print(Text(end_line(progress)))

    def _print_note(self, level: str, text: str) -> None:
        start = Text("warning: ", "bold yellow") if level == "warning" else Text()
        self._print(start + Text(safe(text)))

    def _print(self, line: Text) -> None:
        try:
            console_for(self._stream).print(line)
        except (OSError, ValueError):  # the terminal has gone
            pass


def _in_foreground(descriptor: int) -> bool:
    """Return whether we may draw on the terminal: not while the search is a background job of a shell."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except (AttributeError, OSError):  # no job control here
        return True


class _StderrToNotes(io.TextIOBase):
    """A stand-in for ``sys.stderr``: what others print there would garble the screen, so it becomes a note."""

    def __init__(self, view: LiveView) -> None:
        self._view, self._line = view, ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            if line.strip():
                self._view.message("info", line.rstrip())
        return len(text)
