"""Error notifications that stay long enough to be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.app import App

__all__ = ["LONG", "MAX_SHOWN", "notify_errors"]

MAX_SHOWN = 3  # outcomes that are shown one by one
LONG = 12.0  # seconds an error is shown


def notify_errors(app: App[Any], title: str, errors: Sequence[str], titles: Sequence[str] = ()) -> None:
    """Show the first ``MAX_SHOWN`` of ``errors``, and how many more there are.

    All have the same ``title``, unless ``titles`` has one for each of them.
    """
    for text, its_title in zip(errors[:MAX_SHOWN], titles or [title] * len(errors), strict=False):
        app.notify(text, title=its_title, severity="error", timeout=LONG, markup=False)
    if len(errors) > MAX_SHOWN:
        app.notify(f"and {len(errors) - MAX_SHOWN} more", title=title, severity="error")
