"""A search step against the recipe written out: which batch, which gradient, in which order."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from entrannas_cli.method.architecture import Derivation, Mixture, TransitCells
from entrannas_cli.method.bilevel import Batch, BilevelSearch
from entrannas_cli.method.cells import TransitCell
from entrannas_cli.method.fast.idle_weights import IdleWeights
from entrannas_cli.method.network import SuperNet
from entrannas_cli.method.optimizers import prepare
from entrannas_cli.method.space import CELL_KINDS, SearchSpace

from . import equations
from .strategies import architecture

SPACE = SearchSpace(name="small", operations=("skip_connect", "sep_conv_3x3", "conv_1x1"), nodes=2)
TEMPERATURE = 0.6
PRESSURE = 0.3  # λ
CLIP = 0.8


def batch(seed: int, size: int = 6) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(size, 2, 8, 8, generator=generator, dtype=torch.float64)
    return images, torch.randint(0, 3, (size,), generator=generator)


def optimizers(
    net: nn.Module, alpha_and_beta: list[nn.Parameter], rate: float
) -> tuple[torch.optim.SGD, torch.optim.Adam]:
    return (
        torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01),
        torch.optim.Adam(alpha_and_beta, lr=rate, betas=(0.5, 0.999)),
    )


def search(derivation: Derivation, seed: int, rate: float = 0.8, **keywords: Any) -> BilevelSearch:
    """Create a search whose α moves far enough in a step to derive different cells."""
    torch.manual_seed(seed)
    net = SuperNet(SPACE, classes=3, channels_in=2, channels=4, cells=3, **keywords).double()
    arch = architecture(SPACE, seed, spread=0.5)
    weights, alpha_and_beta = optimizers(net, list(arch.parameters()), rate)
    genotype = arch.derive(derivation, TEMPERATURE)
    return BilevelSearch(
        net, arch, weights, alpha_and_beta, derivation, genotype, sparsity_weight=PRESSURE, clip=CLIP
    )


def mixtures(one: BilevelSearch) -> dict[str, Mixture]:
    """Compute the mixtures by the equations; where other operations have weight 0, of the derived ones only."""
    weights = one.architecture.weights(one.derivation, TEMPERATURE)
    if one.derivation == "top2":
        return {kind: Mixture(w) for kind, w in weights.items()}
    derived = one.architecture.derive("dst", TEMPERATURE)
    return {kind: Mixture(w, derived.cell(kind)) for kind, w in weights.items()}


def loss_of(one: BilevelSearch, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return cross-entropy (computed in float32) and logits."""
    logits = one.supernet(images, one.genotype, mixtures(one)).float()
    return nn.functional.cross_entropy(logits, labels), logits


def assert_same_parameters(one: nn.Module, other: nn.Module) -> None:
    pairs = zip(one.named_parameters(), other.parameters(), strict=True)
    for (name, found), expected in pairs:
        assert torch.allclose(found, expected, rtol=1e-5, atol=1e-7), name  # the loss is computed in float32


@pytest.mark.parametrize("derivation", ["dst", "top2"])
@pytest.mark.parametrize("keywords", [{}, {"engine_cells": "all", "share_features": False}])
def test_step_follows_the_recipe(derivation: Derivation, keywords: dict[str, Any]) -> None:
    one, twin = (search(derivation, 0, **keywords) for _ in range(2))
    training, validation = batch(10), batch(11)
    outcome = one.step(training, validation, temperature=TEMPERATURE)

    # first α and β, on the validation batch
    expected, _ = loss_of(twin, *validation)
    if derivation == "dst":
        pressures = [-torch.log(torch.sigmoid(twin.architecture.beta[kind])) for kind in CELL_KINDS]
        expected = expected + PRESSURE * torch.cat(pressures).mean()
    assert outcome.architecture_loss is not None
    torch.testing.assert_close(outcome.architecture_loss, expected.detach())
    learned = [p for p in twin.architecture.parameters() if derivation == "dst" or p.dim() == 2]
    for parameter, gradient in zip(learned, torch.autograd.grad(expected, learned), strict=True):
        parameter.grad = gradient
    twin.architecture_optimizer.step()
    assert_same_parameters(one.architecture, twin.architecture)

    # then the sub-graph
    before, twin.genotype = twin.genotype, twin.architecture.derive(derivation, TEMPERATURE)
    assert twin.genotype != before  # so that a wrong order would be noticed
    assert one.genotype == twin.genotype

    # then the weights, on the training batch
    loss, logits = loss_of(twin, *training)
    torch.testing.assert_close(outcome.weight_loss, loss.detach())
    assert float(outcome.accuracy) == pytest.approx(float((logits.argmax(1) == training[1]).double().mean()))
    twin.weight_optimizer.zero_grad()
    loss.backward()
    gradients = [w.grad for w in twin.supernet.parameters() if w.grad is not None]
    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    torch.testing.assert_close(outcome.gradient_norm, norm)
    assert norm > CLIP
    for gradient in gradients:
        gradient.mul_(CLIP / norm)
    twin.weight_optimizer.step()
    assert_same_parameters(one.supernet, twin.supernet)


@pytest.mark.parametrize("weight", [0.0, 1.0, 20.0])
def test_sparsity_pressure_is_the_mean_over_nodes_of_both_kinds(weight: float) -> None:
    one = search("dst", 3)
    one.sparsity_weight = weight
    with torch.no_grad():
        one.architecture.beta["normal"].copy_(torch.tensor([-1.0, 2.0]))
        one.architecture.beta["reduce"].copy_(torch.tensor([0.5, -3.0]))
    one.derive(TEMPERATURE)
    validation = batch(1)
    cross_entropy, _ = loss_of(one, *validation)
    expected = float(cross_entropy.detach()) + weight * equations.pressure([[-1.0, 2.0], [0.5, -3.0]])
    assert float(one.architecture_step(validation, TEMPERATURE)) == pytest.approx(expected, rel=1e-6)


def test_top2_has_no_sparsity_pressure() -> None:
    one = search("top2", 3)
    expected, _ = loss_of(one, *batch(1))
    before = copy.deepcopy(one.architecture.beta.state_dict())
    assert float(one.architecture_step(batch(1), TEMPERATURE)) == pytest.approx(float(expected.detach()))
    after = one.architecture.beta.state_dict()
    assert all(torch.equal(before[kind], after[kind]) for kind in CELL_KINDS)


@pytest.mark.parametrize("derivation", ["dst", "top2"])
def test_each_step_uses_its_temperature(derivation: Derivation) -> None:
    """Check the mixture of the weight step and the loss of the architecture step."""
    one = search(derivation, 5)
    for temperature in (2.0, 0.3):
        with torch.no_grad():
            logits = one.supernet(
                batch(2)[0], one.genotype, one.architecture.mixtures(derivation, temperature)
            )
            expected = float(nn.functional.cross_entropy(logits, batch(2)[1]))
        betas = [one.architecture.beta[kind].tolist() for kind in CELL_KINDS]
        if derivation == "dst":
            expected += PRESSURE * equations.pressure(betas)
        outcome = one.step(batch(1), batch(2), temperature=temperature)
        assert outcome.architecture_loss is not None
        assert float(outcome.architecture_loss) == pytest.approx(expected, rel=1e-6)
        for kind in CELL_KINDS:
            alpha, beta = one.architecture.alpha[kind].tolist(), one.architecture.beta[kind].tolist()
            weights = (
                equations.q_hat(alpha, beta, temperature, SPACE)
                if derivation == "dst"
                else equations.p(alpha, temperature)
            )
            torch.testing.assert_close(
                outcome.mixtures[kind].weights, torch.tensor(weights, dtype=torch.float64), rtol=0, atol=1e-9
            )


@pytest.mark.parametrize("derivation", ["dst", "top2"])
def test_values_read_ahead_are_never_stale(derivation: Derivation) -> None:
    """Steps that read ahead equal steps that read when they must, at falling temperatures."""
    ahead, plain = (search(derivation, 7, rate=0.1) for _ in range(2))
    temperatures = [1.0, 0.7, 0.5, 0.3]
    for n, temperature in enumerate(temperatures[:-1]):
        first = ahead.step(
            batch(n), batch(n + 9), temperature=temperature, next_temperature=temperatures[n + 1]
        )
        second = plain.step(batch(n), batch(n + 9), temperature=temperature)
        assert torch.equal(first.weight_loss, second.weight_loss)
        assert ahead.genotype == plain.genotype == plain.architecture.derive(derivation, temperature)
    with torch.no_grad():  # as loaded from a checkpoint
        for kind in CELL_KINDS:
            ahead.architecture.alpha[kind].copy_(torch.eye(5, 3) * 9)
    ahead.derive(0.3)
    assert ahead.genotype == ahead.architecture.derive(derivation, 0.3)


@pytest.mark.parametrize("derivation", ["dst", "top2"])
def test_each_half_step_computes_only_operations_in_use(derivation: Derivation) -> None:
    one = search(derivation, 11, rate=1e-6)
    with torch.no_grad():  # of three operations per edge one is left, and edges are cut
        for kind in CELL_KINDS:
            one.architecture.alpha[kind].mul_(12)
    one.derive(TEMPERATURE)
    evaluated: list[tuple[int, str, str]] = []
    for n, cell in enumerate(one.supernet.cells):
        assert isinstance(cell, TransitCell)
        for owner, operations in cell.operations.items():
            assert isinstance(operations, nn.ModuleDict)
            for name, module in operations.items():
                module.register_forward_hook(lambda *_, key=(n, owner, name): evaluated.append(key))
    engines = one.supernet.engines()
    expected = set()
    for n, kind in enumerate(one.supernet.kinds):
        whole = n in engines and derivation == "top2"
        used = (
            {(str(i), name) for i in SPACE.sources for name in SPACE.operations}
            if whole
            else {(str(c.source), c.operation) for _, c in one.genotype.cell(kind).connections}
        )
        assert whole or len(used) < 9
        expected |= {(n, owner, name) for owner, name in used}
    one.step(batch(0), None, temperature=TEMPERATURE)
    assert sorted(evaluated) == sorted(expected)
    evaluated.clear()
    one.architecture_step(batch(0), TEMPERATURE)
    assert sorted(evaluated) == sorted(expected)
    evaluated.clear()
    one.step(batch(0), batch(1), temperature=TEMPERATURE)
    assert sorted(evaluated) == sorted([*expected, *expected])


@pytest.mark.parametrize("cells", ["strongest", "derived"])
def test_transit_cells_pass_the_configured_operations(cells: TransitCells) -> None:
    one = replace(search("dst", 0), transit_cells=cells, passed=None)  # type: ignore[arg-type]
    one.step(batch(0), batch(1), temperature=TEMPERATURE)
    (derived,) = one.architecture.derive_at("dst", [TEMPERATURE])
    assert derived.strongest != derived.genotype == one.genotype
    assert one.passed == {"strongest": derived.strongest, "derived": derived.genotype}[cells]


def test_weights_with_negligible_softmax_weight_still_decay() -> None:
    """Only q̂ drops operations; an Engine-cell under a softmax is the one of DARTS."""
    one = search("top2", 2, engine_cells="all")
    with torch.no_grad():
        for kind in CELL_KINDS:
            one.architecture.alpha[kind][:, 2] = -9999.0  # p is 0 in floating point
    before = {name: weight.detach().clone() for name, weight in one.supernet.named_parameters()}
    one.step(batch(0), None, temperature=TEMPERATURE)
    names = [name for name in before if ".conv_1x1." in name]
    assert names
    for name, weight in one.supernet.named_parameters():
        if name in names:
            torch.testing.assert_close(weight.detach(), before[name] * (1 - 0.1 * 0.01))


def test_smallest_gradient_still_counts_as_one() -> None:
    """A weight whose squared gradient underflows to 0 is not idle."""
    weights = [nn.Parameter(torch.ones(3)) for _ in range(3)]
    optimizer = torch.optim.SGD(weights, lr=1.0, momentum=0.5)
    prepare(optimizer)
    idle = IdleWeights(weights, optimizer)
    weights[0].grad = torch.tensor([0.0, 1e-30, 0.0])
    weights[1].grad = torch.zeros(3)
    for weight in weights:
        optimizer.state[weight]["momentum_buffer"].fill_(1.0)
    with idle.held():
        optimizer.step()
    assert torch.equal(weights[0], torch.full((3,), 0.5))
    for weight in weights[1:]:
        assert torch.equal(weight, torch.ones(3))
        assert torch.equal(optimizer.state[weight]["momentum_buffer"], torch.ones(3))
