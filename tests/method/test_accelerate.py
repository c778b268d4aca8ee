"""Accelerated networks: same outputs, gradients and weights, under the same names."""

from __future__ import annotations

import copy
import weakref

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from entrannas_cli.method.architecture import Derivation
from entrannas_cli.method.bilevel import BilevelSearch
from entrannas_cli.method.fast.accelerate import FusedFactorizedReduce, SharedReLU, accelerate
from entrannas_cli.method.fast.depthwise import Depthwise
from entrannas_cli.method.genotype import Genotype
from entrannas_cli.method.layers import FactorizedReduce, SeparableConv
from entrannas_cli.method.network import DerivedNetwork, SuperNet
from entrannas_cli.method.space import SearchSpace

from .strategies import STANDARD, architecture, genotypes, spaces
from .test_method_properties import seeds, slow


def batch(seed: int, side: int = 9) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(4, 3, side, side, generator=generator, dtype=torch.float64)
    return images.to(memory_format=torch.channels_last), torch.randint(0, 3, (4,), generator=generator)


def plain_and_accelerated(
    space: SearchSpace, derivation: Derivation, seed: int
) -> tuple[BilevelSearch, BilevelSearch]:
    """Return a search with plain layers, and the same one accelerated."""
    torch.manual_seed(seed)
    net = SuperNet(space, classes=3, channels=2, cells=4).double().to(memory_format=torch.channels_last)
    found = architecture(space, seed).double()

    def search(net: SuperNet) -> BilevelSearch:
        own = copy.deepcopy(found)
        return BilevelSearch(
            supernet=net,
            architecture=own,
            weight_optimizer=torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01),
            architecture_optimizer=torch.optim.Adam(own.parameters(), lr=0.01),
            derivation=derivation,
            genotype=own.derive(derivation, 1.0),
        )

    fast = copy.deepcopy(net)
    accelerate(fast)
    return search(net), search(fast)


def same(ours: Tensor, theirs: Tensor) -> bool:
    return torch.allclose(ours, theirs, rtol=1e-8, atol=1e-10)


@slow
@given(space=spaces(max_nodes=3), derivation=st.sampled_from(["dst", "top2"]), seed=seeds)
def test_accelerated_search_equals_the_plain_one(
    space: SearchSpace, derivation: Derivation, seed: int
) -> None:
    plain, fast = plain_and_accelerated(space, derivation, seed)
    for search in (plain, fast):
        for step in range(2):
            outcome = search.step(batch(seed), batch(seed + step), temperature=0.7)
        assert torch.isfinite(outcome.weight_loss)
    assert plain.genotype == fast.genotype
    for one, other in ((plain.supernet, fast.supernet), (plain.architecture, fast.architecture)):
        assert list(one.state_dict()) == list(other.state_dict())
        assert all(
            same(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
        )


@slow
@given(genotype=genotypes(STANDARD), seed=seeds)
def test_accelerated_training_equals_the_plain_one(genotype: Genotype, seed: int) -> None:
    torch.manual_seed(seed)
    plain = DerivedNetwork(genotype, classes=3, channels=2, cells=3).double()
    fast = copy.deepcopy(plain)
    accelerate(fast)
    images, labels = batch(seed)
    for network in (plain, fast):
        nn.functional.cross_entropy(network(images), labels).backward()
    assert same(plain(images), fast(images))
    gradients = zip(plain.parameters(), fast.parameters(), strict=True)
    assert all((a.grad is None) == (b.grad is None) for a, b in gradients)
    assert all(
        same(a.grad, b.grad)
        for a, b in zip(plain.parameters(), fast.parameters(), strict=True)
        if a.grad is not None and b.grad is not None
    )


def test_parameters_stay_the_same_objects() -> None:
    net = SuperNet(STANDARD, classes=3, channels=2, cells=3)
    before = dict(net.named_parameters(remove_duplicate=False))
    accelerate(net)
    accelerate(net)  # a second call changes nothing
    after = dict(net.named_parameters(remove_duplicate=False))
    assert before.keys() == after.keys()
    assert all(after[name] is weight for name, weight in before.items())
    kinds = [type(module) for module in net.modules()]
    assert Depthwise in kinds
    assert FusedFactorizedReduce in kinds
    assert FactorizedReduce not in kinds


@pytest.mark.parametrize("size", [(6, 6), (7, 6), (6, 7), (1, 1)])
def test_fused_factorized_reduce_equals_the_plain_one(size: tuple[int, int]) -> None:
    plain = FactorizedReduce(3, 5, affine=True).double().eval()
    fast = FusedFactorizedReduce(plain)
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    assert same(plain(x), fast(x))


def test_train_and_eval_modes_are_kept() -> None:
    layer = nn.Sequential(FactorizedReduce(2, 2, affine=False).eval())
    accelerate(layer)
    assert not layer[0].training


def test_relu_is_computed_once_per_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    """All operations of a node that begin with a ReLU share it, and it is freed with the node."""
    calls: list[Tensor] = []
    relu = torch.nn.functional.relu

    def noted(x: Tensor, inplace: bool = False) -> Tensor:
        calls.append(x)
        return relu(x)

    monkeypatch.setattr("torch.nn.functional.relu", noted)
    conv = nn.Sequential(nn.ReLU(), nn.Conv2d(4, 4, 1))
    plain = copy.deepcopy(conv)
    operations = nn.ModuleList([FactorizedReduce(4, 4, affine=False), conv, copy.deepcopy(conv)])
    accelerate(operations)
    x = torch.randn(2, 4, 6, 6)
    found = [operation(x) for operation in operations]
    assert len(calls) == 1
    assert all(torch.equal(one, plain(x)) for one in found[1:])
    x.neg_()
    assert torch.equal(conv(x), plain(x))  # modified in place: computed again
    with torch.no_grad():
        conv(x)
    assert conv(x).requires_grad
    kept = weakref.ref(conv[0](x))
    assert kept() is not None
    del x
    calls.clear()
    assert kept() is None


def test_inplace_relus_are_kept() -> None:
    layers = nn.Sequential(nn.ReLU(inplace=True))
    accelerate(layers)
    assert type(layers[0]) is nn.ReLU


def test_cells_output_rectified_features() -> None:
    """All cells but the last, which the classifier reads, so that no reader computes the ReLU again."""
    torch.manual_seed(0)
    plain = SuperNet(STANDARD, classes=3, channels=4, cells=3).double().to(memory_format=torch.channels_last)
    fast = copy.deepcopy(plain)
    accelerate(fast)
    genotype = architecture(STANDARD, 0).derive("top2", 1.0)
    outputs: dict[nn.Module, list[Tensor]] = {plain: [], fast: []}
    for net, found in outputs.items():
        for cell in net.cells:  # type: ignore[union-attr]
            cell.register_forward_hook(lambda _, __, output, found=found: found.append(output))
        net(batch(0)[0], genotype)
    for before, after in zip(outputs[plain][:-1], outputs[fast][:-1], strict=True):
        assert (before < 0).any()
        assert same(before.relu(), after)
        assert SharedReLU()(after) is after
        assert same(SharedReLU()(after.mul_(-1)), before.relu().neg().relu())  # modified: computed again
    assert same(outputs[plain][-1], outputs[fast][-1])
    assert (outputs[fast][-1] < 0).any()


def test_relu_after_batch_norm_runs_in_place() -> None:
    conv = SeparableConv(4, 3, 1, affine=False)
    accelerate(conv)
    assert [type(layer) for layer in conv if isinstance(layer, nn.ReLU)] == [SharedReLU, nn.ReLU]
    assert conv[4].inplace
    aside = nn.ModuleDict({"norm": nn.BatchNorm2d(4), "relu": nn.ReLU()})  # not in sequence
    accelerate(aside)
    assert type(aside["relu"]) is SharedReLU
