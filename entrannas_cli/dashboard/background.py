"""Run slow work in threads that block neither the screen nor the exit of the app."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from textual.app import App
from textual.message import Message

from ..common.errors import EntrannasError

__all__ = ["WorkDone", "call_each", "in_background", "tell"]

T = TypeVar("T")
R = TypeVar("R")


class WorkDone(Message):
    """Has ``then`` called with ``value`` in the app's own thread."""

    def __init__(self, then: Callable[[Any], None], value: Any) -> None:
        super().__init__()
        self.then, self.value = then, value


def in_background(
    app: App[Any], work: Callable[[], T], then: Callable[[T], None], *, outlives: bool = False
) -> None:
    """Call ``work`` in a thread, then call ``then`` with its result in the app's own thread.

    ``then`` is not called if the app has ended. With ``outlives``, the process waits for ``work`` before it exits.
    ``work`` must catch the errors it expects; any other is raised in the app and ends it.
    """

    def run() -> None:
        try:
            value = work()
        except Exception as error:
            tell(app, _raise, error)
        else:
            tell(app, then, value)

    threading.Thread(target=run, daemon=not outlives).start()


def call_each(work: Callable[[T], R], items: Iterable[T]) -> tuple[list[R], list[str]]:
    """Return the results of ``work`` for ``items``, and the messages of those ``EntrannasError`` that it raised."""
    results, errors = [], []
    for item in items:
        try:
            results.append(work(item))
        except EntrannasError as error:
            errors.append(str(error))
    return results, errors


def _raise(error: Exception) -> None:
    raise error


def tell(app: App[Any], then: Callable[[Any], None], value: Any) -> None:
    """Schedule a call of ``then`` with ``value`` in the app's own thread, from any thread."""
    try:
        app.post_message(WorkDone(then, value))
    except RuntimeError:  # the event loop is closed: the app has ended
        pass
