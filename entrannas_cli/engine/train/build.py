"""Builds network and optimiser from a configuration and a genotype."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ...common.errors import UsageError
from ...method.complexity import derived_complexity, widest
from ...method.fast.accelerate import accelerate
from ...method.genotype import Genotype
from ...method.network import DerivedNetwork
from ...method.optimizers import prepare
from ...method.training import Training
from ..device import Compute
from ..fast_paths import FastPaths, Warn, fast_paths

if TYPE_CHECKING:
    from ...config.train import DerivedConfig, TrainConfig

__all__ = ["build_training", "channels_of", "size_of"]

Shape = tuple[int, int, int]


def channels_of(config: DerivedConfig, genotype: Genotype, shape: Shape, classes: int) -> int:
    """Return the first cell's channels for images of ``shape`` (C, H, W): as configured, or the most in the limit.

    Raises ``UsageError`` if no width is within the limit.
    """
    if config.channels != "auto":
        return config.channels
    limit = config.largest_multiply_adds
    try:
        return widest(lambda channels: size_of(config, genotype, shape, classes, channels)[1], limit)
    except ValueError as error:
        raise UsageError(
            f"derived.largest_multiply_adds = {limit}: no network of these cells is that small ({error})"
        ) from None


def size_of(
    config: DerivedConfig, genotype: Genotype, shape: Shape, classes: int, channels: int
) -> tuple[int, int]:
    """Return (parameters, multiply-adds) of the network without its auxiliary head."""
    return derived_complexity(
        genotype,
        image=shape,
        classes=classes,
        channels=channels,
        cells=config.cells,
        stem=config.stem,
        share_features=config.share_features,
        pool_batch_norm=config.pool_batch_norm,
    )


def build_training(
    config: TrainConfig,
    genotype: Genotype,
    compute: Compute,
    *,
    shape: Shape,
    classes: int,
    channels: int,
    paths: FastPaths | None = None,
    warn: Warn | None = None,
) -> Training:
    """Build network and optimiser as they are before the first step.

    The seed determines the initial values, on any device. ``paths`` default to :func:`fast_paths`; ``warn`` is
    called with a message if one of them fails later.
    """
    paths = paths or fast_paths(config.device, compute)
    torch.manual_seed(config.seed)
    train = config.train
    network = DerivedNetwork(
        genotype,
        classes=classes,
        channels_in=shape[0],
        channels=channels,
        cells=config.derived.cells,
        stem=config.derived.stem,
        share_features=config.derived.share_features,
        pool_batch_norm=config.derived.pool_batch_norm,
        auxiliary=train.auxiliary_weight > 0,
        auxiliary_batch_norm=train.auxiliary_batch_norm,
    ).to(compute.device)
    network.checkpoint_cells = config.device.activation_checkpointing == "cells"
    if config.device.fast_layers:
        accelerate(network)
    network.to(memory_format=compute.memory_format)
    optimizer = torch.optim.SGD(
        network.parameters(),
        lr=paths.learning_rate(train.learning_rate),
        momentum=train.momentum,
        weight_decay=train.weight_decay,
        **paths.optimizer_keywords,
    )
    prepare(optimizer)
    return Training(
        network=network,
        optimizer=optimizer,
        clip=train.clip or float("inf"),
        label_smoothing=train.label_smoothing,
        auxiliary_weight=train.auxiliary_weight,
        autocast=compute.autocast,
        execute=paths.execute(warn),
    )
