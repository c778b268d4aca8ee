"""The size of a network: its parameters, and its multiply-adds for one image."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .genotype import Genotype
from .network import DerivedNetwork, Stem

__all__ = ["derived_complexity", "multiply_adds", "parameter_count", "widest"]


def parameter_count(network: nn.Module) -> int:
    """Return the number of weights."""
    return sum(parameter.numel() for parameter in network.parameters())


def multiply_adds(network: nn.Module, image: tuple[int, int, int]) -> int:
    """Count the multiply-adds of all convolutions and linear layers for one ``image`` (C, H, W).

    By convention, batch-norm, pooling, activations and additions are left out.
    """
    counts: list[int] = []

    def count(module: nn.Module, _: object, output: Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            # each output value sums over one filter
            counts.append(output.numel() * module.weight[0].numel())
        elif isinstance(module, nn.Linear):
            counts.append(output.numel() * module.in_features)

    hook: Callable[..., None] = count
    handles = [
        module.register_forward_hook(hook)
        for module in network.modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    ]
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            network(torch.zeros(1, *image, device=next(network.parameters()).device))
    finally:
        network.train(training)
        for handle in handles:
            handle.remove()
    return sum(counts)


def derived_complexity(
    genotype: Genotype,
    *,
    image: tuple[int, int, int],
    classes: int,
    channels: int,
    cells: int,
    stem: Stem,
    share_features: bool = False,
    pool_batch_norm: bool = False,
) -> tuple[int, int]:
    """Return (parameters, multiply-adds) of the network of ``genotype``, without the auxiliary head.

    The defaults are those of published networks, see :class:`DerivedNetwork`. It runs on the meta device, without
    computing, unless a custom operation needs real values.
    """

    def count(device: str) -> tuple[int, int]:
        with torch.device(device):
            network = DerivedNetwork(
                genotype,
                classes=classes,
                channels_in=image[0],
                channels=channels,
                cells=cells,
                stem=stem,
                share_features=share_features,
                pool_batch_norm=pool_batch_norm,
            )
            return parameter_count(network), multiply_adds(network, image)

    try:
        return count("meta")
    except (RuntimeError, NotImplementedError):
        return count("cpu")


def widest(count: Callable[[int], int], limit: int) -> int:
    """Return the largest even number of channels with ``count`` (multiply-adds, increasing) at most ``limit``.

    Raises ``ValueError`` if even two channels are too many.
    """
    if count(2) > limit:
        raise ValueError(f"2 channels take {count(2)} multiply-adds, more than {limit}")
    fits, too_many = 1, 2  # in pairs of channels
    while count(2 * too_many) <= limit:
        fits, too_many = too_many, 2 * too_many
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        fits, too_many = (middle, too_many) if count(2 * middle) <= limit else (fits, middle)
    return 2 * fits
