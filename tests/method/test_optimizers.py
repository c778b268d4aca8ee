"""Optimiser states: initialised before the first step, and portable between implementations."""

from __future__ import annotations

import copy
import io
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, Optimizer

from entrannas_cli.method.fast.accelerate import accelerate
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.method.network import DerivedNetwork
from entrannas_cli.method.optimizers import load_optimizer, optimizer_state, prepare, set_learning_rate

CELL = CellGraph(
    (
        (Connection(0, "sep_conv_3x3"), Connection(1, "dil_conv_5x5")),
        (Connection(0, "skip_connect"), Connection(2, "max_pool_3x3")),
    )
)
WAYS: list[dict[str, Any]] = [{}, {"foreach": True}, {"fused": True}]


def network() -> nn.Module:
    torch.manual_seed(0)
    net = DerivedNetwork(Genotype(CELL, CELL), classes=3, channels=4, cells=3).double()
    accelerate(net)
    return net.to(memory_format=torch.channels_last)


def sgd(net: nn.Module, **way: Any) -> SGD:
    return SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01, **way)


def adam(net: nn.Module, **way: Any) -> Adam:
    return Adam(net.parameters(), lr=0.01, weight_decay=0.01, **way)


def learn(net: nn.Module, optimizer: Optimizer, seed: int, without: str = "") -> None:
    """Take one step; parameters whose name contains ``without`` get no gradient."""
    images = torch.randn(4, 3, 9, 9, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    optimizer.zero_grad()
    net(images.to(memory_format=torch.channels_last)).pow(2).sum().backward()
    for name, parameter in net.named_parameters():
        if without and without in name:
            parameter.grad = None
    nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    optimizer.step()


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in pairs)


@pytest.mark.parametrize("make", [sgd, adam])
@pytest.mark.parametrize("way", WAYS)
def test_prepared_optimiser_equals_a_plain_one(make: Any, way: dict[str, Any]) -> None:
    """Includes weights that get their first gradient late, and weights that never get one."""
    plain_net = network()
    net = copy.deepcopy(plain_net)
    plain, prepared = make(plain_net), make(net, **way)
    prepare(prepared)
    for one, optimizer in ((plain_net, plain), (net, prepared)):
        learn(one, optimizer, 0, without="sep_conv")
        for seed in range(1, 4):
            learn(one, optimizer, seed, without="classifier")
    assert same(plain_net, net)


@pytest.mark.parametrize("make", [sgd, adam])
@pytest.mark.parametrize("before", WAYS)
@pytest.mark.parametrize("after", WAYS)
def test_states_are_portable_between_implementations(
    make: Any, before: dict[str, Any], after: dict[str, Any]
) -> None:
    net = network()
    optimizer = make(net, **before)
    for seed in range(2):
        learn(net, optimizer, seed)
    set_learning_rate(optimizer, 0.025)
    file = io.BytesIO()
    torch.save(optimizer_state(optimizer), file)
    file.seek(0)
    other_net = copy.deepcopy(net)
    other = make(other_net, **after)
    load_optimizer(other, torch.load(file, weights_only=True))
    assert [group["fused"] for group in other.param_groups] == [after.get("fused")]
    assert other.param_groups[0]["lr"] == 0.025
    for seed in range(2, 4):
        learn(net, optimizer, seed)
        learn(other_net, other, seed)
    assert same(net, other_net)


@pytest.mark.parametrize("make", [sgd, adam])
@pytest.mark.parametrize("way", WAYS)
def test_states_are_portable_between_memory_formats(make: Any, way: dict[str, Any]) -> None:
    """Fused kernels walk weights and momenta in memory order, whatever the strides are."""
    net = network()
    optimizer = make(net, **way)
    learn(net, optimizer, 0)
    other_net = copy.deepcopy(net).to(memory_format=torch.contiguous_format)
    other = make(other_net, **way)
    load_optimizer(other, copy.deepcopy(optimizer_state(optimizer)))
    for seed in range(1, 3):
        learn(net, optimizer, seed)
        learn(other_net, other, seed)
    assert same(net, other_net)


def test_learning_rate_tensor_is_updated_in_place() -> None:
    net = network()
    rate = torch.tensor(0.1)
    optimizer = SGD(net.parameters(), lr=rate, momentum=0.9, fused=True)
    set_learning_rate(optimizer, 0.05)
    assert optimizer.param_groups[0]["lr"] is rate
    assert float(rate) == pytest.approx(0.05)
    state = optimizer_state(optimizer)
    assert isinstance(state["param_groups"][0]["lr"], float)
    rate.fill_(0.3)
    load_optimizer(optimizer, state)
    assert optimizer.param_groups[0]["lr"] is rate
    assert float(rate) == pytest.approx(0.05)


def test_state_without_momentum_starts_from_zero() -> None:
    net = network()
    optimizer = sgd(net, fused=True)
    load_optimizer(optimizer, sgd(network()).state_dict())  # saved before its first step
    learn(net, optimizer, 0)
    plain_net = network()
    learn(plain_net, sgd(plain_net), 0)
    assert same(net, plain_net)


def test_state_of_another_network_is_rejected() -> None:
    one, other = network(), nn.Linear(2, 2)
    with pytest.raises(ValueError, match="doesn't match"):
        load_optimizer(sgd(one), optimizer_state(sgd(other)))
