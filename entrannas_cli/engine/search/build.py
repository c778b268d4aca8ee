"""From a configuration to what is searched: super-net, architecture, optimisers."""

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
from ..fast_paths import FastPaths, Tell, fast_paths

if TYPE_CHECKING:
    from ...config.search import SearchConfig

__all__ = ["build_search", "search_fast_paths"]


def search_fast_paths(config: SearchConfig, compute: Compute) -> FastPaths:
    """What a search takes of them."""
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
    tell: Tell | None = None,
) -> BilevelSearch:
    """Build everything that learns, as it is before the first step. The seed decides that, whatever the device.

    The first sub-graph is derived from the architecture, or is ``genotype`` if given. ``paths`` are those of
    :func:`search_fast_paths` if None. ``tell`` is called with a message when one of them fails on the way.
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
    # a GPU is asked as seldom as the cells are derived; recorded steps can't ask at all
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
        execute=paths.execute(tell),
    )
