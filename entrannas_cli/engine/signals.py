"""Turns Ctrl-C, SIGTERM and SIGHUP into requests to finish the step and stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["EXIT_CODES", "stop_on_signals"]

REASONS = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "terminated by a signal",
    signal.SIGHUP: "the terminal was closed",
}
# by reason, as shells report signals
EXIT_CODES = {reason: 128 + number for number, reason in REASONS.items()}


@contextmanager
def stop_on_signals(request_stop: Callable[[str], None], notice: Callable[[str], None]) -> Iterator[None]:
    """Call ``request_stop`` with the reason on the first signal, and raise ``KeyboardInterrupt`` on the second.

    ``notice`` is called with a message for the user. Does nothing outside the main thread: only that one handles
    signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _: FrameType | None) -> None:
        for handled in previous:
            signal.signal(handled, signal.default_int_handler)  # the next one raises KeyboardInterrupt
        request_stop(REASONS[signal.Signals(number)])
        notice("finishing the step and writing a checkpoint; interrupt again to quit at once")

    previous = {number: signal.getsignal(number) for number in REASONS}
    for number in previous:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
