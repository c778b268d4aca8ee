"""Training a derived network: drop-path, auxiliary head, size, and what a step changes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from entrannas_cli.method.complexity import derived_complexity, multiply_adds, parameter_count, widest
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.method.layers import AuxiliaryHead, drop_path
from entrannas_cli.method.network import DerivedNetwork, SuperNet
from entrannas_cli.method.training import Training
from entrannas_cli.spaces.files import load_space
from entrannas_cli.spaces.published import PUBLISHED

SKIPS = CellGraph(((Connection(0, "skip_connect"), Connection(1, "skip_connect")),) * 2)
POOLS = CellGraph(((Connection(0, "max_pool_3x3"), Connection(0, "sep_conv_3x3")),) * 2)


def small_network(genotype: Genotype, **keywords: object) -> DerivedNetwork:
    torch.manual_seed(0)
    return DerivedNetwork(genotype, classes=3, channels_in=1, channels=4, cells=3, **keywords)  # type: ignore[arg-type]


def images(count: int = 6, side: int = 8) -> torch.Tensor:
    return torch.randn(count, 1, side, side, generator=torch.Generator().manual_seed(1))


@given(st.floats(0.05, 0.95), st.integers(0, 2**31))
def test_drop_path_drops_whole_images_and_keeps_the_mean(chance: float, seed: int) -> None:
    torch.manual_seed(seed)
    x = torch.rand(400, 2, 3, 3, dtype=torch.float64) + 0.5
    dropped = drop_path(x, chance)
    ratio = (dropped / x).flatten(1)
    assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio))  # an image is dropped as a whole
    kept = ratio[:, 0] > 0
    assert torch.allclose(ratio[kept], torch.full_like(ratio[kept], 1 / (1 - chance)))
    assert abs(float(kept.double().mean()) - (1 - chance)) < 5 * (chance * (1 - chance) / 400) ** 0.5


def test_drop_path_applies_in_training_only_and_never_to_identities() -> None:
    network = small_network(Genotype(POOLS, POOLS))
    without, _ = network.forward_in_training(images(), 0.0)
    torch.manual_seed(3)
    dropped, _ = network.forward_in_training(images(), 0.5)
    assert not torch.equal(without, dropped)
    network.eval()
    with torch.no_grad():
        assert torch.equal(network.forward_in_training(images(), 0.9)[0], network(images()))
    # all are parameter-free skip connections: the normal cells have nothing to drop
    normal = small_network(Genotype(SKIPS, SKIPS)).cells[0]
    x = torch.randn(5, 12, 8, 8)
    assert torch.equal(normal(x, x, SKIPS, 0.9), normal(x, x, SKIPS, 0.0))


def test_tiny_drop_path_changes_almost_nothing() -> None:
    """Nodes have several connections from several sources; without drop-path no random numbers are drawn."""
    cell = CellGraph(
        (
            (Connection(0, "max_pool_3x3"), Connection(0, "sep_conv_3x3"), Connection(1, "conv_1x1")),
            (Connection(1, "conv_1x1"), Connection(2, "sep_conv_3x3")),
        )
    )
    network = small_network(Genotype(cell, cell))
    state = torch.get_rng_state()
    without, _ = network.forward_in_training(images(), 0.0)
    assert torch.equal(state, torch.get_rng_state())
    dropped, _ = network.forward_in_training(images(), 1e-7)
    torch.testing.assert_close(dropped, without, rtol=1e-4, atol=1e-5)


def test_connections_of_a_shared_feature_are_dropped_independently() -> None:
    """Two nodes that read the same feature lose it independently."""
    cell = CellGraph(((Connection(0, "sep_conv_3x3"),), (Connection(0, "sep_conv_3x3"),)), concat=(2, 3))
    module = small_network(Genotype(cell, cell), share_features=True).cells[0]
    torch.manual_seed(0)
    x = torch.randn(64, 12, 8, 8)
    out = module(x, x, cell, 0.5)
    gone = out.view(64, 2, 4, 8, 8).abs().amax((2, 3, 4)) == 0  # (N, node)
    assert {tuple(pair) for pair in gone.tolist()} == {(a, b) for a in (False, True) for b in (False, True)}


@pytest.mark.parametrize(("side", "stride"), [(8, 3), (7, 2), (2, 3), (3, 3), (1, 2), (16, 3)])
def test_auxiliary_head_accepts_any_size(side: int, stride: int) -> None:
    head = AuxiliaryHead(6, 10, stride, batch_norm=True)
    assert head(torch.randn(4, 6, side, side + 1)).shape == (4, 10)


def test_auxiliary_head_pools_as_in_darts_at_published_sizes() -> None:
    x = torch.randn(2, 6, 8, 8).relu()
    head = AuxiliaryHead(6, 10, 3, batch_norm=True).eval()
    pooled = nn.AvgPool2d(5, stride=3, padding=0, count_include_pad=False)(x)
    assert torch.equal(head(x), head.classifier(head.features(pooled).flatten(1)))


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_auxiliary_head_reads_the_second_reduction_cell(stem: str) -> None:
    network = DerivedNetwork(
        PUBLISHED["PC_DARTS_cifar"],
        classes=7,
        channels=4,
        cells=6,
        stem=stem,  # type: ignore[arg-type]
        auxiliary=True,
    )
    assert network.kinds[network.auxiliary_cell] == "reduce"
    assert "reduce" not in network.kinds[network.auxiliary_cell + 1 :]
    logits, auxiliary = network.forward_in_training(torch.randn(2, 3, 64, 64))
    assert auxiliary is not None
    assert logits.shape == auxiliary.shape == (2, 7)
    with torch.no_grad():
        assert network.eval()(torch.randn(2, 3, 64, 64)).shape == (2, 7)


def test_step_computes_the_loss_and_updates_the_weights() -> None:
    network = small_network(Genotype(POOLS, POOLS), auxiliary=True)
    training = Training(
        network, torch.optim.SGD(network.parameters(), lr=0.1), clip=1e-3, label_smoothing=0.1
    )
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    before = [weight.detach().clone() for weight in network.parameters()]
    logits, _ = network.forward_in_training(images())
    network.load_state_dict(small_network(Genotype(POOLS, POOLS), auxiliary=True).state_dict())
    outcome = training.step(images(), labels)
    expected = nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
    assert torch.allclose(outcome.loss, expected)
    moved = torch.cat([(a - b).flatten() for a, b in zip(network.parameters(), before, strict=True)])
    assert float(moved.detach().norm()) == pytest.approx(0.1 * 1e-3, rel=1e-3)  # norm of the clipped gradient
    assert any(  # the auxiliary loss reaches its head
        not torch.equal(a, b)
        for a, b in zip(
            network.auxiliary_head.parameters(),  # type: ignore[union-attr]
            small_network(Genotype(POOLS, POOLS), auxiliary=True).auxiliary_head.parameters(),  # type: ignore[union-attr]
            strict=True,
        )
    )


# Parameters as counted in the networks that the authors' own code builds, without and within the auxiliary head.
# Multiply-adds in M: flops-counter.pytorch (which counts two per value of a batch-norm and one per value of a ReLU
# or pooling) for the cells of DARTS-2nd (544.6, reported in DARTS' issue 46), and the PC-DARTS paper (586).

ON_CIFAR = {
    "DARTS_V2": (3_349_342, 476_426),
    "PDARTS": (3_433_798, 476_426),
    "PC_DARTS_cifar": (3_634_678, 476_426),
    "ISTA_twostage": (3_316_726, 476_426),
    "DrNAS_cifar10": (4_099_294, 476_426),
    "AmoebaNet": (3_145_078, 457_994),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_cells_have_the_original_parameter_count_on_cifar(name: str) -> None:
    size: Any = {"classes": 10, "channels": 36, "cells": 20, "stem": "cifar"}
    without, in_head = ON_CIFAR[name]
    assert derived_complexity(PUBLISHED[name], image=(3, 32, 32), **size)[0] == without
    with torch.device("meta"):
        network = DerivedNetwork(PUBLISHED[name], auxiliary=True, **size)
    assert parameter_count(network) == without + in_head


@pytest.mark.parametrize(
    ("name", "without", "in_head"),
    [
        ("DARTS_V2", 4_718_752, 1_260_776),
        ("PDARTS", 4_944_352, 1_262_312),  # its head ends with a batch-norm
        ("PC_DARTS_cifar", 5_270_560, 1_260_776),
        ("ISTA_twostage", 4_820_608, 1_260_776),
        ("DrNAS_cifar10", 5_738_464, 1_260_776),
        ("AmoebaNet", 4_627_360, 1_236_200),
    ],
)
def test_published_cells_have_the_original_parameter_count_on_imagenet(
    name: str, without: int, in_head: int
) -> None:
    size: Any = {"classes": 1000, "channels": 48, "cells": 14, "stem": "imagenet"}
    assert derived_complexity(PUBLISHED[name], image=(3, 224, 224), **size)[0] == without
    with torch.device("meta"):
        network = DerivedNetwork(
            PUBLISHED[name], auxiliary=True, auxiliary_batch_norm=name == "PDARTS", **size
        )
    assert parameter_count(network) == without + in_head


def test_batch_norm_after_pooling_is_optional_but_fixed_in_the_super_net() -> None:
    def pools(network: nn.Module) -> dict[str, list[type[nn.Module]]]:
        return {
            name: [type(module) for module in pool.modules() if not list(module.children())]
            for name, pool in network.named_modules()
            if name.endswith(("max_pool_3x3", "avg_pool_3x3"))
        }

    cells = PUBLISHED["PC_DARTS_cifar"]
    size: Any = {"classes": 3, "channels": 4, "cells": 3}
    kinds = {"avg_pool_3x3": nn.AvgPool2d, "max_pool_3x3": nn.MaxPool2d}
    for norms, network in (
        ([], DerivedNetwork(cells, **size)),
        ([nn.BatchNorm2d], DerivedNetwork(cells, pool_batch_norm=True, **size)),
        ([nn.BatchNorm2d], supernet := SuperNet(load_space("standard"), **size)),
        ([nn.BatchNorm2d], DerivedNetwork.inheriting(supernet, cells)),
    ):
        found = pools(network)
        assert {name.rpartition(".")[2] for name in found} == set(kinds)
        assert all(layers == [kinds[name.rpartition(".")[2]], *norms] for name, layers in found.items())
    assert not any(p.shape == (4,) for p in supernet.cells[0].parameters())  # the super-net's have no scale


@pytest.mark.parametrize(
    ("name", "multiply_adds_counted_by_others"), [("DARTS_V2", 544.6), ("PC_DARTS_cifar", 586)]
)
def test_published_multiply_adds_on_imagenet(name: str, multiply_adds_counted_by_others: float) -> None:
    with torch.device("meta"):
        network = DerivedNetwork(PUBLISHED[name], classes=1000, channels=48, cells=14, stem="imagenet")
    counts: Counter[str] = Counter()

    def count(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        if isinstance(module, nn.BatchNorm2d):
            counts["others"] += 2 * output.numel()
        elif isinstance(module, nn.ReLU | nn.AvgPool2d | nn.MaxPool2d):
            counts["others"] += inputs[0].numel()

    for module in network.modules():
        module.register_forward_hook(count)
    network.eval()
    own = multiply_adds(network, (3, 224, 224))
    assert (own + counts["others"]) / 1e6 == pytest.approx(multiply_adds_counted_by_others, rel=0.005)


@given(st.integers(3, 4000), st.integers(1, 50))
def test_widest_network_is_within_the_limit_and_the_next_is_not(limit: int, factor: int) -> None:
    def count(channels: int) -> int:
        return factor * channels * channels

    if count(2) > limit:
        with pytest.raises(
            ValueError, match=f"^2 channels take {4 * factor} multiply-adds, more than {limit}$"
        ):
            widest(count, limit)
        return
    channels = widest(count, limit)
    assert channels % 2 == 0
    assert count(channels) <= limit < count(channels + 2)


def test_widest_published_network_for_600_million() -> None:
    def count(channels: int) -> int:
        _, found = derived_complexity(
            PUBLISHED["DARTS_V2"],
            image=(3, 224, 224),
            classes=1000,
            channels=channels,
            cells=14,
            stem="imagenet",
        )
        return found

    channels = widest(count, 600_000_000)
    assert count(channels) <= 600_000_000 < count(channels + 2)
    assert channels > 48  # the 48 channels as published stay well below the limit
