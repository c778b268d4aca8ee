"""Work that must not hold up the screen, in threads that don't hold up the program's end either."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from textual.app import App
from textual.message import Message

__all__ = ["WorkDone", "in_background", "tell"]

T = TypeVar("T")


class WorkDone(Message):
    """``then`` is to be called with ``value``, in the program's own thread."""

    def __init__(self, then: Callable[[Any], None], value: Any) -> None:
        super().__init__()
        self.then, self.value = then, value


def in_background(
    app: App[Any], work: Callable[[], T], then: Callable[[T], None], *, outlives: bool = False
) -> None:
    """Calls ``work`` in a thread, and ``then`` with what it returned, unless the program has ended meanwhile.

    If it ``outlives`` the program, its process waits for it at the end: what was asked for is done.
    ``work`` must catch what it may raise; anything else ends the program as an error of its own would.
    """

    def run() -> None:
        try:
            value = work()
        except Exception as error:
            tell(app, _raise, error)
        else:
            tell(app, then, value)

    threading.Thread(target=run, daemon=not outlives).start()


def _raise(error: Exception) -> None:
    raise error


def tell(app: App[Any], then: Callable[[Any], None], value: Any) -> None:
    """Has ``then`` called with ``value`` in the program's own thread; may itself be called from any."""
    try:
        app.post_message(WorkDone(then, value))
    except RuntimeError:  # the event loop is closed: nobody is left to tell
        pass
