"""What comes out of a ranking: the trained cells in order, and what inherited weights would have said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .candidates import Candidate

__all__ = ["chosen", "rank_correlation", "ranking"]


def chosen(candidates: Sequence[Candidate], inherited: Mapping[int, float], top: int) -> list[Candidate]:
    """Those to train, at most ``top``, in their order.

    The last cells of each search are among them as far as there is room; the others are those that do best by
    inherited weights (where these aren't known, the latest).
    """

    def by_promise(candidate: Candidate) -> tuple[bool, float, int]:
        return candidate.is_last, inherited.get(candidate.number, -1.0), candidate.step

    best = sorted(candidates, key=by_promise, reverse=True)[:top]
    return sorted(best, key=lambda candidate: candidate.number)


def ranking(
    trained: Sequence[tuple[Candidate, Mapping[str, Any]]], inherited: Mapping[int, float]
) -> list[dict[str, Any]]:
    """A row for each of the cells with the summary of its training, the best first.

    ``accuracy`` is that on the images held out, after the last step; None for a training that failed.
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
    """Kendall's tau-b between trained and inherited accuracy, with its p-value and the number of cells.

    Both None where fewer than two cells have both, or all are the same.
    """
    from scipy.stats import kendalltau

    pairs = [
        (row["accuracy"], row["inherited_accuracy"])
        for row in rows
        if row["accuracy"] is not None and row["inherited_accuracy"] is not None
    ]
    found: dict[str, Any] = {"kendall_tau": None, "kendall_p": None, "kendall_cells": len(pairs)}
    if len(pairs) > 1:
        result = kendalltau(*zip(*pairs, strict=True))
        if math.isfinite(result.statistic):
            found |= {"kendall_tau": float(result.statistic), "kendall_p": float(result.pvalue)}
    return found
