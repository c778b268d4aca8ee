"""Ranks trained cells, and correlates the ranking with inherited accuracies."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from .candidates import Candidate

__all__ = ["chosen", "kendall_tau", "rank_correlation", "ranking"]


def chosen(candidates: Sequence[Candidate], inherited: Mapping[int, float], top: int) -> list[Candidate]:
    """Return the candidates to train, at most ``top``, ordered by number.

    The last cells of each search come first, then those with the best inherited accuracy, or the latest ones where
    it is unknown.
    """

    def by_promise(candidate: Candidate) -> tuple[bool, float, int]:
        return candidate.is_last, inherited.get(candidate.number, -1.0), candidate.step

    best = sorted(candidates, key=by_promise, reverse=True)[:top]
    return sorted(best, key=lambda candidate: candidate.number)


def ranking(
    trained: Sequence[tuple[Candidate, Mapping[str, Any]]], inherited: Mapping[int, float]
) -> list[dict[str, Any]]:
    """Return a row per candidate with its training's summary, the best first.

    ``accuracy`` is measured on the held-out images after the last step; None for a failed training.
    """
    rows = [
        {
            "candidate": candidate.number,
            "search": candidate.search,
            "epoch": candidate.epoch,
            "step": candidate.step,
            "is_last": candidate.is_last,
            "accuracy": summary.get("validation_accuracy") if summary["state"] == "completed" else None,
            "inherited_accuracy": inherited.get(candidate.number),
            "sparsity_normal": candidate.sparsity_normal,
            "sparsity_reduce": candidate.sparsity_reduce,
            "connections_normal": [len(node) for node in candidate.genotype.normal.nodes],
            "connections_reduce": [len(node) for node in candidate.genotype.reduce.nodes],
            "parameters": summary.get("parameters"),
            "multiply_adds": summary.get("multiply_adds"),
            "state": summary["state"],
            "training": summary["id"],
        }
        for candidate, summary in trained
    ]
    rows.sort(key=lambda row: (row["accuracy"] is None, -(row["accuracy"] or 0.0), row["parameters"] or 0))
    return [{"rank": n, **row} for n, row in enumerate(rows, 1)]


def rank_correlation(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return Kendall's tau-b between trained and inherited accuracy, its p-value, and the number of cells.

    Tau and p-value are None if fewer than two cells have both accuracies, or if all values of one are equal.
    """
    pairs = [
        (row["accuracy"], row["inherited_accuracy"])
        for row in rows
        if row["accuracy"] is not None and row["inherited_accuracy"] is not None
    ]
    result: dict[str, Any] = {"kendall_tau": None, "kendall_p": None, "kendall_cells": len(pairs)}
    if len(pairs) > 1:
        result["kendall_tau"], result["kendall_p"] = kendall_tau(pairs)
    return result


def kendall_tau(pairs: Sequence[tuple[float, float]]) -> tuple[float | None, float | None]:
    """Return Kendall's tau-b and its two-sided p-value; both None if all values of one side are equal.

    The p-value is exact without ties, and a normal approximation with them (Kendall, Rank Correlation Methods).
    """
    n = len(pairs)
    total = n * (n - 1) // 2
    signs = [_sign(a - c) * _sign(b - d) for (a, b), (c, d) in combinations(pairs, 2)]
    score, ties = sum(signs), [Counter(side).values() for side in zip(*pairs, strict=True)]
    tied = [sum(t * (t - 1) // 2 for t in each) for each in ties]
    if total in tied:
        return None, None
    tau = score / math.sqrt((total - tied[0]) * (total - tied[1]))
    if not any(tied):
        inversions = [1]  # permutations of 1, 2, ... elements, counted by number of inversions
        for size in range(2, n + 1):
            inversions = [
                sum(inversions[max(k - size + 1, 0) : k + 1]) for k in range(len(inversions) + size - 1)
            ]
        fewer = (total - abs(score)) // 2
        return tau, min(2 * sum(inversions[: fewer + 1]) / math.factorial(n), 1.0)
    x0, y0 = (sum(t * (t - 1) * (t - 2) for t in each) for each in ties)
    x1, y1 = (sum(t * (t - 1) * (2 * t + 5) for t in each) for each in ties)
    variance = (n * (n - 1) * (2 * n + 5) - x1 - y1) / 18 + 2 * tied[0] * tied[1] / (n * (n - 1))
    variance += x0 * y0 / (9 * n * (n - 1) * (n - 2)) if x0 and y0 else 0.0
    return tau, math.erfc(abs(score) / math.sqrt(2 * variance))


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
