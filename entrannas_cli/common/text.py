"""Text for people: safe for a terminal, shortened, joined into sentences, with suggestions for typos."""

from __future__ import annotations

import difflib
import json
import os
import unicodedata
from collections.abc import Iterable

__all__ = [
    "choices",
    "counted",
    "did_you_mean",
    "first_line",
    "looks_like_path",
    "nearest",
    "plain",
    "safe",
    "shortened",
    "shown",
    "texts",
]

MAX_CHARS = 60  # characters of a value quoted in an error
# control, format (bidi), surrogate, private, separators
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def safe(text: object, *, limit: int = 0) -> str:
    """Return ``text`` on one line, with anything a terminal might obey (escapes, bidi marks) spelled out.

    It is cut to ``limit`` columns, if given. It may still contain Rich markup: put it into a ``Text``.
    """
    shown = str(text)
    if not (shown.isascii() and shown.isprintable()):  # the usual case, kept fast
        from rich.cells import cell_len

        shown = "".join(c if unicodedata.category(c) not in _INVISIBLE else _escaped(c) for c in shown)
        if sum(map(cell_len, shown)) != cell_len(shown):
            # characters combine into one of another width: terminals disagree about where the line ends
            shown = shown.encode("ascii", "backslashreplace").decode()
    return shortened(shown, limit) if limit else shown


def plain(text: object) -> str:
    """Return ``text`` as :func:`safe` does, with unusual spaces spelled out too: for messages."""
    return "".join(c if c.isprintable() else _escaped(c) for c in safe(text))


def _escaped(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")


def shortened(text: str, limit: int, ellipsis: str = "…") -> str:
    """Cut the middle of ``text`` so that it fits ``limit`` columns: both ends tell names apart."""
    from rich.cells import cell_len

    if cell_len(text) <= limit:
        return text
    kept = limit - len(ellipsis)
    if kept < 1:
        return _head(text, limit)
    return _head(text, (kept + 1) // 2) + ellipsis + _head(text[::-1], kept // 2)[::-1]


def _head(text: str, limit: int) -> str:
    """Return as many characters as fit ``limit`` columns."""
    from rich.cells import cell_len

    text = text[: max(limit, 0)]
    while cell_len(text) > max(limit, 0):
        text = text[:-1]
    return text


def first_line(error: BaseException | str, *, named: bool = False) -> str:
    """Return the first line of an error, after its type if ``named``; only the type if there is no text."""
    lines = str(error).strip().splitlines()
    kind = type(error).__name__
    if not lines:
        return kind
    return plain(f"{kind}: {lines[0]}" if named else lines[0])


def shown(value: object) -> str:
    """Return ``value`` as TOML or JSON would write it, cut to a readable length."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        text = repr(value)
    text = plain(text)
    return text if len(text) <= MAX_CHARS else text[: MAX_CHARS - 3] + "..."


def choices(names: Iterable[str], *, last: str = "or") -> str:
    """Join names for the end of a sentence: "a, b or c"."""
    names = list(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 epoch", "2 epochs"."""
    return f"{number} {noun}{'s' * (number != 1)}"


def nearest(word: str, names: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return the name most like ``word``, ignoring case, or an empty string."""
    by_lower = {name.lower(): name for name in names}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else ""


def did_you_mean(word: str, names: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return " (did you mean X?)" for the name most like ``word``, or an empty string."""
    found = nearest(word, names, cutoff=cutoff)
    return f" (did you mean {found}?)" if found else ""


def looks_like_path(text: str) -> bool:
    """Return whether ``text`` is the path of a file rather than a name."""
    return text.lower().endswith(".toml") or "/" in text or os.sep in text


def texts(value: object) -> list[str]:
    """Return the strings in a list that was read from a file; none if it isn't a list."""
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
