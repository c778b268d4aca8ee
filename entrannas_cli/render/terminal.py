"""What a stream's terminal can show."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import IO

from rich.console import Console

__all__ = ["PIPED_WIDTH", "ascii_only", "console_for", "is_live", "why_no_screen", "why_plain"]

PIPED_WIDTH = 80
_PROBE = "─━╌│┝┿►←…–τ⣿"  # a sample of the characters in pictures, curves and tables


def ascii_only(stream: IO[str]) -> bool:
    """Return whether ``stream``'s encoding lacks the characters that pictures are made of."""
    try:
        _PROBE.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return True
    return False


def is_live(stream: IO[str]) -> bool:
    """Return whether ``stream`` is a terminal (a closed stream isn't)."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def console_for(stream: IO[str] | None = None) -> Console:
    """Return a Rich console on ``stream`` (stdout), as wide as the terminal; ``COLUMNS`` or 80 when piped.

    No markup, highlighting or emoji: printed text may come from a file. NO_COLOR is respected, and a character
    that the encoding lacks becomes a question mark.
    """
    stream = sys.stdout if stream is None else stream
    if hasattr(stream, "reconfigure") and ascii_only(stream):
        stream.reconfigure(errors="replace")
    piped = not is_live(stream)
    return Console(
        file=stream,
        width=_columns(os.environ) if piped else None,
        markup=False,
        highlight=False,
        emoji=False,
        safe_box=True,
        legacy_windows=False,
    )


def _columns(environ: Mapping[str, str]) -> int:
    columns = environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and 0 < int(columns) < 100_000 else PIPED_WIDTH


def why_plain(stream: IO[str], environ: Mapping[str, str]) -> str:
    """Return why a view that redraws itself can't use ``stream``; empty if it can."""
    if not is_live(stream):
        return "not a terminal"
    if environ.get("TERM", "") in ("", "dumb", "unknown") and os.name != "nt":
        return f"TERM is {environ.get('TERM') or 'not set'}"
    return ""


def why_no_screen() -> str:
    """Return why a full-screen program, which draws on stderr, can't run here; empty if it can."""
    if reason := why_plain(sys.stdout, os.environ):
        return reason
    if not is_live(sys.stderr):
        return "stderr, where it is drawn, is redirected"
    return "" if is_live(sys.stdin) else "no keyboard: stdin is piped"
