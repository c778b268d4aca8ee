"""The consistency gap: super-net against derived network on the same data."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...method.bilevel import Batch, BilevelSearch
from ...method.network import DerivedNetwork
from ..scoring import Score, calibrate_batch_norm, score

__all__ = ["ConsistencyGap", "compare_with_derived"]

Batches = Callable[[], Iterable[Batch]]
Forward = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class ConsistencyGap:
    """Scores of the super-net as searched, and of the derived network with its weights."""

    supernet: Score
    derived: Score

    @property
    def gap(self) -> float:
        """Accuracy lost by deriving: 0 for a consistent search."""
        return self.supernet.accuracy - self.derived.accuracy


@torch.no_grad()
def compare_with_derived(
    search: BilevelSearch,
    temperature: float,
    *,
    calibration: Batches,
    validation: Batches,
) -> ConsistencyGap:
    """Score super-net and derived network on ``validation``, without changing the search.

    The batch-norm statistics of both are re-estimated on the ``calibration`` images: the running statistics lag
    behind a changing sub-graph, and would distort the gap.
    """
    mixtures = search.architecture.mixtures(search.derivation, temperature)
    supernet = copy.deepcopy(search.supernet)
    derived = DerivedNetwork.inheriting(search.supernet, search.genotype)

    def by_mixtures(images: Tensor) -> Tensor:
        with search.autocast or nullcontext():
            logits: Tensor = supernet(images, search.passed, mixtures)
        return logits

    def by_derived(images: Tensor) -> Tensor:
        with search.autocast or nullcontext():
            logits: Tensor = derived(images)
        return logits

    scores = []
    networks: list[tuple[nn.Module, Forward]] = [(supernet, by_mixtures), (derived, by_derived)]
    for network, forward in networks:
        calibrate_batch_norm(network, forward, calibration())
        scores.append(score(network, forward, validation(), search.execute))
    return ConsistencyGap(*scores)
