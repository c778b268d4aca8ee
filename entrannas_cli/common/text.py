"""How values, names and choices are worded. Text from files is made harmless to a terminal here."""

from __future__ import annotations

import difflib
import json
import math
import os
from collections.abc import Iterable
from typing import Any

__all__ = [
    "choices",
    "counted",
    "did_you_mean",
    "first_line",
    "gib",
    "looks_like_path",
    "nearest",
    "number",
    "plain",
    "shown",
    "texts",
]

LONGEST = 60  # characters of a value quoted in an error


def plain(text: str) -> str:
    """``text`` on one line, with control characters (terminal escapes among them) written out as \\x1b."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def first_line(error: BaseException | str, *, named: bool = False) -> str:
    """An error, or its text, in one line; its type where it says nothing, and before it where it is ``named``."""
    lines = str(error).strip().splitlines()
    kind = type(error).__name__
    if not lines:
        return kind
    return plain(f"{kind}: {lines[0]}" if named else lines[0])


def shown(value: object) -> str:
    """A value as TOML or JSON would write it, cut to a readable length."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        text = repr(value)
    text = plain(text)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def choices(names: Iterable[str], *, last: str = "or") -> str:
    """The names as a sentence's end: "a, b or c"."""
    names = list(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def counted(number: int, noun: str) -> str:
    """ "1 epoch", "2 epochs"."""
    return f"{number} {noun}{'s' * (number != 1)}"


def gib(size: float) -> str:
    """``size`` bytes: "1.50 GiB", "12.5 MiB"."""
    return f"{size / 2**30:.2f} GiB" if size >= 2**30 / 10 else f"{size / 2**20:.1f} MiB"


def nearest(word: str, names: Iterable[str], *, cutoff: float = 0.6) -> str:
    """The name most like ``word``, or nothing; upper and lower case are the same."""
    by_lower = {name.lower(): name for name in names}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else ""


def did_you_mean(word: str, names: Iterable[str], *, cutoff: float = 0.6) -> str:
    """ " (did you mean X?)" for the name most like ``word``, or nothing."""
    found = nearest(word, names, cutoff=cutoff)
    return f" (did you mean {found}?)" if found else ""


def looks_like_path(text: str) -> bool:
    """Whether ``text`` is the path of a file rather than a name."""
    return text.lower().endswith(".toml") or "/" in text or os.sep in text


def number(value: Any) -> float | None:
    """``value`` as a float, or nothing if it isn't a finite number: rows and summaries may be damaged."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        value = float(value)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def texts(value: object) -> list[str]:
    """The texts in a list that was read from a file; none if it is no list."""
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
