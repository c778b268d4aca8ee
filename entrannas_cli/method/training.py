"""One step of training a derived network from scratch."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .fast.execute import Execute, directly
from .network import DerivedNetwork

__all__ = ["TrainOutcome", "Training"]


@dataclass(frozen=True)
class TrainOutcome:
    """Scalars of one step, still on the device."""

    loss: Tensor  # of the classifier, without the auxiliary head's
    accuracy: Tensor  # on the batch, 0 to 1
    gradient_norm: Tensor  # before clipping


@dataclass
class Training:
    """The network and its optimiser.

    The loss is that of the classifier plus ``auxiliary_weight`` times that of the auxiliary head, both with
    ``label_smoothing``.
    """

    network: DerivedNetwork
    optimizer: torch.optim.Optimizer
    clip: float = 5.0
    label_smoothing: float = 0.0
    auxiliary_weight: float = 0.4
    autocast: AbstractContextManager[object] | None = None
    execute: Execute = directly

    def __post_init__(self) -> None:
        self.weights = list(self.network.parameters())

    def step(self, images: Tensor, labels: Tensor, drop: float = 0.0) -> TrainOutcome:
        """Take one step on ``images`` (N, C, H, W) and ``labels`` (N,); ``drop`` is the drop-path probability.

        Never synchronises with the device.
        """
        if not drop:
            return self.execute("training step", "whole", self._step, images, labels)
        return self.execute("training step", "dropping", self._step, images, labels, drop)

    def _step(self, images: Tensor, labels: Tensor, drop: float | Tensor = 0.0) -> TrainOutcome:
        with self.autocast or nullcontext():
            logits, auxiliary = self.network.forward_in_training(images, drop)
        loss = F.cross_entropy(logits.float(), labels, label_smoothing=self.label_smoothing)
        total = loss
        if auxiliary is not None:
            auxiliary_loss = F.cross_entropy(auxiliary.float(), labels, label_smoothing=self.label_smoothing)
            total = loss + self.auxiliary_weight * auxiliary_loss
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.weights, self.clip)
        self.optimizer.step()
        accuracy = (logits.detach().argmax(1) == labels).float().mean()
        return TrainOutcome(loss.detach(), accuracy, norm)
