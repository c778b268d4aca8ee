"""Summaries of repeated measurements: medians rather than means, because noise only ever adds time."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Spread", "median_ratio", "spread"]


@dataclass(frozen=True)
class Spread:
    """The median of ``count`` values, with quartiles and extremes."""

    median: float
    lower_quartile: float
    upper_quartile: float
    least: float
    most: float
    count: int

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return asdict(self)


def spread(values: Sequence[float]) -> Spread:
    """Summarise ``values``. Raises ``ValueError`` if there are none."""
    if not values:
        raise ValueError("nothing was measured")
    if len(values) == 1:
        lower = upper = values[0]
    else:
        lower, _, upper = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(statistics.median(values), lower, upper, min(values), max(values), len(values))


def median_ratio(values: Sequence[float], to: Sequence[float]) -> float:
    """Return the median over rounds of ``values`` / ``to``, which were measured side by side in each round."""
    return statistics.median(value / other for value, other in zip(values, to, strict=True))
