"""Derivation: what survives, and that no node is left without an input."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from entrannas_cli.method.architecture import (
    Architecture,
    Derivation,
    normalised_entropy,
    operation_weights,
    sparsify,
    sparsity_pressure,
    support,
    thresholds,
    top2,
)
from entrannas_cli.method.genotype import Connection
from entrannas_cli.method.space import CELL_KINDS, SearchSpace

from . import equations
from .strategies import architecture, spaces

seeds = st.integers(0, 2**32 - 1)


temperatures = st.floats(0.05, 3)


def away_from_kinks(arch: Architecture, kind: str, temperature: float) -> bool:
    """Return whether no ratio is near its threshold or the strongest one, where the equations have kinks."""
    space = arch.space
    ratios = equations.ratios(arch.alpha[kind].tolist(), temperature, space)
    for j, t in zip(space.intermediate, torch.sigmoid(arch.beta[kind]).tolist(), strict=True):
        values = sorted(ratio for n in equations.edges_into(j, space) for ratio in ratios[n])
        if any(abs(ratio - t) < 1e-3 for ratio in values) or values[-2:-1] > [0.999]:
            return False
    return True


@given(spaces(), seeds, st.floats(0.01, 50), temperatures)
def test_weights_follow_the_equations(
    space: SearchSpace, seed: int, spread: float, temperature: float
) -> None:
    arch = architecture(space, seed, spread)
    top2, dst = (arch.weights(derivation, temperature) for derivation in ("top2", "dst"))
    for kind in CELL_KINDS:
        alpha, beta = arch.alpha[kind].tolist(), arch.beta[kind].tolist()
        expected = torch.tensor(equations.p(alpha, temperature), dtype=torch.float64)
        torch.testing.assert_close(top2[kind], expected, rtol=0, atol=1e-12)
        if not away_from_kinks(arch, kind, temperature):
            continue
        expected = torch.tensor(equations.q_hat(alpha, beta, temperature, space), dtype=torch.float64)
        torch.testing.assert_close(dst[kind], expected, rtol=0, atol=1e-9)


@settings(max_examples=20, suppress_health_check=[HealthCheck.filter_too_much])
@given(spaces(max_nodes=3, max_operations=4), seeds, st.floats(0.2, 3))
def test_gradients_match_finite_differences(space: SearchSpace, seed: int, temperature: float) -> None:
    """Gradients of q̂ in α and β, those of the strongest connection and the thresholds included."""
    arch = architecture(space, seed, spread=1.0)
    assume(away_from_kinks(arch, "normal", temperature))
    alpha, beta = arch.alpha["normal"], arch.beta["normal"]
    factors = torch.randn(alpha.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

    def objective(values: list[float]) -> float:
        """Return Σ factors · q̂ as a function of all of α and β."""
        rows = torch.tensor(values[: alpha.numel()], dtype=torch.float64).view_as(alpha).tolist()
        weights = equations.q_hat(rows, values[alpha.numel() :], temperature, space)
        pairs = zip(weights, factors.tolist(), strict=True)
        return float(sum(w * f for row, some in pairs for w, f in zip(row, some, strict=True)))

    at = [*alpha.flatten().tolist(), *beta.tolist()]
    step, expected = 1e-6, []
    for n, value in enumerate(at):
        there, back = (objective([*at[:n], moved, *at[n + 1 :]]) for moved in (value + step, value - step))
        expected.append((there - back) / (2 * step))
    gradients = torch.autograd.grad(
        (arch.weights("dst", temperature)["normal"] * factors).sum(), [alpha, beta]
    )
    found = torch.cat([gradient.flatten() for gradient in gradients])
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-5, atol=1e-6)


@given(spaces(), seeds, temperatures)
def test_derived_cells_follow_the_equations(space: SearchSpace, seed: int, temperature: float) -> None:
    arch = architecture(space, seed)
    derived = {derivation: arch.derive(derivation, temperature) for derivation in ("top2", "dst")}
    for kind in CELL_KINDS:
        if not away_from_kinks(arch, kind, temperature):
            continue
        alpha, beta = arch.alpha[kind].tolist(), arch.beta[kind].tolist()
        found = {
            derivation: {(c.source, j, c.operation) for j, c in genotype.cell(kind).connections}
            for derivation, genotype in derived.items()
        }
        assert found["dst"] == equations.kept_by_dst(equations.q_hat(alpha, beta, temperature, space), space)
        assert found["top2"] == equations.kept_by_top2(equations.p(alpha, temperature), space)


@given(spaces(), seeds, st.lists(temperatures, min_size=1, max_size=3))
def test_deriving_at_several_temperatures_equals_deriving_at_each(
    space: SearchSpace, seed: int, several: list[float]
) -> None:
    arch = architecture(space, seed)
    for derivation in ("dst", "top2"):
        one_by_one = [arch.derive(derivation, temperature) for temperature in several]
        assert [derived.genotype for derived in arch.derive_at(derivation, several)] == one_by_one


@given(spaces(), seeds, st.floats(0.01, 1000))
def test_every_node_keeps_its_strongest_connection(space: SearchSpace, seed: int, spread: float) -> None:
    arch = architecture(space, seed, spread).float()  # β in the thousands: the sigmoid rounds to 1
    p = operation_weights(arch.alpha["normal"], 1.0)
    graph = support(sparsify(p, thresholds(arch.beta["normal"]), space), space)
    row = 0
    for j, connections in zip(space.intermediate, graph.nodes, strict=True):
        strongest = int(p[row : row + j].argmax())
        source, operation = divmod(strongest, len(space.operations))
        assert Connection(source, space.operations[operation]) in connections
        row += j


@given(spaces(), seeds)
def test_weights_of_a_surviving_edge_sum_to_one(space: SearchSpace, seed: int) -> None:
    arch = architecture(space, seed)
    for mixture in arch.mixtures("dst", 0.5).values():
        assert mixture.support is not None
        alive = {(c.source, j) for j, c in mixture.support.connections}
        sums = mixture.weights.sum(dim=1)
        expected = torch.tensor([float(edge in alive) for edge in space.edges], dtype=sums.dtype)
        torch.testing.assert_close(sums, expected)


@given(spaces(), seeds)
def test_top2_takes_the_two_strongest_edges(space: SearchSpace, seed: int) -> None:
    p = operation_weights(architecture(space, seed).alpha["reduce"], 1.0)
    graph = top2(p, space)
    best = dict(zip(space.edges, p.max(dim=1).values.tolist(), strict=True))
    for j, connections in zip(space.intermediate, graph.nodes, strict=True):
        assert len(connections) == 2
        kept = {c.source for c in connections}
        assert len(kept) == 2
        assert min(best[i, j] for i in kept) >= max([best[i, j] for i in range(j) if i not in kept] or [0])
        for c in connections:
            row = p[space.edges.index((c.source, j))]
            assert row[space.operations.index(c.operation)] == row.max()


@given(spaces(), seeds, temperatures, st.booleans())
def test_temperature_in_units_of_the_spread_can_be_held(
    space: SearchSpace, seed: int, temperature: float, held: bool
) -> None:
    """The spread has no gradient; a held temperature applies to its cell kind only and falls no further."""
    assume(len(space.operations) > 1)
    arch = Architecture(space, temperature_unit="spread").double()
    arch.load_state_dict(architecture(space, seed).state_dict())
    if held:
        arch.hold("reduce", 1.5)
    factors = torch.randn(arch.alpha["reduce"].shape, dtype=torch.float64)
    found = arch.weights("top2", temperature)
    for kind in CELL_KINDS:
        alpha = arch.alpha[kind].tolist()
        least = max(temperature, 1.5) if held and kind == "reduce" else temperature
        expected = torch.tensor(equations.p(alpha, least * equations.spread(alpha)), dtype=torch.float64)
        torch.testing.assert_close(found[kind], expected, rtol=1e-6, atol=1e-9)
        fixed = torch.softmax(arch.alpha[kind] / (least * equations.spread(alpha)), dim=-1)
        gradients = [
            torch.autograd.grad((weights * factors).sum(), arch.alpha[kind])[0]
            for weights in (found[kind], fixed)
        ]
        torch.testing.assert_close(*gradients, rtol=1e-6, atol=1e-9)


def test_sparsity_pressure_raises_every_threshold() -> None:
    beta = torch.tensor([-2.0, 0.0, 3.0], requires_grad=True)
    sparsity_pressure(beta).backward()
    assert beta.grad is not None
    assert bool((beta.grad < 0).all())
    expected = -torch.log(torch.sigmoid(beta)).mean()
    torch.testing.assert_close(sparsity_pressure(beta), expected)


def test_temperature_near_zero_keeps_the_best_operation_per_edge() -> None:
    space = SearchSpace(name="s", operations=("skip_connect", "sep_conv_3x3"), nodes=2)
    arch = Architecture(space)
    with torch.no_grad():
        arch.alpha["normal"].copy_(torch.tensor([[1.0, 0], [0, 2], [3, 0], [0, 4], [0.5, 0]]))
    graph = arch.derive("dst", 0.01).normal
    # p is one-hot on each edge here, so every edge keeps its best operation
    assert graph.nodes[0] == (Connection(0, "skip_connect"), Connection(1, "sep_conv_3x3"))
    assert [c.operation for c in graph.nodes[1]] == ["skip_connect", "sep_conv_3x3", "skip_connect"]


@pytest.mark.parametrize("derivation", ["top2", "dst"])
def test_ties_go_to_the_first(derivation: Derivation) -> None:
    """As in DARTS; all are equal in a search that has not learned yet."""
    space = SearchSpace(name="s", operations=("conv_1x1", "skip_connect", "max_pool_3x3"), nodes=3)
    arch = Architecture(space)
    with torch.no_grad():
        for parameter in arch.parameters():
            parameter.zero_()
    (derived,) = arch.derive_at(derivation, [1.0])
    for kind in CELL_KINDS:
        nodes = derived.strongest.cell(kind).nodes
        sources = [range(2) if derivation == "top2" else range(j) for j in space.intermediate]
        assert nodes == tuple(tuple(Connection(i, "conv_1x1") for i in some) for some in sources)


@given(spaces(), seeds, temperatures)
def test_strongest_operation_of_each_surviving_edge(
    space: SearchSpace, seed: int, temperature: float
) -> None:
    arch = architecture(space, seed)
    (derived,) = arch.derive_at("dst", [temperature])
    assert derived.passed_by("derived") == derived.genotype
    assert derived.passed_by("strongest") == derived.strongest
    for kind in CELL_KINDS:
        weights = arch.weights("dst", temperature)[kind].tolist()
        expected = {
            (i, j, space.operations[row.index(max(row))])
            for (i, j), row in zip(space.edges, weights, strict=True)
            if sum(row)
        }
        connections = derived.strongest.cell(kind).connections
        assert {(c.source, j, c.operation) for j, c in connections} == expected


def test_initial_values_are_small_noise_and_the_given_threshold() -> None:
    space = SearchSpace(name="s", operations=("conv_1x1", "skip_connect", "max_pool_3x3"), nodes=7)
    arch = Architecture(space, threshold_init=-1.5)
    for kind in CELL_KINDS:
        assert 0.8e-3 < float(arch.alpha[kind].detach().std()) < 1.2e-3
        assert arch.beta[kind].tolist() == [-1.5] * 7
    assert Architecture(space).beta["normal"].tolist() == [0.0] * 7


def test_nan_is_rejected() -> None:
    space = SearchSpace(name="s", operations=("skip_connect",), nodes=1)
    arch = Architecture(space)
    with torch.no_grad():
        arch.alpha["normal"].fill_(float("nan"))
    with pytest.raises(FloatingPointError, match=r"^the architecture weights are not finite$"):
        arch.derive("dst", 1.0)
    with pytest.raises(FloatingPointError, match=r"^the architecture weights are not finite$"):
        arch.derive("top2", 1.0)


def test_entropy_is_one_when_undecided_and_zero_when_decided() -> None:
    assert float(normalised_entropy(torch.full((3, 4), 0.25))) == pytest.approx(1)
    assert float(normalised_entropy(torch.eye(4))) == 0
    assert float(normalised_entropy(torch.ones(2, 1))) == 0


def test_initial_values_depend_on_the_generator() -> None:
    space = SearchSpace(name="s", operations=("skip_connect", "conv_1x1"))
    first, second = (Architecture(space, generator=torch.Generator().manual_seed(7)) for _ in range(2))
    for kind in CELL_KINDS:
        assert torch.equal(first.alpha[kind], second.alpha[kind])
        assert not torch.equal(first.alpha["normal"], first.alpha["reduce"])
