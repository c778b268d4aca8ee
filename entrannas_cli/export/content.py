"""The exported content: the network without its training-only parts, and its metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .. import __version__
from ..common.files import BrokenRun
from ..common.numbers import number
from ..common.text import plain
from ..method.genotype import Genotype
from ..method.network import CifarStem, DerivedNetwork
from .metadata import Metadata, NetworkOptions

if TYPE_CHECKING:
    from ..engine.load_network import TrainedNetwork

__all__ = ["ExportedNetwork", "build_network", "export_content", "load_weights"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ExportedNetwork:
    """A network in eval mode, float32, on the CPU: (N, C, H, W) → logits (N, classes), with its ``metadata``."""

    network: DerivedNetwork
    metadata: Metadata


def export_content(trained: TrainedNetwork) -> ExportedNetwork:
    """Return a copy of a run's network without auxiliary head and drop-path, and its metadata."""
    try:
        summary = trained.run.summary()
    except BrokenRun:
        summary = {}
    dataset = summary.get("dataset")
    measured = summary.get("best_test_accuracy" if trained.weights == "best" else "test_accuracy")
    if trained.weights == "last" and summary.get("step") != trained.step:
        measured = None  # measured with later weights, whose checkpoint is damaged
    source = trained.network
    options = _options(source)
    network = build_network(source.genotype, options)
    own = source.state_dict()
    load_weights(network, {key: own[key] for key in network.state_dict()})
    return ExportedNetwork(
        network=network,
        metadata=Metadata(
            written_by=f"entrannas {__version__}",
            run=plain(trained.run.id),
            weights=trained.weights,
            step=trained.step,
            dataset=plain(dataset) if isinstance(dataset, str) else "",
            test_accuracy=number(measured),
            genotype=source.genotype.to_dict(),
            network=options,
            shape=trained.shape,
            classes=tuple(map(plain, trained.classes)),
            mean=trained.mean,
            std=trained.std,
        ),
    )


def _options(network: DerivedNetwork) -> NetworkOptions:
    stem_convolution = next(module for module in network.stem.modules() if isinstance(module, nn.Conv2d))
    cell_norm = next(module for module in network.cells.modules() if isinstance(module, nn.BatchNorm2d))
    cifar = isinstance(network.stem, CifarStem)
    return NetworkOptions(
        classes=network.classifier.out_features,
        channels_in=stem_convolution.in_channels,
        channels=network.stem.out_channels[0] // (3 if cifar else 1),
        cells=len(network.cells),
        stem="cifar" if cifar else "imagenet",
        share_features=network.share_features,
        affine=cell_norm.affine,
        pool_batch_norm=network.pool_batch_norm,
    )


def build_network(genotype: Genotype, options: NetworkOptions, *, device: str = "cpu") -> DerivedNetwork:
    """Return a network in eval mode, with random weights, keeping the caller's random state."""
    with torch.random.fork_rng(devices=[]), torch.device(device):
        return DerivedNetwork(genotype, **options.model_dump()).eval()


def load_weights(network: DerivedNetwork, state: Mapping[str, Tensor]) -> None:
    """Load copies of ``state`` into ``network``, contiguous and on the CPU."""
    copies = {
        key: value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for key, value in state.items()
    }
    network.load_state_dict(copies, assign=True)
    network.requires_grad_(False)
