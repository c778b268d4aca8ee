"""Words and figures for people: durations, counts, shares, and text from files made harmless."""

from __future__ import annotations

import unicodedata
from typing import Any

from rich.cells import cell_len

from ..common.text import number

__all__ = ["bytes_text", "count_text", "duration", "hundredths", "metric", "percent", "safe", "shortened"]

_INVISIBLE = {
    "Cc",
    "Cf",
    "Cs",
    "Co",
    "Cn",
    "Zl",
    "Zp",
}  # control, format (bidi), surrogate, private, separators


def safe(text: object, *, limit: int = 0) -> str:
    """``text`` on one line, with everything that a terminal might obey (escapes, bidi marks) spelled out.

    At most ``limit`` columns, if given. The result may still hold Rich markup: put it into a ``Text``.
    """
    shown = str(text)
    if shown.isascii() and shown.isprintable():  # nearly all texts: quick where there are many
        return shortened(shown, limit) if limit else shown
    shown = "".join(c if unicodedata.category(c) not in _INVISIBLE else _spelled(c) for c in shown)
    if sum(map(cell_len, shown)) != cell_len(shown):
        # characters that join into one of another width: terminals disagree about where the line ends
        shown = shown.encode("ascii", "backslashreplace").decode()
    return shortened(shown, limit) if limit else shown


def _spelled(character: str) -> str:
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    code = ord(character)
    return named.get(character, f"\\x{code:02x}" if code < 0x100 else f"\\u{{{code:x}}}")


def shortened(text: str, limit: int, ellipsis: str = "…") -> str:
    """``text`` cut in its middle to at most ``limit`` columns: both ends of a name tell it apart."""
    if cell_len(text) <= limit:
        return text
    kept = limit - len(ellipsis)
    if kept < 1:
        return _head(text, limit)
    return _head(text, (kept + 1) // 2) + ellipsis + _head(text[::-1], kept // 2)[::-1]


def _head(text: str, limit: int) -> str:
    """As many characters as fit ``limit`` columns."""
    text = text[: max(limit, 0)]
    while cell_len(text) > max(limit, 0):
        text = text[:-1]
    return text


def metric(value: Any, digits: int = 3) -> str:
    """A loss or the like: ``1.234``, ``1.2e-05`` where the digits would show nothing, ``–`` without a value."""
    value = number(value)
    if value is None:
        return "–"
    if value and not 10**-digits <= abs(value) < 1e5:
        return f"{value:.1e}"
    return f"{value:.{digits}f}"


def percent(share: Any, digits: int = 1) -> str:
    """A share of 1 as ``45.1 %``."""
    share = number(share)
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def hundredths(share: Any) -> str:
    """A share of 1 as ``45.1``, for a column whose heading has the sign."""
    share = number(share)
    return "–" if share is None else f"{100 * share:.1f}"


def duration(seconds: Any) -> str:
    """``0.4 s``, ``42 s``, ``1m20s``, ``2h05m``, ``3d04h``."""
    seconds = number(seconds)
    if seconds is None or seconds < 0:
        return "–"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    for limit, large, small in ((3600, 60, 1), (86400, 3600, 60)):
        if whole < limit:
            unit = {60: ("m", "s"), 3600: ("h", "m")}[large]
            return f"{whole // large}{unit[0]}{whole % large // small:02d}{unit[1]}"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"


def count_text(count: Any) -> str:
    """A large count in three digits: ``987``, ``12.3 k``, ``3.35 M``, ``1.20 G``."""
    count = number(count)
    if count is None:
        return "–"
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(count) >= limit * 0.9995:
            scaled = count / limit
            digits = 2 if abs(scaled) < 9.995 else 1 if abs(scaled) < 99.95 else 0
            return f"{scaled:.{digits}f} {unit}"
    return f"{count:.0f}"


def bytes_text(size: Any) -> str:
    """``512 B``, ``1.5 GB`` (powers of 1000)."""
    size = number(size)
    if size is None:
        return "–"
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= limit:
            return f"{size / limit:.1f} {unit}"
    return f"{size:.0f} B"
