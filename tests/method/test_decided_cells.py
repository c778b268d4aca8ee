"""Once cells are decided, with one operation per surviving edge, nothing moves any more."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from entrannas_cli.method.architecture import Architecture, sparsify, spread, thresholds
from entrannas_cli.method.bilevel import BilevelSearch
from entrannas_cli.method.network import SuperNet
from entrannas_cli.method.optimizers import prepare
from entrannas_cli.method.space import CELL_KINDS, SearchSpace

from .strategies import STANDARD, spaces

seeds = st.integers(0, 2**32 - 1)
SPACE = SearchSpace(name="small", operations=("skip_connect", "max_pool_3x3", "conv_1x1"), nodes=2)


def random_architecture(space: SearchSpace, seed: int, size: float = 2.0) -> Architecture:
    """Return an architecture in single precision, as in a search."""
    found = Architecture(space, threshold_init=1.0)
    with torch.no_grad():
        for alpha in found.alpha.values():
            alpha.copy_(size * torch.randn(alpha.shape, generator=torch.Generator().manual_seed(seed)))
    return found


@given(spaces(), seeds)
def test_single_operation_on_an_edge_has_weight_one_and_no_gradient(space: SearchSpace, seed: int) -> None:
    found = random_architecture(space, seed)
    alpha, beta = found.alpha["normal"], found.beta["normal"]
    weights = sparsify(torch.softmax(alpha, dim=-1), thresholds(beta), space)
    alone = (weights > 0).sum(dim=-1) == 1
    assert bool((weights[alone].sum(dim=-1) == 1).all())
    (weights[alone] * torch.randn(weights[alone].shape)).sum().backward()
    assert alpha.grad is not None
    assert beta.grad is not None
    assert not alpha.grad.any()  # exactly zero: Adam would turn a rounding error into a full step
    assert not beta.grad.any()


def decided_search(*, weight_decay: float, sparsity_weight: float) -> BilevelSearch:
    torch.manual_seed(0)
    supernet = SuperNet(SPACE, classes=2, channels=2, cells=3)
    found = random_architecture(SPACE, 3, size=8.0)
    alpha, beta = list(found.alpha.values()), list(found.beta.values())
    weights = torch.optim.SGD(supernet.parameters(), lr=0.01)
    adam = torch.optim.Adam(
        [{"params": alpha, "weight_decay": weight_decay}, {"params": beta, "lr": 0.01}], lr=0.1
    )
    for optimizer in (weights, adam):
        prepare(optimizer)
    genotype = found.derive("dst", 1.0)
    for _, cell in genotype.cells:
        sources = [(j, connection.source) for j, connection in cell.connections]
        assert len(set(sources)) == len(sources) < len(SPACE.edges)  # decided, and edges were cut
    return BilevelSearch(
        supernet=supernet,
        architecture=found,
        weight_optimizer=weights,
        architecture_optimizer=adam,
        derivation="dst",
        genotype=genotype,
        sparsity_weight=sparsity_weight,
    )


def test_decided_cell_is_stable_for_a_thousand_steps() -> None:
    search = decided_search(weight_decay=1e-3, sparsity_weight=0.0)
    genotype, before = search.genotype, copy.deepcopy(search.architecture.state_dict())
    torch.manual_seed(1)
    for _ in range(1000):
        search.architecture_step((torch.randn(2, 3, 4, 4), torch.tensor([0, 1])), 1.0)
    search.derive(1.0)
    assert search.genotype == genotype
    after = search.architecture.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_pressure_keeps_raising_thresholds_at_their_own_rate() -> None:
    search = decided_search(weight_decay=1e-3, sparsity_weight=0.05)
    alpha = copy.deepcopy(search.architecture.alpha)
    for _ in range(50):
        search.architecture_step((torch.randn(2, 3, 4, 4), torch.tensor([0, 1])), 1.0)
    for kind in CELL_KINDS:
        risen = search.architecture.beta[kind].detach() - 1.0
        torch.testing.assert_close(risen, torch.full_like(risen, 50 * 0.01), rtol=0.06, atol=0)
        assert torch.equal(search.architecture.alpha[kind], alpha[kind])


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_weight_decay_under_a_softmax_equals_plain_adam(decay: float) -> None:
    """Under a softmax every α has a gradient, and Adam's weight decay acts as in DARTS."""
    search = decided_search(weight_decay=decay, sparsity_weight=0.0)
    search.derivation = "top2"
    search.derive(1.0)
    twin = copy.deepcopy(search)
    batch = torch.randn(2, 3, 4, 4), torch.tensor([0, 1])
    with torch.no_grad():
        search.architecture.alpha["normal"].mul_(0.1)  # so that no p rounds to 0
        search.architecture.alpha["reduce"].mul_(0.1)
    twin.architecture.load_state_dict(search.architecture.state_dict())
    search.architecture_step(batch, 1.0)
    mixtures = twin.architecture.mixtures("top2", 1.0)
    twin.architecture_optimizer.zero_grad()
    logits = twin.supernet(batch[0], twin.passed, mixtures)
    torch.nn.functional.cross_entropy(logits, batch[1]).backward()
    twin.architecture_optimizer.step()
    for kind in CELL_KINDS:
        assert torch.equal(search.architecture.alpha[kind], twin.architecture.alpha[kind])


@given(seeds, st.floats(0.2, 5), st.floats(0.01, 100))
def test_temperature_in_units_of_the_spread_ignores_shift_and_scale(
    seed: int, temperature: float, scale: float
) -> None:
    found = random_architecture(STANDARD, seed).double()
    found.temperature_unit = "spread"
    moved = copy.deepcopy(found)
    with torch.no_grad():
        for alpha in moved.alpha.values():
            alpha.mul_(scale)
            alpha.add_(torch.randn(len(alpha), 1))  # the same shift per edge, which has no effect
    for kind in CELL_KINDS:
        torch.testing.assert_close(
            found.probabilities(temperature)[kind], moved.probabilities(temperature)[kind]
        )
        centred = found.alpha[kind] - found.alpha[kind].mean(dim=1, keepdim=True)
        expected = torch.softmax(found.alpha[kind] / (temperature * centred.square().mean().sqrt()), dim=-1)
        torch.testing.assert_close(found.probabilities(temperature)[kind], expected)
    assert not spread(found.alpha["normal"]).requires_grad


def test_equal_alphas_still_have_a_temperature() -> None:
    found = Architecture(STANDARD, temperature_unit="spread")
    with torch.no_grad():
        for alpha in found.alpha.values():
            alpha.fill_(0.3)
    for p in found.probabilities(0.5).values():
        torch.testing.assert_close(p, torch.full_like(p, 1 / 7))


@given(spaces(), seeds, st.floats(0.05, 4))
def test_transit_cells_pass_the_strongest_operation_per_edge(
    space: SearchSpace, seed: int, size: float
) -> None:
    found = random_architecture(space, seed, size)
    derived = found.derive_at("dst", [1.0])[0]
    assert derived.passed_by("derived") == derived.genotype == found.derive("dst", 1.0)
    passed = derived.passed_by("strongest")
    for kind, weights in found.weights("dst", 1.0).items():
        edges = {(j, c.source) for j, c in derived.genotype.cell(kind).connections}
        strongest = {(j, c.source): c.operation for j, c in passed.cell(kind).connections}
        assert strongest.keys() == edges
        assert len(passed.cell(kind).connections) == len(edges)
        for (j, i), operation in strongest.items():
            row = weights[space.edges.index((i, j))]
            assert row[space.operations.index(operation)] == row.max()
    top2 = found.derive_at("top2", [1.0])[0]
    assert top2.passed_by("strongest") == top2.genotype


def test_decided_cell_keeps_its_temperature_and_edges() -> None:
    search = decided_search(weight_decay=0.0, sparsity_weight=0.0)
    search.derive(1.0)
    genotype, colder = search.genotype, search.architecture.derive("dst", 0.01)
    assert colder == genotype
    assert search.decided == dict.fromkeys(CELL_KINDS, 1.0)
    free = copy.deepcopy(search.architecture)
    free.held.zero_()
    assert len(free.derive("dst", 0.01).normal.connections) == len(SPACE.edges)  # cut edges would be back
    warmer = search.architecture.derive("dst", 2.0)
    free.held.zero_()
    assert warmer == free.derive("dst", 2.0)  # the held temperature is a lower bound


def test_undecided_cell_follows_the_schedule() -> None:
    search = decided_search(weight_decay=0.0, sparsity_weight=0.0)
    with torch.no_grad():
        search.architecture.alpha["reduce"].mul_(0.01)
    search.derive(1.0)
    assert list(search.decided) == ["normal"]
    assert search.architecture.held.tolist() == [1.0, 0.0]
