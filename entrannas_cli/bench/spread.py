"""How repeated measurements are summed up: medians, never means; noise only ever adds time."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Spread", "median_ratio", "spread"]


@dataclass(frozen=True)
class Spread:
    """The median of ``count`` values, with the quartiles around it and both ends."""

    median: float
    lower_quartile: float
    upper_quartile: float
    least: float
    most: float
    count: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def spread(values: Sequence[float]) -> Spread:
    """Raises ``ValueError`` without values."""
    if not values:
        raise ValueError("nothing was measured")
    if len(values) == 1:
        lower = upper = values[0]
    else:
        lower, _, upper = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(statistics.median(values), lower, upper, min(values), max(values), len(values))


def median_ratio(values: Sequence[float], to: Sequence[float]) -> float:
    """The median over the rounds of ``values`` / ``to``: both were measured side by side in each round."""
    return statistics.median(value / other for value, other in zip(values, to, strict=True))
