"""Builds super-net, architecture and optimisers from a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ...method.architecture import Architecture, Derived
from ...method.bilevel import BilevelSearch
from ...method.fast.accelerate import accelerate
from ...method.genotype import Genotype
from ...method.network import SuperNet
from ...method.optimizers import prepare
from ...method.space import SearchSpace
from ..device import Compute
from ..fast_paths import FastPaths, Warn, fast_paths

if TYPE_CHECKING:
    from ...config.search import SearchConfig

__all__ = ["build_search", "search_fast_paths"]


def search_fast_paths(config: SearchConfig, compute: Compute) -> FastPaths:
    """Return the fast paths of a search."""
    each_step = config.architecture.derive_every == "step"
    return fast_paths(config.device, compute, derives_each_step=each_step)


def build_search(
    config: SearchConfig,
    space: SearchSpace,
    compute: Compute,
    *,
    channels_in: int,
    classes: int,
    genotype: Genotype | None = None,
    paths: FastPaths | None = None,
    warn: Warn | None = None,
) -> BilevelSearch:
    """Build super-net, architecture and optimisers as they are before the first step.

    The seed determines the initial values, on any device. The first sub-graph is ``genotype``, or is derived from
    the architecture if None. ``paths`` default to :func:`search_fast_paths`; ``warn`` is called with a message if
    one of them fails later.
    """
    paths = paths or search_fast_paths(config, compute)
    torch.manual_seed(config.seed)
    supernet = SuperNet(
        space,
        classes=classes,
        channels_in=channels_in,
        channels=config.network.channels,
        cells=config.network.cells,
        stem=config.network.stem,
        engine_cells=config.network.engine_cells,
        share_features=config.network.share_features,
    ).to(compute.device)
    supernet.checkpoint_cells = config.device.activation_checkpointing == "cells"
    if config.device.fast_layers:
        accelerate(supernet)
    supernet.to(memory_format=compute.memory_format)
    settings = config.architecture
    architecture = Architecture(
        space, threshold_init=settings.threshold_init, temperature_unit=settings.temperature_unit
    ).to(compute.device)
    alpha, beta = list(architecture.alpha.values()), list(architecture.beta.values())
    weight_optimizer = torch.optim.SGD(
        supernet.parameters(),
        lr=paths.learning_rate(config.weights.learning_rate),
        momentum=config.weights.momentum,
        weight_decay=config.weights.weight_decay,
        **paths.optimizer_keywords,
    )
    if genotype is None:
        derived = architecture.derive_at(settings.derivation, [settings.temperature_start])[0]
    else:
        derived = Derived(genotype, genotype)
    architecture_optimizer = torch.optim.Adam(
        [
            {"params": alpha, "weight_decay": settings.weight_decay},
            {"params": beta, "weight_decay": 0.0, "lr": settings.threshold_learning_rate},
        ],
        lr=settings.learning_rate,
        betas=settings.betas,
        capturable=paths.graphs,
        **paths.optimizer_keywords,
    )
    for optimizer in (weight_optimizer, architecture_optimizer):
        prepare(optimizer)
    # reading α's decisions from a GPU waits for it: only as often as cells are derived, never in recorded steps
    each_step = settings.derive_every == "step" and not paths.graphs
    return BilevelSearch(
        supernet=supernet,
        architecture=architecture,
        weight_optimizer=weight_optimizer,
        architecture_optimizer=architecture_optimizer,
        derivation=settings.derivation,
        genotype=derived.genotype,
        transit_cells=config.network.transit_cells,
        passed=derived.passed_by(config.network.transit_cells),
        sparsity_weight=settings.sparsity_weight,
        clip=config.weights.clip or float("inf"),
        autocast=compute.autocast,
        sparse=compute.device.type == "cpu" or each_step,
        execute=paths.execute(warn),
    )
