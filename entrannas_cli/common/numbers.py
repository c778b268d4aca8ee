"""Numbers for people: losses, shares, durations, counts, sizes; ``–`` without a finite number."""

from __future__ import annotations

import math
from typing import Any

__all__ = [
    "bytes_text",
    "count_text",
    "duration",
    "gib",
    "hundredths",
    "metric",
    "number",
    "percent",
]


def number(value: Any) -> float | None:
    """Return ``value`` as a float, or None if it isn't a finite number: rows and summaries may be damaged."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        value = float(value)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def metric(value: Any, digits: int = 3) -> str:
    """Format a loss or the like: ``1.234``, or ``1.2e-05`` where all digits would be zero."""
    value = number(value)
    if value is None:
        return "–"
    if value and not 10**-digits <= abs(value) < 1e5:
        return f"{value:.1e}"
    return f"{value:.{digits}f}"


def percent(share: Any, digits: int = 1) -> str:
    """Format a share from 0 to 1 as ``45.1 %``."""
    share = number(share)
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def hundredths(share: Any) -> str:
    """Format a share from 0 to 1 as ``45.1``, for a column whose heading has the percent sign."""
    share = number(share)
    return "–" if share is None else f"{100 * share:.1f}"


def duration(seconds: Any) -> str:
    """Format seconds as ``0.4 s``, ``42 s``, ``1m20s``, ``2h05m`` or ``3d04h``."""
    seconds = number(seconds)
    if seconds is None or seconds < 0:
        return "–"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    rounded = round(seconds)
    if rounded < 60:
        return f"{rounded} s"
    for limit, large, small in ((3600, 60, 1), (86400, 3600, 60)):
        if rounded < limit:
            unit = {60: ("m", "s"), 3600: ("h", "m")}[large]
            return f"{rounded // large}{unit[0]}{rounded % large // small:02d}{unit[1]}"
    return f"{rounded // 86400}d{rounded % 86400 // 3600:02d}h"


def count_text(count: Any) -> str:
    """Format a large count with three digits: ``987``, ``12.3 k``, ``3.35 M``, ``1.20 G``."""
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
    """Format a size as ``512 B`` or ``1.5 GB`` (powers of 1000)."""
    size = number(size)
    if size is None:
        return "–"
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= limit:
            return f"{size / limit:.1f} {unit}"
    return f"{size:.0f} B"


def gib(size: float) -> str:
    """Format a size in bytes as ``1.50 GiB`` or ``12.5 MiB``."""
    return f"{size / 2**30:.2f} GiB" if size >= 2**30 / 10 else f"{size / 2**20:.1f} MiB"
