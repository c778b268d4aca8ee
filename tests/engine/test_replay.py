"""Recorded steps: equal to plain ones, and recorded again exactly when the computation changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn

import pytest
import torch
from torch import Tensor, nn

from entrannas_cli.config.search import SearchConfig
from entrannas_cli.engine.capture import Capture, CudaCapture
from entrannas_cli.engine.device import Compute
from entrannas_cli.engine.replay import WARM_UP_CALLS, GraphReplay
from entrannas_cli.engine.search.build import build_search
from entrannas_cli.engine.search.evaluate import compare_with_derived
from entrannas_cli.method.bilevel import BilevelSearch
from entrannas_cli.method.genotype import Genotype
from entrannas_cli.method.network import DerivedNetwork
from entrannas_cli.method.optimizers import prepare, set_learning_rate
from entrannas_cli.method.space import SearchSpace
from entrannas_cli.method.training import Training
from entrannas_cli.spaces.published import PUBLISHED

from .cpu_capture import CpuCapture

SPACE = SearchSpace(name="small", operations=("skip_connect", "sep_conv_3x3", "max_pool_3x3"), nodes=2)
METHODS = {"dst": "entrannas-dst", "top2": "entrannas"}
CPU = torch.device("cpu")
DEVICES = [
    CPU,
    pytest.param(
        torch.device("cuda"),
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
        ],
    ),
]


def fail_on_message(text: str) -> None:
    raise AssertionError(text)


def make_replay(device: torch.device) -> GraphReplay:
    capture: Capture = CpuCapture() if device.type == "cpu" else CudaCapture(device)
    return GraphReplay(capture, device, fail_on_message)


def search(derivation: str = "dst", device: torch.device = CPU, rate: float = 0.1) -> BilevelSearch:
    config = SearchConfig.model_validate(
        {
            "data": {"dataset": "digits"},
            "network": {"cells": 3, "channels": 4},
            "method": METHODS[derivation],
            "architecture": {
                "derivation": derivation,
                "learning_rate": rate,
                "sparsity_weight": 0.0,
                "threshold_init": 0.0,
                "temperature_unit": "absolute",
            },
            "weights": {"weight_decay": 0.01},
            "device": {"graphs": "off", "fused": "on"},
        }
    )
    compute = Compute(device, "float32", torch.channels_last, 1)
    return build_search(config, SPACE, compute, channels_in=1, classes=3)


def with_graphs(plain: BilevelSearch, execute: GraphReplay) -> BilevelSearch:
    """Set ``plain`` up as for graphs."""
    device = plain.supernet.classifier.weight.device
    for group in plain.weight_optimizer.param_groups:
        group["lr"] = torch.tensor(group["lr"], device=device)
    for group in plain.architecture_optimizer.param_groups:
        group["capturable"] = device.type == "cuda"
    return replace(plain, sparse=False, execute=execute)


def batch(seed: int, device: torch.device = CPU, size: int = 12) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(size, 1, 8, 8, generator=generator).to(memory_format=torch.channels_last)
    return images.to(device), torch.randint(0, 3, (size,), generator=generator).to(device)


def assert_close(one: nn.Module, other: nn.Module) -> None:
    for (name, mine), theirs in zip(one.named_parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(
            mine,
            theirs,
            rtol=1e-3,
            atol=1e-4,
            msg=lambda text: f"{name}: {text}",  # noqa: B023
        )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("derivation", ["dst", "top2"])
def test_recorded_search_equals_a_plain_one(derivation: str, device: torch.device) -> None:
    """Learning rate and temperature change, and the sub-graph now and then."""
    execute = make_replay(device)
    plain, other = search(derivation, device), with_graphs(search(derivation, device), execute)
    genotypes = [plain.genotype]
    for step in range(16):
        for one in (plain, other):
            set_learning_rate(one.weight_optimizer, 0.05 / (1 + step))
            outcome = one.step(
                batch(step, device),
                None if step < 2 else batch(step + 50, device),
                temperature=0.9 - 0.04 * step,
                derive=step % 5 == 4,
            )
            losses = [outcome.weight_loss, outcome.gradient_norm, outcome.architecture_loss]
            if one is plain:
                expected = [loss if loss is None else loss.clone() for loss in losses]
        for mine, theirs in zip(losses, expected, strict=True):
            assert (mine is None) == (theirs is None)
            if mine is not None and theirs is not None:
                torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)
        assert plain.genotype == other.genotype
        genotypes.append(plain.genotype)
    assert len(set(genotypes)) > 1
    assert execute.recordings > 2
    assert_close(plain.supernet, other.supernet)
    assert_close(plain.architecture, other.architecture)


def test_records_again_when_the_sub_graph_or_batch_size_changes() -> None:
    execute = make_replay(CPU)
    one = with_graphs(search("top2"), execute)
    other = Genotype(one.genotype.reduce, one.genotype.normal)
    assert other != one.genotype

    def steps(count: int, size: int = 12) -> int:
        for n in range(count):
            one.step(batch(n, size=size), batch(n + 9, size=size), temperature=1.0, derive=False)
        return execute.recordings

    assert steps(WARM_UP_CALLS) == 0
    assert steps(1) == 2  # the architecture step and the weight step
    assert steps(5) == 2
    one.genotype = one.passed = other
    assert steps(WARM_UP_CALLS) == 2
    assert steps(3) == 4
    assert steps(WARM_UP_CALLS, size=10) == 4
    assert steps(3, size=10) == 6


def test_unused_operations_stay_unchanged_in_a_replay() -> None:
    """Operations that no cell computes or that have weight 0 don't move, despite weight decay and momentum."""
    one = with_graphs(search("dst", rate=1e-6), make_replay(CPU))
    for n in range(4):  # gives every weight some momentum
        one.step(batch(n), batch(n + 9), temperature=1.0)
    with torch.no_grad():
        for alpha in one.architecture.alpha.values():
            alpha.zero_()
            alpha[:, 0] = 9.0
    one.derive(0.1)
    unused = {
        name: (weight, weight.detach().clone(), one.weight_optimizer.state[weight]["momentum_buffer"].clone())
        for name, weight in one.supernet.named_parameters()
        if ".sep_conv_3x3." in name
    }
    assert any(bool(momentum.any()) for _, _, momentum in unused.values())
    for n in range(WARM_UP_CALLS + 3):
        one.step(batch(n), batch(n + 9), temperature=0.1, derive=False)
    for weight, before, momentum in unused.values():
        assert torch.equal(weight, before)
        assert torch.equal(one.weight_optimizer.state[weight]["momentum_buffer"], momentum)


def training(device: torch.device = CPU) -> Training:
    torch.manual_seed(0)
    network = DerivedNetwork(
        PUBLISHED["DARTS_V2"], classes=3, channels_in=1, channels=4, cells=3, auxiliary=True
    ).to(device)
    rate = torch.tensor(0.05, device=device)
    optimizer = torch.optim.SGD(network.parameters(), rate, momentum=0.9, weight_decay=0.01, fused=True)
    prepare(optimizer)
    return Training(network, optimizer)


@pytest.mark.parametrize("device", DEVICES)
def test_recorded_training_equals_a_plain_one(device: torch.device) -> None:
    """Drop-path included: each replay draws new masks, and the rate may change."""
    plain, other = training(device), training(device)
    other.execute = make_replay(device)
    for step in range(6):
        chance = 0.0 if step == 0 else 0.1 * step
        images, labels = batch(step, device)
        torch.manual_seed(step)
        # the rate as a tensor, since the generator is used differently for a number
        expected = plain._step(images, labels, torch.tensor(chance, device=device) if chance else 0.0)
        torch.manual_seed(step)
        found = other.step(images, labels, chance)
        torch.testing.assert_close(found.loss, expected.loss, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(found.gradient_norm, expected.gradient_norm, rtol=1e-2, atol=1e-3)
    assert other.execute.recordings == 1
    assert_close(plain.network, other.network)
    again = [float(other.step(*batch(7, device), 0.5).loss) for _ in range(3)]
    assert len(set(again)) == 3


def test_recorded_comparison_gives_the_same_scores() -> None:
    plain, other = search(), with_graphs(search(), make_replay(CPU))
    found = [
        compare_with_derived(
            one,
            0.5,
            calibration=lambda: (batch(n) for n in range(2)),
            validation=lambda: (batch(n, size=12 if n < 6 else 5) for n in range(7)),
        )
        for one in (plain, other, other)  # the second time with networks at other addresses
    ]
    for mine, expected in ((found[1], found[0]), (found[2], found[0])):
        assert mine.supernet.loss == pytest.approx(expected.supernet.loss, rel=1e-5)
        assert mine.derived == expected.derived
    assert isinstance(other.execute, GraphReplay)
    assert other.execute.recordings == 4


def test_unrecordable_function_is_reported_once_and_called_directly() -> None:
    told: list[str] = []
    execute = GraphReplay(CpuCapture(), CPU, told.append)
    total = torch.zeros(())

    def reads(x: Tensor, factor: Tensor | float) -> Tensor:
        total.add_(float(x.sum()) * factor)
        return total

    values = [float(execute("sum", None, reads, torch.ones(3), 2.0)) for _ in range(6)]
    assert values == [6.0, 12.0, 18.0, 24.0, 30.0, 36.0]  # each call counts once
    assert len(told) == 1
    assert "the sum cannot be recorded (a value is read on the host)" in told[0]
    assert execute.recordings == 0


def test_message_gives_the_first_error() -> None:
    class Broken(CpuCapture):
        def record(self, function: Callable[[], object]) -> NoReturn:
            try:
                raise RuntimeError("what was wrong")
            finally:
                raise RuntimeError("the recording is invalid")

    told: list[str] = []
    execute = GraphReplay(Broken(), CPU, told.append)
    for _ in range(WARM_UP_CALLS + 1):
        execute("sum", None, torch.sum, torch.ones(3))
    assert "(what was wrong)" in told[0]


def test_inputs_are_copied_to_a_fixed_address() -> None:
    seen: list[int] = []

    def address(x: Tensor, number: Tensor) -> Tensor:
        seen.append(x.data_ptr())
        return x * number

    capture = CpuCapture()
    execute = GraphReplay(capture, CPU, fail_on_message)
    for n in range(5):
        found = execute("product", None, address, torch.full((2,), float(n)), 3.0)
        assert found.tolist() == [3.0 * n] * 2
    assert len(set(seen)) == 1
    assert len(seen) == WARM_UP_CALLS + 1  # replays don't call the function
    assert (capture.warm_ups, capture.replays) == (WARM_UP_CALLS, 5 - WARM_UP_CALLS)
