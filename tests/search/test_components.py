"""Rows, evaluation and checkpoints of a small real search."""

from __future__ import annotations

import copy
import math
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from entrannas_cli.common.errors import RunFailed, UsageError
from entrannas_cli.config.search import SearchConfig
from entrannas_cli.engine.cell_counts import count_operations
from entrannas_cli.engine.checkpoint import (
    DamagedCheckpoint,
    read_checkpoint,
    write_checkpoint,
)
from entrannas_cli.engine.device import Compute
from entrannas_cli.engine.identity import check_identity
from entrannas_cli.engine.scoring import calibrate_batch_norm
from entrannas_cli.engine.search.build import build_search
from entrannas_cli.engine.search.checkpoint import SearchState, load_state, search_state
from entrannas_cli.engine.search.evaluate import compare_with_derived
from entrannas_cli.engine.search.metric_rows import pack, sparsity_metrics, unpack
from entrannas_cli.method.architecture import Mixture
from entrannas_cli.method.bilevel import BilevelSearch
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.method.network import SuperNet
from entrannas_cli.method.space import CELL_KINDS, SearchSpace

SPACE = SearchSpace(name="small", operations=("skip_connect", "sep_conv_3x3", "max_pool_3x3"), nodes=2)
CPU = Compute(torch.device("cpu"), "float32", torch.channels_last, 1)


def config(**sections: object) -> SearchConfig:
    settings: dict[str, object] = {
        "data": {"dataset": "digits"},
        "network": {"cells": 3, "channels": 4},
        "architecture": {"learning_rate": 0.1},
    }
    return SearchConfig.model_validate(settings | sections)


def search(**sections: object) -> BilevelSearch:
    return build_search(config(**sections), SPACE, CPU, channels_in=1, classes=3)


def batch(seed: int, size: int = 12) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, 1, 8, 8, generator=generator), torch.randint(0, 3, (size,), generator=generator)


def batches(count: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    return (batch(seed) for seed in range(first, first + count))


def decide(one: BilevelSearch) -> BilevelSearch:
    """Leave one operation per edge, so that the Engine-cells compute what the derived network does."""
    with torch.no_grad():
        for kind in CELL_KINDS:
            one.architecture.alpha[kind][:, 1] += 5.0
    one.derive(0.5)
    return one


def test_gap_of_a_decided_search_is_zero() -> None:
    one = decide(search())
    for step in range(3):
        one.step(batch(step), batch(step + 50), temperature=0.5)
    comparison = compare_with_derived(
        one,
        0.5,
        calibration=lambda: batches(3),
        validation=lambda: batches(4, first=100),
    )
    assert comparison.supernet == comparison.derived
    assert comparison.gap == 0


def test_undecided_search_differs_from_its_derived_network() -> None:
    one = search(
        architecture={"derivation": "top2", "sparsity_weight": 0.0, "threshold_init": 0.0}, method="entrannas"
    )
    comparison = compare_with_derived(
        one,
        1.0,
        calibration=lambda: batches(3),
        validation=lambda: batches(4, first=100),
    )
    assert comparison.supernet.loss != comparison.derived.loss


def test_comparison_leaves_the_search_unchanged() -> None:
    one = search()
    before = copy.deepcopy(one.supernet.state_dict())
    compare_with_derived(one, 1.0, calibration=lambda: batches(2), validation=lambda: batches(2))
    assert all(torch.equal(before[key], value) for key, value in one.supernet.state_dict().items())
    assert one.supernet.training


@pytest.mark.parametrize("poison", [1e6, float("inf")])
def test_running_statistics_do_not_affect_the_comparison(poison: float) -> None:
    """Statistics come from the calibration images alone, not from what the search left behind."""

    def comparison(remembered: float | None) -> tuple[float, float]:
        one = search()
        for module in one.supernet.modules():
            if remembered is not None and isinstance(module, nn.BatchNorm2d):
                assert module.running_mean is not None
                assert module.running_var is not None
                module.running_mean.fill_(remembered)
                module.running_var.fill_(remembered)
        found = compare_with_derived(
            one, 1.0, calibration=lambda: batches(3), validation=lambda: batches(2, first=100)
        )
        return found.supernet.loss, found.derived.loss

    assert comparison(poison) == comparison(None)


def test_calibrated_statistics_are_averages_over_batches() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.BatchNorm2d(2, momentum=0.3))
    some = list(batches(3))
    calibrate_batch_norm(network, network, some)
    assert not network.training
    assert [network[n].momentum for n in (1, 3)] == [0.1, 0.3]
    with torch.no_grad():
        features = [network[0](images) for images, _ in some]
        for norm in (network[1], network[3]):
            means = torch.stack([x.mean(dim=(0, 2, 3)) for x in features]).mean(0)
            variances = torch.stack([x.var(dim=(0, 2, 3)) for x in features]).mean(0)
            torch.testing.assert_close(norm.running_mean, means)
            torch.testing.assert_close(norm.running_var, variances)
            features = [torch.relu(nn.functional.batch_norm(x, None, None, training=True)) for x in features]


def test_score_is_the_mean_over_images_not_batches() -> None:
    one = search()
    whole = batch(7, size=10)

    def score_of(sizes: list[int]) -> tuple[float, float]:
        images = [tuple(pair) for pair in zip(*(torch.split(t, sizes) for t in whole), strict=True)]
        result = compare_with_derived(one, 1.0, calibration=lambda: batches(2), validation=lambda: images)
        return result.supernet.loss, result.derived.accuracy

    assert score_of([10]) == pytest.approx(score_of([7, 3]), rel=1e-5)


def test_weight_decay_applies_to_alpha_only() -> None:
    """Thresholds move as without weight decay, also far from 0."""

    def after_a_step(decay: float) -> BilevelSearch:
        settings = {
            "learning_rate": 0.1,
            "weight_decay": decay,
            "threshold_init": 2.0,
        }  # weight decay pulls down, pressure pushes up
        one = search(architecture=settings | {"temperature_unit": "absolute"})
        for parameter in one.architecture.alpha.values():
            parameter.data.add_(1.0)  # leaves the softmax unchanged
        one.step(batch(0), batch(1), temperature=1.0)
        return one

    without, decayed = after_a_step(0.0), after_a_step(50.0)
    for kind in CELL_KINDS:
        assert torch.equal(without.architecture.beta[kind], decayed.architecture.beta[kind])
        assert not torch.equal(without.architecture.alpha[kind], decayed.architecture.alpha[kind])
        assert bool((decayed.architecture.alpha[kind] < 1.0).all())


def test_optimisers_follow_the_configuration() -> None:
    """Check two steps of each by hand, with given gradients."""
    weights = {"learning_rate": 0.2, "momentum": 0.7, "weight_decay": 0.05}
    settings = {
        "learning_rate": 0.3,
        "threshold_learning_rate": 0.1,
        "betas": (0.6, 0.8),
        "weight_decay": 0.02,
    }
    one = search(weights=weights, architecture=settings)
    weight = next(one.supernet.parameters())
    alpha, beta = one.architecture.alpha["reduce"], one.architecture.beta["reduce"]
    start = {parameter: parameter.detach().clone() for parameter in (weight, alpha, beta)}
    gradients = (0.4, -0.1)
    for gradient in gradients:
        for parameter in start:
            parameter.grad = torch.full_like(parameter, gradient)
        one.weight_optimizer.step()
        one.architecture_optimizer.step()

    x, velocity = start[weight], torch.zeros_like(weight)
    for gradient in gradients:
        velocity = 0.7 * velocity + gradient + 0.05 * x
        x = x - 0.2 * velocity
    torch.testing.assert_close(weight.detach(), x)
    for parameter, rate, decay in ((alpha, 0.3, 0.02), (beta, 0.1, 0.0)):
        x, mean, square = start[parameter], torch.zeros_like(parameter), torch.zeros_like(parameter)
        for n, gradient in enumerate(gradients, start=1):
            whole = gradient + decay * x
            mean, square = 0.6 * mean + 0.4 * whole, 0.8 * square + 0.2 * whole**2
            x = x - rate * (mean / (1 - 0.6**n)) / ((square / (1 - 0.8**n)).sqrt() + 1e-8)
        torch.testing.assert_close(parameter.detach(), x)


def test_super_net_follows_configuration_and_seed() -> None:
    def built(seed: int) -> BilevelSearch:
        network = {"cells": 4, "channels": 6, "stem": "imagenet", "engine_cells": "first"}
        settings = config(
            data={"dataset": "cifar10"},
            network=network | {"share_features": False, "transit_cells": "derived"},
            device={"activation_checkpointing": "cells"},
            seed=seed,
        )
        return build_search(settings, SPACE, CPU, channels_in=2, classes=5)

    one, again, other = built(3), built(3), built(4)
    expected = SuperNet(
        SPACE,
        classes=5,
        channels_in=2,
        channels=6,
        cells=4,
        stem="imagenet",
        engine_cells="first",
        share_features=False,
    )
    shapes = [{k: v.shape for k, v in net.state_dict().items()} for net in (one.supernet, expected)]
    assert shapes[0] == shapes[1]
    assert one.supernet.engines() == expected.engines()
    assert one.transit_cells == "derived"
    assert one.supernet.checkpoint_cells
    assert not search().supernet.checkpoint_cells
    for module in ("supernet", "architecture"):
        states = [getattr(each, module).state_dict() for each in (one, again, other)]
        assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
        assert not all(torch.equal(states[0][key], states[2][key]) for key in states[0])


def test_sparsity_pressure_and_clipping_follow_the_configuration() -> None:
    losses = []
    for pressure in (0.0, 2.0):
        one = search(architecture={"sparsity_weight": pressure, "threshold_init": 0.5})
        losses.append(float(one.architecture_step(batch(0), 1.0)))
    assert losses[1] - losses[0] == pytest.approx(2 * math.log1p(math.exp(-0.5)), rel=1e-5)
    for clip, expected in ((0.25, 0.25), (0.0, None)):
        one = search(weights={"clip": clip})
        outcome = one.step(batch(0), None, temperature=1.0)
        gradients = [weight.grad for weight in one.supernet.parameters() if weight.grad is not None]
        norm = float(torch.cat([gradient.flatten() for gradient in gradients]).norm())
        assert norm == pytest.approx(expected or float(outcome.gradient_norm), rel=1e-3)
        assert float(outcome.gradient_norm) > 0.25


def test_packed_step_round_trip() -> None:
    one = search()
    outcome = one.step(batch(0), batch(1), temperature=1.0)
    row = unpack(pack(outcome, one).tolist(), warmup=False)
    assert row["weight_loss"] == float(outcome.weight_loss)
    assert outcome.architecture_loss is not None
    assert row["architecture_loss"] == float(outcome.architecture_loss)
    assert row["accuracy"] == float(outcome.accuracy)
    for kind in CELL_KINDS:
        expected = torch.sigmoid(one.architecture.beta[kind]).tolist()
        assert row[f"thresholds_{kind}"] == pytest.approx(expected)
    warmup = one.step(batch(0), None, temperature=1.0)
    assert unpack(pack(warmup, one).tolist(), warmup=True)["architecture_loss"] is None


def test_sparsity_is_the_share_of_zero_weights() -> None:
    one = decide(search())
    mixtures = one.architecture.mixtures("dst", 0.5)
    facts = sparsity_metrics(one, mixtures)
    for kind in CELL_KINDS:
        zero = float((mixtures[kind].weights == 0).double().mean())
        assert facts[f"sparsity_{kind}"] == pytest.approx(zero)
    unread = {kind: Mixture(mixture.weights) for kind, mixture in mixtures.items()}
    assert sparsity_metrics(one, unread) == facts  # as of the last derivation
    top2 = search(
        method="entrannas", architecture={"derivation": "top2", "sparsity_weight": 0.0, "threshold_init": 0.0}
    )
    assert set(sparsity_metrics(top2, top2.architecture.mixtures("top2", 0.5)).values()) == {0.0}


def cell(*nodes: list[tuple[int, str]]) -> CellGraph:
    return CellGraph(tuple(tuple(Connection(*connection) for connection in node) for node in nodes))


HEALTHY = cell([(0, "sep_conv_3x3"), (1, "skip_connect")], [(0, "sep_conv_3x3")])


def test_operations_are_counted_by_kind() -> None:
    facts = count_operations(Genotype(HEALTHY, cell([(0, "max_pool_3x3")])))
    assert facts == {
        "operations_normal": {"sep_conv_3x3": 2, "skip_connect": 1},
        "operations_reduce": {"max_pool_3x3": 1},
    }


@pytest.mark.parametrize("derivation", ["dst", "top2"])
def test_restored_search_continues_exactly(tmp_path: Path, derivation: str) -> None:
    sections = {
        "architecture": {
            "derivation": derivation,
            "learning_rate": 0.1,
            "sparsity_weight": 0.0,
            "threshold_init": 0.0,
        }
    }
    method = {"dst": "entrannas-dst", "top2": "entrannas"}[derivation]
    one = search(method=method, **sections)
    for step in range(3):
        one.step(batch(step), batch(step + 50), temperature=0.9)
    one.decide("normal", 0.85)  # holds its temperature
    state = SearchState(step=3, sums={"weight_loss": 0.1})
    write_checkpoint(tmp_path / "c.pt", "search", search_state(one, state))
    other = search(method=method, seed=99, **sections)
    assert load_state(read_checkpoint(tmp_path / "c.pt", "search"), other) == state
    assert other.decided == one.decided
    for step in range(3, 6):
        results = [s.step(batch(step), batch(step + 50), temperature=0.8) for s in (one, other)]
        assert torch.equal(results[0].weight_loss, results[1].weight_loss)
    assert one.genotype == other.genotype
    for module in ("supernet", "architecture"):
        states = [getattr(s, module).state_dict() for s in (one, other)]
        assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return exec, (f"open({str(tmp_path / 'owned')!r}, 'w')",)

    path = tmp_path / "evil.pt"
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(RunFailed, match="not a checkpoint"):
        read_checkpoint(path, "search")
    torch.save(Evil(), path)
    with pytest.raises(RunFailed, match="not a checkpoint"):
        read_checkpoint(path, "search")
    assert not (tmp_path / "owned").exists()


def test_damaged_and_foreign_checkpoints_are_rejected(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    write_checkpoint(path, "search", search_state(search(), SearchState()))
    whole = path.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"text"):
        path.write_bytes(damaged)
        with pytest.raises(DamagedCheckpoint, match="not a checkpoint"):
            read_checkpoint(path, "search")
    (tmp_path / "link.pt").symlink_to(path)
    os.mkfifo(tmp_path / "pipe.pt")
    for name in ("link", "pipe"):
        with pytest.raises(RunFailed, match=r"cannot be read: (a link|not a regular file)"):
            read_checkpoint(tmp_path / f"{name}.pt", "search")
    torch.save({"version": 99}, path)
    with pytest.raises(RunFailed, match="version 99"):
        read_checkpoint(path, "search")
    path.write_bytes(whole)
    with pytest.raises(DamagedCheckpoint, match="not a checkpoint of a train"):
        read_checkpoint(path, "train")
    with pytest.raises(RuntimeError, match="size mismatch"):
        load_state(read_checkpoint(path, "search"), search(network={"cells": 3, "channels": 6}))
    with pytest.raises(UsageError, match="seed is 1, but was 0"):
        check_identity({"seed": "0"}, {"seed": "1"})
    with pytest.raises(UsageError, match="genotype is 1, but was None"):
        check_identity({}, {"genotype": "1"})
    check_identity({}, {"derived.pool_batch_norm": "True"})  # from a release without the key
    with pytest.raises(UsageError, match=r"derived\.pool_batch_norm is False, but was True"):
        check_identity({}, {"derived.pool_batch_norm": "False"})


@pytest.mark.parametrize("method", ["entrannas-dst", "entrannas"])
def test_mixed_precision_trains_and_compares(method: str) -> None:
    settings = config(
        method=method,
        architecture={
            "derivation": "dst" if method == "entrannas-dst" else "top2",
            "sparsity_weight": 0.0,
            "threshold_init": 0.0,
        },
    )
    mixed = Compute(torch.device("cpu"), "bf16", torch.channels_last, 1)
    one = build_search(settings, SPACE, mixed, channels_in=1, classes=3)
    losses = [float(one.step(batch(0), batch(1), temperature=1.0).weight_loss) for _ in range(8)]
    assert losses[-1] < losses[0]
    # weights and architecture stay in float32
    assert {p.dtype for p in (*one.supernet.parameters(), *one.architecture.parameters())} == {torch.float32}
    comparison = compare_with_derived(one, 1.0, calibration=lambda: batches(2), validation=lambda: batches(2))
    assert comparison.supernet.loss < 10


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_step_on_cuda() -> None:
    compute = Compute(torch.device("cuda"), "bf16", torch.channels_last, 1)
    one = build_search(config(), SPACE, compute, channels_in=1, classes=3)
    images, labels = (tensor.cuda() for tensor in batch(0))
    images = images.to(memory_format=torch.channels_last)
    losses = [
        float(one.step((images, labels), (images, labels), temperature=1.0).weight_loss) for _ in range(8)
    ]
    assert losses[-1] < losses[0]
