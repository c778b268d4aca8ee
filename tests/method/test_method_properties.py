"""Properties that must hold exactly: the claims of the method, numbered as in docs/method.md."""

from __future__ import annotations

import copy
from typing import cast

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from entrannas_cli.method.architecture import Architecture, Mixture, operation_weights
from entrannas_cli.method.bilevel import BilevelSearch
from entrannas_cli.method.cells import EngineCell, TransitCell, mix
from entrannas_cli.method.genotype import CellGraph
from entrannas_cli.method.network import DerivedNetwork, SuperNet
from entrannas_cli.method.operations import register_operation
from entrannas_cli.method.space import CELL_KINDS, INPUT_NODES, SearchSpace

from .strategies import STANDARD, architecture, genotypes, spaces

seeds = st.integers(0, 2**32 - 1)
sizes = st.tuples(st.integers(4, 9), st.integers(4, 9))  # odd and uneven image sizes included
slow = settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])


def cell(space: SearchSpace, kind: str, *, share: bool = True, seed: int = 0) -> EngineCell:
    torch.manual_seed(seed)
    return EngineCell(
        space,
        channels_before_previous=3,
        channels_previous=4,
        channels=4,
        reduction=kind == "reduce",
        reduction_before=False,
        share_features=share,
        affine=False,
        pool_batch_norm=True,
    ).double()


def inputs(size: tuple[int, int], seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(3, 3, *size, generator=generator, dtype=torch.float64),
        torch.randn(3, 4, *size, generator=generator, dtype=torch.float64),
    )


def unshared_copy(shared: EngineCell, space: SearchSpace, kind: str) -> EngineCell:
    """Return a cell with one operation per edge, each with the weights of the shared one."""
    unshared = cell(space, kind, share=False)
    own = shared.state_dict()
    unshared.load_state_dict(
        {
            key: own["operations." + key.split(".", 1)[1].split("-")[0] + "." + key.split(".", 2)[2]]
            if key.startswith("operations.")
            else own[key]
            for key in unshared.state_dict()
        }
    )
    return unshared


def gradient_sources(network: TransitCell) -> set[tuple[str, str]]:
    """Return (source, operation) of every operation with weights that have a non-zero gradient."""
    return {
        (owner, name)
        for owner, operations in network.operations.items()
        for name, module in cast(nn.ModuleDict, operations).items()
        if any(p.grad is not None and bool(p.grad.any()) for p in module.parameters())
    }


@slow
@given(spaces(), st.sampled_from(CELL_KINDS), seeds, sizes)
def test_1_shared_features_equal_the_same_weights_on_every_edge(
    space: SearchSpace, kind: str, seed: int, size: tuple[int, int]
) -> None:
    shared = cell(space, kind)
    unshared = unshared_copy(shared, space, kind)
    arch = architecture(space, seed)
    mixture = Mixture(operation_weights(arch.alpha[kind], 1.0))
    torch.testing.assert_close(
        shared(*inputs(size, seed), mixture), unshared(*inputs(size, seed), mixture), rtol=1e-9, atol=1e-9
    )
    graph = arch.derive("dst", 0.3).cell(kind)
    assert torch.equal(shared(*inputs(size, seed), graph), unshared(*inputs(size, seed), graph))


def darts_cell(owned: EngineCell, states: tuple[Tensor, Tensor], p: Tensor) -> Tensor:
    """Write out the mixed cell of DARTS: a weighted sum of all operations on every edge."""
    nodes = [owned.preprocess_0(states[0]), owned.preprocess_1(states[1])]
    space = owned.space
    for j in space.intermediate:
        mixed: list[Tensor] = []
        for i in range(j):
            operations = cast(nn.ModuleDict, owned.operations[f"{i}-{j}"])
            for k, name in enumerate(space.operations):
                mixed.append(p[space.edges.index((i, j)), k] * operations[name](nodes[i]))
        nodes.append(torch.stack(mixed).sum(dim=0))
    return torch.cat(nodes[INPUT_NODES:], dim=1)


@given(st.integers(1, 3), st.integers(1, 3), seeds, st.booleans())
def test_mixed_features_are_sums_in_the_memory_format_of_the_features(
    targets: int, operations: int, seed: int, last: bool
) -> None:
    generator = torch.Generator().manual_seed(seed)
    layout = torch.channels_last if last else torch.contiguous_format
    features = [
        torch.randn(2, 3, 4, 5, generator=generator).to(memory_format=layout) for _ in range(operations)
    ]
    weights = torch.randn(targets, operations, generator=generator)
    mixed = mix(weights, features)
    assert mixed.shape == (targets, 2, 3, 4, 5)
    for j in range(targets):
        expected = sum(float(weights[j, k]) * features[k] for k in range(operations))
        torch.testing.assert_close(mixed[j], expected)
        assert mixed[j].is_contiguous(memory_format=layout)


@slow
@given(spaces(max_operations=4), st.sampled_from(CELL_KINDS), seeds, sizes)
def test_2_an_unshared_engine_cell_is_a_darts_mixed_cell(
    space: SearchSpace, kind: str, seed: int, size: tuple[int, int]
) -> None:
    owned = cell(space, kind, share=False)
    alpha = architecture(space, seed).alpha[kind]
    found, expected = (
        forward(operation_weights(alpha, 1.0))
        for forward in (
            lambda p: owned(*inputs(size, seed), Mixture(p)),
            lambda p: darts_cell(owned, inputs(size, seed), p),
        )
    )
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    weight = torch.randn_like(expected)
    gradients = [
        torch.autograd.grad((x * weight).sum(), [alpha, *owned.parameters()]) for x in (found, expected)
    ]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-8)


@slow
@given(spaces(), st.sampled_from(CELL_KINDS), seeds, sizes)
def test_3_only_operations_of_the_derived_cell_have_a_gradient(
    space: SearchSpace, kind: str, seed: int, size: tuple[int, int]
) -> None:
    engine = cell(space, kind)
    mixture = architecture(space, seed).mixtures("dst", 0.4)[kind]
    assert mixture.support is not None
    dense = Mixture(mixture.weights.detach())  # everything is computed, so the zero weights must do it
    output = engine(*inputs(size, seed), dense)
    (output * torch.randn_like(output)).sum().backward()
    derived = {(str(c.source), c.operation) for _, c in mixture.support.connections}
    parametric = {(o, n) for o, n in derived if any(True for _ in _module(engine, o, n).parameters())}
    assert gradient_sources(engine) == parametric


def _module(owned: TransitCell, owner: str, name: str) -> nn.Module:
    return cast(nn.ModuleDict, owned.operations[owner])[name]


@slow
@given(st.data(), spaces(), st.sampled_from(CELL_KINDS), seeds, sizes, st.booleans())
def test_3_engine_equals_transit_exactly_with_one_operation_per_edge(
    data: st.DataObject, space: SearchSpace, kind: str, seed: int, size: tuple[int, int], last: bool
) -> None:
    layout = torch.channels_last if last else torch.contiguous_format
    engine = cell(space, kind).float().to(memory_format=layout)
    arch = architecture(space, seed).float()
    strongest = data.draw(
        st.lists(
            st.integers(0, len(space.operations) - 1),
            min_size=len(space.edges),
            max_size=len(space.edges),
        )
    )
    with torch.no_grad():  # one operation per edge stands out; which edges survive is random
        arch.alpha[kind].mul_(0.3)
        for edge, k in enumerate(strongest):
            arch.alpha[kind][edge, k] += 8
        arch.beta[kind].clamp_(min=-1)
    mixture = arch.mixtures("dst", 1.0)[kind]
    graph = mixture.support
    assert graph is not None
    edges = [(j, c.source) for j, c in graph.connections]
    assert len(edges) == len(set(edges))
    assert set(mixture.weights.unique().tolist()) <= {0.0, 1.0}
    states = tuple(state.float().to(memory_format=layout) for state in inputs(size, seed))
    assert torch.equal(engine(*states, mixture), engine(*states, graph))
    assert torch.equal(engine(*states, Mixture(mixture.weights)), engine(*states, graph))


@slow
@given(spaces(), st.sampled_from(CELL_KINDS), seeds, sizes, st.booleans())
def test_4_a_sparse_cell_equals_the_same_cell_computed_densely(
    space: SearchSpace, kind: str, seed: int, size: tuple[int, int], share: bool
) -> None:
    engine = cell(space, kind, share=share)
    arch = architecture(space, seed)
    results = []
    for sparse in (True, False):
        mixture = arch.mixtures("dst", 0.7)[kind]
        output = engine(*inputs(size, seed), mixture if sparse else Mixture(mixture.weights))
        loss = (output * torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)).sum()
        trained = [*engine.parameters(), arch.alpha[kind], arch.beta[kind]]
        results.append((output, torch.autograd.grad(loss, trained, allow_unused=True)))
    (sparse_output, sparse_gradients), (dense_output, dense_gradients) = results
    torch.testing.assert_close(sparse_output, dense_output, rtol=1e-12, atol=1e-12)
    for one, other in zip(sparse_gradients, dense_gradients, strict=True):
        zero = torch.zeros(())
        torch.testing.assert_close(
            zero if one is None else one,
            zero if other is None else (other.sum() if one is None else other),
            rtol=1e-9,
            atol=1e-9,
            check_dtype=False,
        )


def supernet(space: SearchSpace, **keywords: object) -> SuperNet:
    torch.manual_seed(1)
    return SuperNet(space, classes=3, channels_in=2, channels=4, cells=3, **keywords)  # type: ignore[arg-type]


@slow
@given(
    st.data(), spaces(max_nodes=3), seeds, st.tuples(st.integers(8, 11), st.integers(8, 11)), st.booleans()
)
def test_5_the_derived_network_reproduces_the_transit_path(
    data: st.DataObject, space: SearchSpace, seed: int, size: tuple[int, int], share: bool
) -> None:
    net = supernet(space, share_features=share)
    genotype = data.draw(genotypes(space))
    derived = DerivedNetwork.inheriting(net, genotype)
    images = torch.randn(4, 2, *size, generator=torch.Generator().manual_seed(seed))
    for training in (True, False):
        net.train(training)
        derived.train(training)
        assert torch.equal(net(images, genotype), derived(images))
    unused = set(net.state_dict()) - set(derived.state_dict())
    assert all(key.startswith("cells.") for key in unused)


def bilevel(space: SearchSpace, derivation: str, net: SuperNet | None = None) -> BilevelSearch:
    net = net or supernet(space)
    torch.manual_seed(2)
    arch = Architecture(space)
    return BilevelSearch(
        net,
        arch,
        torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=3e-4),
        torch.optim.Adam(arch.parameters(), lr=0.1, betas=(0.5, 0.999), weight_decay=1e-3),
        derivation,  # type: ignore[arg-type]
        arch.derive(derivation, 1.0),  # type: ignore[arg-type]
        clip=0.5,
    )


SPACE = SearchSpace(name="small", operations=("skip_connect", "sep_conv_3x3", "max_pool_3x3"), nodes=2)


def batch(seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(6, 2, 8, 8, generator=generator), torch.randint(0, 3, (6,), generator=generator)


@pytest.mark.parametrize("derivation", ["dst", "top2"])
def test_6_each_optimiser_touches_only_its_own_parameters(derivation: str) -> None:
    search = bilevel(SPACE, derivation)

    def snapshot(module: nn.Module) -> list[Tensor]:
        return [parameter.detach().clone() for parameter in module.parameters()]

    def same(before: list[Tensor], after: list[Tensor]) -> bool:
        return all(torch.equal(b, a) for b, a in zip(before, after, strict=True))

    weights, architecture_before = snapshot(search.supernet), snapshot(search.architecture)
    search.architecture_step(batch(0), 1.0)
    assert same(weights, snapshot(search.supernet))
    assert not same(architecture_before, snapshot(search.architecture))
    assert all(parameter.grad is None for parameter in search.supernet.parameters())
    assert all(parameter.requires_grad for parameter in search.supernet.parameters())

    architecture_after = snapshot(search.architecture)
    gradients = copy.deepcopy([parameter.grad for parameter in search.architecture.parameters()])
    norm = search.weight_step(batch(1), search.architecture.mixtures(search.derivation, 1.0)).gradient_norm
    assert same(architecture_after, snapshot(search.architecture))
    assert not same(weights, snapshot(search.supernet))
    # clipping saw and scaled only the gradients of the weights
    for before, parameter in zip(gradients, search.architecture.parameters(), strict=True):
        if before is None or parameter.grad is None:
            assert before is parameter.grad
        else:
            assert torch.equal(before, parameter.grad)
    clipped = torch.stack([p.grad.norm() for p in search.supernet.parameters() if p.grad is not None]).norm()
    assert float(norm) > 0.5
    assert float(clipped) == pytest.approx(0.5, rel=1e-3)


def test_architecture_gradient_is_first_order() -> None:
    """It is d L_val / dα at the current weights, ignoring how the weights would follow."""
    search = bilevel(SPACE, "top2")
    images, labels = batch(0)
    mixtures = search.architecture.mixtures("top2", 0.8)
    state = copy.deepcopy(search.supernet.state_dict())
    loss = nn.functional.cross_entropy(search.supernet(images, search.genotype, mixtures), labels)
    expected = torch.autograd.grad(loss, list(search.architecture.alpha.values()))
    search.supernet.load_state_dict(state)
    search.architecture_step((images, labels), 0.8)
    for gradient, kind in zip(expected, CELL_KINDS, strict=True):
        found = search.architecture.alpha[kind].grad
        assert found is not None
        torch.testing.assert_close(found, gradient)


def test_weight_optimiser_skips_operations_that_were_not_computed() -> None:
    search = bilevel(SPACE, "dst")
    with torch.no_grad():  # nodes 2 and 3 keep only skip_connect from 0
        for kind in CELL_KINDS:
            search.architecture.alpha[kind].zero_()
            search.architecture.alpha[kind][[0, 2], 0] = 9.0
    search.derive(0.1)
    unused = {
        name: parameter.detach().clone()
        for name, parameter in search.supernet.named_parameters()
        if ".sep_conv_3x3." in name
    }
    for n in range(2):
        search.weight_step(batch(n), search.architecture.mixtures("dst", 0.1))
    after = dict(search.supernet.named_parameters())
    assert unused
    # despite weight decay: no gradient (None), no update
    assert all(torch.equal(before, after[name]) for name, before in unused.items())


def test_warmup_step_leaves_the_architecture_unchanged() -> None:
    search = bilevel(SPACE, "dst")
    before = copy.deepcopy(search.architecture.state_dict())
    outcome = search.step(batch(0), None, temperature=1.0)
    assert outcome.architecture_loss is None
    assert all(torch.equal(before[key], value) for key, value in search.architecture.state_dict().items())


def test_sub_graph_changes_only_when_derived() -> None:
    search = bilevel(SPACE, "dst")
    before = search.genotype
    with torch.no_grad():
        for kind in CELL_KINDS:
            search.architecture.alpha[kind][:, 0] = 9.0
    search.step(batch(0), batch(1), temperature=0.2, derive=False)
    assert search.genotype == before
    search.step(batch(0), batch(1), temperature=0.2, derive=True)
    assert search.genotype != before
    assert search.genotype == search.architecture.derive("dst", 0.2)


@pytest.mark.parametrize("share", [True, False])
def test_feature_sharing_computes_each_operation_once_per_source(share: bool) -> None:
    engine = cell(STANDARD, "normal", share=share)
    evaluations = []
    for operations in engine.operations.values():
        for module in cast(nn.ModuleDict, operations).values():
            module.register_forward_hook(lambda *_: evaluations.append(1))
    engine(*inputs((4, 4), 0), Mixture(operation_weights(architecture(STANDARD, 0).alpha["normal"], 1.0)))
    assert len(evaluations) == (35 if share else 98)


def test_transit_cell_computes_only_derived_operations() -> None:
    engine = cell(SPACE, "normal")
    evaluations = []
    for operations in engine.operations.values():
        for module in cast(nn.ModuleDict, operations).values():
            module.register_forward_hook(lambda *_: evaluations.append(1))
    mixture = architecture(SPACE, 3).mixtures("dst", 0.1)["normal"]
    assert isinstance(mixture.support, CellGraph)
    engine(*inputs((4, 4), 0), mixture.support)
    assert len(evaluations) == len({(c.source, c.operation) for _, c in mixture.support.connections})


def test_5_holds_for_operations_with_buffers() -> None:
    class Blur(nn.Module):
        def __init__(self, channels: int, stride: int) -> None:
            super().__init__()
            self.stride = stride
            kernel = torch.tensor([1.0, 2, 1]) / 4
            self.register_buffer(
                "kernel", torch.outer(kernel, kernel).expand(channels, 1, 3, 3), persistent=False
            )

        def forward(self, x: Tensor) -> Tensor:
            kernel = cast(Tensor, self.kernel)
            return nn.functional.conv2d(x, kernel, stride=self.stride, padding=1, groups=x.shape[1])

    @register_operation("blur", label="blur", parametric=False)
    def build(channels: int, stride: int, affine: bool) -> nn.Module:
        return Blur(channels, stride)

    space = SearchSpace(name="blurred", operations=("blur", "sep_conv_3x3"), nodes=2)
    net = supernet(space)
    genotype = architecture(space, 0).derive("dst", 0.5)
    state = torch.get_rng_state()
    derived = DerivedNetwork.inheriting(net, genotype)
    assert torch.equal(state, torch.get_rng_state())
    images = torch.randn(4, 2, 8, 8)
    assert torch.equal(net(images, genotype), derived(images))
