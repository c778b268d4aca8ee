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
    """Call ``request_stop`` with the reason on the first signal; a second Ctrl-C raises ``KeyboardInterrupt``.

    Other signals never end the process at once, since schedulers repeat them. Those that are ignored, as under
    ``nohup``, stay ignored. ``notice`` is called with a message for the user. Does nothing outside the main thread:
    only that one handles signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    asked = False

    def handle(number: int, _: FrameType | None) -> None:
        nonlocal asked
        if number == signal.SIGINT:
            signal.signal(number, signal.default_int_handler)  # the next one raises KeyboardInterrupt
        if not asked:
            asked = True
            request_stop(REASONS[signal.Signals(number)])
            how = "again" if number == signal.SIGINT else "twice"
            notice(f"finishing the step and writing a checkpoint; press Ctrl-C {how} to quit at once")

    previous = {n: handler for n in REASONS if (handler := signal.getsignal(n)) != signal.SIG_IGN}
    for number in previous:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
