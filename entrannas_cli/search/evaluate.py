"""Super-net against derived network on the same data: the consistency gap."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..method.bilevel import Batch, BilevelSearch
from ..method.network import DerivedNetwork

__all__ = ["Comparison", "Score", "calibrate_batch_norm", "compare_with_derived", "score"]

Batches = Callable[[], Iterable[Batch]]
Forward = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Score:
    """Mean cross-entropy, and the share of images that are right."""

    loss: float
    accuracy: float


@dataclass(frozen=True)
class Comparison:
    """The super-net as it is searched, and the derived network with its weights."""

    supernet: Score
    derived: Score

    @property
    def gap(self) -> float:
        """Accuracy that is lost by deriving: 0 for a consistent search."""
        return self.supernet.accuracy - self.derived.accuracy


@torch.no_grad()
def compare_with_derived(
    search: BilevelSearch,
    temperature: float,
    *,
    calibration: Batches,
    validation: Batches,
) -> Comparison:
    """Scores both on ``validation``; the search itself is left as it was.

    The batch-norm statistics of both are estimated anew on the ``calibration`` images: the running ones lag
    behind a sub-graph that changes, and that lag would be measured.
    """
    mixtures = search.architecture.mixtures(search.derivation, temperature)
    supernet = copy.deepcopy(search.supernet)
    derived = DerivedNetwork.inheriting(search.supernet, search.genotype)

    def with_mixtures(images: Tensor) -> Tensor:
        logits: Tensor = supernet(images, search.genotype, mixtures)
        return logits

    scores = []
    contestants: list[tuple[nn.Module, Forward]] = [(supernet, with_mixtures), (derived, derived)]
    for network, forward in contestants:
        with search.autocast or nullcontext():
            calibrate_batch_norm(network, forward, calibration())
            scores.append(score(network, forward, validation()))
    return Comparison(*scores)


@torch.no_grad()
def calibrate_batch_norm(network: nn.Module, forward: Forward, batches: Iterable[Batch]) -> None:
    """Replaces the running statistics of ``network`` by the averages over ``batches``; leaves it in eval mode."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average
    network.train()
    for images, _ in batches:
        forward(images)
    network.eval()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


@torch.no_grad()
def score(network: nn.Module, forward: Forward, batches: Iterable[Batch]) -> Score:
    """The mean loss and the accuracy of ``network`` in eval mode over all images of ``batches``."""
    network.eval()
    sums: Tensor | None = None
    count = 0
    for images, labels in batches:
        logits = forward(images).float()
        loss = F.cross_entropy(logits, labels, reduction="sum")
        batch_sums = torch.stack([loss, (logits.argmax(1) == labels).sum().float()])
        sums = batch_sums if sums is None else sums + batch_sums  # stays on the device
        count += len(labels)
    if sums is None:
        raise ValueError("no batches to score on")
    loss_sum, right = sums.tolist()
    return Score(loss_sum / count, right / count)
