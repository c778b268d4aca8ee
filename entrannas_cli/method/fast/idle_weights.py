"""Keeps parameters without a gradient unchanged, although weight decay and momentum would still move them.

When Engine-cells compute every operation, only the device knows which of them have weight 0, and reading that would
mean synchronising. Their parameters, and those of layers that only they read, then get a gradient of exactly 0, and
weight decay and momentum would keep moving them. Computed sparsely they get no gradient, and the optimiser skips
them. The same holds for each element of α and β.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.optim import Optimizer

__all__ = ["IdleWeights", "only_where_gradient"]


@contextmanager
@torch.no_grad()
def only_where_gradient(optimizer: Optimizer) -> Iterator[None]:
    """Wrap a step of Adam so that elements whose gradient is exactly 0 keep their value and their moments.

    Otherwise weight decay, which Adam scales to full steps, would pull a decided α back to 0. ``optimizer`` must be
    prepared (see :func:`prepare`). Never synchronises with the device.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    held = [
        (tensor, tensor.clone(), parameter.grad == 0)
        for parameter in parameters
        for tensor in (parameter, *_moments(optimizer, parameter))
    ]
    yield
    for tensor, before, idle in held:
        tensor.copy_(torch.where(idle, before, tensor))


def _moments(optimizer: Optimizer, parameter: Tensor) -> list[Tensor]:
    return [value for value in optimizer.state[parameter].values() if value.shape == parameter.shape]


class IdleWeights:
    """Those of ``weights`` whose gradient is entirely 0, which change from step to step.

    ``optimizer`` must be prepared (see :func:`prepare`): a momentum created in the step could not be restored.
    """

    def __init__(self, weights: Sequence[Tensor], optimizer: Optimizer) -> None:
        self._weights, self._optimizer = list(weights), optimizer
        device = self._weights[0].device
        sizes = torch.tensor([weight.numel() for weight in self._weights])
        self._owner = torch.repeat_interleave(sizes).to(device)  # (all elements,): index of its weight
        self._zero = torch.zeros((), device=device, dtype=self._weights[0].dtype)

    @contextmanager
    @torch.no_grad()
    def held(self) -> Iterator[None]:
        """Wrap the optimiser's step so that idle weights and their momenta stay unchanged.

        Never synchronises with the device.
        """
        states = [self._optimizer.state[weight] for weight in self._weights]
        momenta = [state["momentum_buffer"] for state in states if "momentum_buffer" in state]
        parts = [part for part in (self._weights, momenta) if part]
        has_gradient = self._has_gradient()[self._owner]
        before = [_flat(part) for part in parts]
        yield
        for part, old in zip(parts, before, strict=True):
            kept = torch.where(has_gradient, _flat(part), old)
            pieces = torch.split(kept, [tensor.numel() for tensor in part])
            shaped = [piece.view(tensor.shape) for piece, tensor in zip(pieces, part, strict=True)]
            torch._foreach_copy_(part, shaped)

    def _has_gradient(self) -> Tensor:
        """Return (weights,): False where the gradient is 0 or None (the optimiser skips the latter anyway)."""
        gradients = [weight.grad for weight in self._weights if weight.grad is not None]
        largest = iter(torch._foreach_norm(gradients, math.inf))
        return torch.stack([self._zero if w.grad is None else next(largest) for w in self._weights]) > 0


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
