"""Loss and accuracy of a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..method.fast.execute import Execute, directly

__all__ = ["Score", "calibrate_batch_norm", "score"]

Batch = tuple[Tensor, Tensor]  # images (N, C, H, W), labels (N,)
Forward = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Score:
    """Mean cross-entropy, and the share of ``images`` classified correctly."""

    loss: float
    accuracy: float
    images: int


@torch.no_grad()
def calibrate_batch_norm(network: nn.Module, forward: Forward, batches: Iterable[Batch]) -> None:
    """Replace the running statistics of ``network`` by averages over ``batches``; leave it in eval mode."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
    network.train()
    for count, (images, _) in enumerate(batches, start=1):
        for norm in norms:
            # a plain average; momentum=None would read each layer's count from the device
            norm.momentum = 1 / count
        forward(images)
    network.eval()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


@torch.no_grad()
def score(
    network: nn.Module, forward: Forward, batches: Iterable[Batch], execute: Execute = directly
) -> Score:
    """Return mean loss and accuracy of ``network`` in eval mode over all images of ``batches``.

    ``forward`` may be recorded. It must then enter autocast itself: otherwise the recording keeps casts of the
    present weights.
    """
    network.eval()
    sums: Tensor | None = None
    count = 0
    for images, labels in batches:
        logits = execute("scoring", network, forward, images).float()
        loss = F.cross_entropy(logits, labels, reduction="sum")
        batch_sums = torch.stack([loss, (logits.argmax(1) == labels).sum().float()])
        sums = batch_sums if sums is None else sums + batch_sums  # stays on the device
        count += len(labels)
    if sums is None:
        raise ValueError("no batches to score on")
    loss_sum, correct = sums.tolist()
    return Score(loss_sum / count, correct / count, count)
