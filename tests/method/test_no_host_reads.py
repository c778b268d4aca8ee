"""No step reads a value on the host unless it derives: tensors on the meta device have no values to read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import Tensor, nn

from entrannas_cli.engine.replay import GraphReplay
from entrannas_cli.engine.search.metric_rows import pack
from entrannas_cli.method.architecture import Derivation
from entrannas_cli.method.bilevel import BilevelSearch
from entrannas_cli.method.fast.accelerate import accelerate
from entrannas_cli.method.network import DerivedNetwork, SuperNet
from entrannas_cli.method.optimizers import prepare
from entrannas_cli.method.space import SearchSpace
from entrannas_cli.method.training import Training
from entrannas_cli.spaces.published import PUBLISHED

from ..engine.cpu_capture import CpuCapture
from .strategies import STANDARD, architecture

META = torch.device("meta")
SPACE = SearchSpace(name="narrow", operations=STANDARD.operations, nodes=2)
CHANGES: dict[str, Any] = {"weight_decay": 0.01, "momentum": 0.9}


def images(count: int = 4) -> Tensor:
    return torch.empty(count, 3, 16, 16, device=META).to(memory_format=torch.channels_last)


def labels(count: int = 4) -> Tensor:
    return torch.empty(count, dtype=torch.long, device=META)


def search(derivation: Derivation, **keywords: object) -> BilevelSearch:
    found = architecture(SPACE, 0).float()
    genotype = found.derive(derivation, 1.0)
    net = SuperNet(SPACE, classes=3, channels=2, cells=3, **keywords).to(META)  # type: ignore[arg-type]
    accelerate(net)
    found.to(META)
    weight_optimizer = torch.optim.SGD(net.parameters(), lr=0.1, foreach=True, **CHANGES)
    prepare(weight_optimizer)
    return BilevelSearch(
        supernet=net,
        architecture=found,
        weight_optimizer=weight_optimizer,
        architecture_optimizer=torch.optim.Adam(found.parameters(), lr=0.1, foreach=True),
        derivation=derivation,
        genotype=genotype,
        sparse=False,
    )


@pytest.mark.parametrize(
    ("derivation", "keywords", "temperature"),
    [
        ("dst", {}, 0.5),
        ("dst", {}, torch.tensor(0.5, device=META)),
        ("dst", {"engine_cells": "all", "share_features": False}, 0.5),
        ("top2", {}, torch.tensor(0.5, device=META)),
    ],
)
def test_search_step_without_derivation_reads_nothing(
    derivation: Derivation, keywords: dict[str, object], temperature: float | Tensor
) -> None:
    one = search(derivation, **keywords)
    for validation in (None, (images(), labels())):
        outcome = one.step((images(), labels()), validation, temperature=temperature, derive=False)  # type: ignore[arg-type]
        assert pack(outcome, one).device == META  # the recorded values stay on the device too


@pytest.mark.parametrize("drop", [0.0, 0.3, torch.tensor(0.3, device=META)])
def test_training_step_reads_nothing(drop: float | Tensor) -> None:
    network = DerivedNetwork(PUBLISHED["DARTS_V2"], classes=3, channels=4, cells=3, auxiliary=True).to(META)
    accelerate(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, foreach=True, **CHANGES)
    training = Training(network, optimizer)
    for _ in range(2):
        outcome = training._step(images(), labels(), drop)
        assert torch.stack([outcome.loss, outcome.accuracy, outcome.gradient_norm]).device == META


def test_recording_steps_reads_nothing() -> None:
    execute = GraphReplay(CpuCapture(), META, pytest.fail)
    one = replace(search("dst"), execute=execute)
    for _ in range(2):
        one.step((images(), labels()), (images(), labels()), temperature=0.5, derive=False)


READS = {
    "item": lambda x: x.sum().item(),
    "tolist": lambda x: x.tolist(),
    "cpu": lambda x: x.cpu(),
    "if": lambda x: bool(x.sum() > 0),
    "index": lambda x: x[x > 0],
    "equal": lambda x: torch.equal(x, x + 1),
}


@pytest.mark.parametrize("how", READS)
def test_reads_are_detected(how: str) -> None:
    class Reading(nn.ReLU):
        def forward(self, x: Tensor) -> Tensor:
            READS[how](x)
            return super().forward(x)

    one = search("top2")
    assert isinstance(one.supernet.stem.layers, nn.Sequential)
    one.supernet.stem.layers.append(Reading())
    with pytest.raises((RuntimeError, NotImplementedError)):
        one.step((images(), labels()), None, temperature=0.5, derive=False)


def test_derivation_is_detected() -> None:
    one = search("dst")
    with pytest.raises((RuntimeError, NotImplementedError)):
        one.step((images(), labels()), (images(), labels()), temperature=0.5)


@pytest.mark.parametrize(("derivation", "sparse"), [("dst", True), ("dst", False), ("top2", False)])
def test_step_with_derivation_reads_once(derivation: Derivation, sparse: bool) -> None:
    """Also where the Engine-cells of the next step need to know which operations are in use."""
    found = architecture(SPACE, 0, 0.2).float()  # far from decided, which would cost another read
    net = SuperNet(SPACE, classes=3, channels=2, cells=3)
    weight_optimizer = torch.optim.SGD(net.parameters(), lr=0.1, **CHANGES)
    prepare(weight_optimizer)
    one = BilevelSearch(
        supernet=net,
        architecture=found,
        weight_optimizer=weight_optimizer,
        architecture_optimizer=torch.optim.Adam(found.parameters(), lr=0.1),
        derivation=derivation,
        genotype=found.derive(derivation, 1.0),
        sparse=sparse,
    )
    batch = torch.randn(4, 3, 8, 8), torch.randint(0, 3, (4,))
    reads = []
    cpu = Tensor.cpu

    def read(x: Tensor) -> Tensor:
        if x.dim() == 3:  # the weights of all kinds and temperatures at once
            reads.append(x.shape)
        return cpu(x)

    temperatures = [1.0, 0.8, 0.6, 0.4]
    with patch.object(Tensor, "cpu", read):
        for n, temperature in enumerate(temperatures[:-1]):
            one.step(batch, batch, temperature=temperature, next_temperature=temperatures[n + 1])
            # the first step has nothing read ahead
            assert len(reads) == n + 1 + (sparse and derivation == "dst")
    assert one.genotype == found.derive(derivation, 0.6)
