"""Activation checkpointing: same weights, statistics and random numbers, and less memory."""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from entrannas_cli.method.architecture import Derivation
from entrannas_cli.method.bilevel import BilevelSearch
from entrannas_cli.method.fast.accelerate import accelerate
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.method.network import DerivedNetwork, Stem, SuperNet
from entrannas_cli.method.operations import register_operation
from entrannas_cli.method.space import EngineCells, SearchSpace
from entrannas_cli.method.training import Training
from entrannas_cli.spaces.published import PUBLISHED

from .strategies import architecture, spaces
from .test_accelerate import batch
from .test_method_properties import seeds


def assert_equal_states(one: nn.Module, other: nn.Module) -> None:
    """Compare bit for bit, including running statistics and their counts."""
    assert list(one.state_dict()) == list(other.state_dict())
    for key, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), key


def run_search(
    net: SuperNet, space: SearchSpace, derivation: Derivation, seed: int, *, checkpointed: bool
) -> BilevelSearch:
    net = copy.deepcopy(net)
    net.checkpoint_cells = checkpointed
    own = architecture(space, seed).double()
    search = BilevelSearch(
        supernet=net,
        architecture=own,
        weight_optimizer=torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01),
        architecture_optimizer=torch.optim.Adam(own.parameters(), lr=0.01),
        derivation=derivation,
        genotype=own.derive(derivation, 1.0),
    )
    for step in range(2):  # the second step builds on what the first changed
        search.step(batch(seed), batch(seed + step), temperature=0.7)
    return search


@settings(max_examples=4, suppress_health_check=[HealthCheck.too_slow])
@given(
    space=spaces(max_nodes=3),
    derivation=st.sampled_from(["dst", "top2"]),
    engines=st.sampled_from(["last", "first", "all"]),
    share=st.booleans(),
    fast=st.booleans(),
    seed=seeds,
)
def test_checkpointed_search_equals_the_plain_one(
    space: SearchSpace, derivation: Derivation, engines: EngineCells, share: bool, fast: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    net = SuperNet(space, classes=3, channels=2, cells=4, engine_cells=engines, share_features=share).double()
    net.to(memory_format=torch.channels_last)
    if fast:
        accelerate(net)
    plain, checkpointed = (
        run_search(net, space, derivation, seed, checkpointed=chosen) for chosen in (False, True)
    )
    assert_equal_states(plain.supernet, checkpointed.supernet)
    assert_equal_states(plain.architecture, checkpointed.architecture)
    assert plain.genotype == checkpointed.genotype


def run_training(
    network: DerivedNetwork,
    *,
    checkpointed: bool,
    side: int = 9,
    autocast: AbstractContextManager[object] | None = None,
) -> DerivedNetwork:
    network = copy.deepcopy(network)
    network.checkpoint_cells = checkpointed
    training = Training(
        network, torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9), autocast=autocast
    )
    torch.manual_seed(5)
    dtype = next(network.parameters()).dtype
    for step in range(2):  # the second step builds on what the first changed
        images, labels = batch(step, side)
        training.step(images.to(dtype), labels, drop=0.3)
    return network


@pytest.mark.parametrize(("stem", "side"), [("cifar", 9), ("imagenet", 33)])
@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("fast", [False, True])
def test_checkpointed_training_equals_the_plain_one_with_drop_path(
    stem: Stem, side: int, share: bool, fast: bool
) -> None:
    network = DerivedNetwork(
        PUBLISHED["DARTS_V2"],
        classes=3,
        channels=4,
        cells=6,
        stem=stem,
        share_features=share,
        auxiliary=True,
    ).double()
    if fast:
        accelerate(network)
    assert_equal_states(*(run_training(network, checkpointed=chosen, side=side) for chosen in (False, True)))


def test_mixed_precision() -> None:
    network = DerivedNetwork(PUBLISHED["DARTS_V2"], classes=3, channels=4, cells=3)
    accelerate(network)
    autocast = torch.autocast("cpu", dtype=torch.bfloat16)
    assert_equal_states(
        *(run_training(network, checkpointed=chosen, autocast=autocast) for chosen in (False, True))
    )


def test_custom_operations_may_be_random_and_have_buffers() -> None:
    class Counting(nn.Module):
        passes: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("passes", torch.zeros(()))
            self.register_buffer("nothing", None)

        def forward(self, x: Tensor) -> Tensor:
            self.passes += 1
            return x.relu() * torch.rand_like(x)

    @register_operation("counting", label="count", parametric=False)
    def build(channels: int, stride: int, affine: bool) -> nn.Module:
        return nn.Sequential(nn.AvgPool2d(stride, ceil_mode=True), Counting())

    cell = CellGraph(((Connection(0, "counting"), Connection(1, "conv_1x1")),))
    network = DerivedNetwork(Genotype(cell, cell), classes=3, channels=4, cells=3).double()
    plain, checkpointed = (run_training(network, checkpointed=chosen) for chosen in (False, True))
    assert_equal_states(plain, checkpointed)
    counts = [value for key, value in plain.state_dict().items() if key.endswith("passes")]
    assert counts == [2, 2, 2]


def test_nothing_is_recomputed_without_gradients() -> None:
    network = DerivedNetwork(PUBLISHED["DARTS_V2"], classes=3, channels=4, cells=3).double()
    network.checkpoint_cells = True
    images, _ = batch(0)
    with torch.no_grad():
        assert torch.equal(network.eval()(images), copy.deepcopy(network)(images))
