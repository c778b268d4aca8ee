"""The few statistics of the report, on small samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

__all__ = ["difference", "rank_correlations", "spread"]

CONFIDENCE = 0.95


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Return number, mean and standard deviation (n - 1; None for fewer than two values)."""
    return {
        "n": len(values),
        "mean": fmean(values) if values else None,
        "std": stdev(values) if len(values) > 1 else None,
    }


def difference(values: Sequence[float], others: Sequence[float]) -> dict[str, Any] | None:
    """Return the mean of ``values`` minus that of ``others``, with Welch's 95 % confidence interval.

    ``in_deviations`` is the difference in pooled standard deviations. Returns None if a sample has fewer than two
    values.
    """
    n, m = len(values), len(others)
    if min(n, m) < 2:
        return None
    from scipy.stats import t

    mean_difference = fmean(values) - fmean(others)
    v, w = stdev(values) ** 2, stdev(others) ** 2
    pooled = math.sqrt(((n - 1) * v + (m - 1) * w) / (n + m - 2))
    error = math.sqrt(v / n + w / m)
    half_width = 0.0
    if error:
        freedom = error**4 / ((v / n) ** 2 / (n - 1) + (w / m) ** 2 / (m - 1))
        half_width = float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    return {
        "difference": mean_difference,
        "low": mean_difference - half_width,
        "high": mean_difference + half_width,
        "pooled_std": pooled,
        "in_deviations": mean_difference / pooled if pooled else None,
    }


def rank_correlations(pairs: Sequence[tuple[float | None, float | None]]) -> dict[str, Any]:
    """Return Kendall's tau-b with its p-value, Spearman's rho, and the number of complete pairs.

    The coefficients are None if there are fewer than three pairs, or all values on one side are equal.
    """
    from scipy.stats import kendalltau, spearmanr

    complete = [pair for pair in pairs if None not in pair]
    found: dict[str, Any] = {"n": len(complete), "kendall": None, "p": None, "spearman": None}
    if len(complete) > 2 and all(len(set(side)) > 1 for side in zip(*complete, strict=True)):
        kendall, spearman = kendalltau(*zip(*complete, strict=True)), spearmanr(*zip(*complete, strict=True))
        found |= {
            "kendall": float(kendall.statistic),
            "p": float(kendall.pvalue),
            "spearman": float(spearman.statistic),
        }
    return found
