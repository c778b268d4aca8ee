"""Engine-cells computed whole, so that a GPU need not be asked what is in use, learn the same."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from entrannas_cli.method.bilevel import BilevelSearch
from entrannas_cli.method.network import SuperNet
from entrannas_cli.method.optimizers import prepare
from entrannas_cli.method.space import SearchSpace

from .strategies import architecture, spaces
from .test_method_properties import seeds


def batch(seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(4, 3, 8, 8, generator=generator, dtype=torch.float64)
    return images.to(memory_format=torch.channels_last), torch.randint(0, 3, (4,), generator=generator)


def search(space: SearchSpace, seed: int, *, share: bool = True, momentum: float = 0.9) -> BilevelSearch:
    torch.manual_seed(seed)
    net = SuperNet(space, classes=3, channels=2, cells=3, engine_cells="all", share_features=share)
    net.double().to(memory_format=torch.channels_last)
    found = architecture(space, seed).double()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=momentum, weight_decay=0.05)
    prepare(optimizer)
    return BilevelSearch(
        supernet=net,
        architecture=found,
        weight_optimizer=optimizer,
        architecture_optimizer=torch.optim.Adam(found.parameters(), lr=0.02),
        derivation="dst",
        genotype=found.derive("dst", 0.5),
    )


@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(space=spaces(max_nodes=3), seed=seeds, share=st.booleans(), momentum=st.sampled_from([0.0, 0.9]))
def test_whole_and_sparse_engine_cells_learn_the_same(
    space: SearchSpace, seed: int, share: bool, momentum: float
) -> None:
    sparse = search(space, seed, share=share, momentum=momentum)
    twin = search(space, seed, share=share, momentum=momentum)
    whole = replace(twin, sparse=False)
    for step in range(3):
        losses = [
            one.step(batch(step), batch(step + 9), temperature=0.4, derive=step == 1)
            for one in (sparse, whole)
        ]
        torch.testing.assert_close(losses[0].weight_loss, losses[1].weight_loss)
        torch.testing.assert_close(losses[0].gradient_norm, losses[1].gradient_norm)
    assert sparse.genotype == whole.genotype
    for one, other in ((sparse.supernet, whole.supernet), (sparse.architecture, whole.architecture)):
        for a, b in zip(one.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("share", [True, False])
def test_operations_with_zero_weight_do_not_move(share: bool) -> None:
    space = SearchSpace(name="small", operations=("skip_connect", "sep_conv_3x3", "conv_1x1"), nodes=2)
    one = replace(search(space, 0, share=share), sparse=False)
    for step in range(2):
        one.step(batch(step), None, temperature=5.0)  # gives every operation some momentum
    used = one.architecture.derive("dst", 0.1)
    assert len(used.normal.connections) < space.connections
    before = copy.deepcopy(dict(one.supernet.named_parameters()))
    one.genotype = one.passed = used
    one.step(batch(5), None, temperature=0.1, derive=False)
    for n, kind in enumerate(one.supernet.kinds):
        names = {
            f"{c.source}.{c.operation}" if share else f"{c.source}-{j}.{c.operation}"
            for j, c in used.cell(kind).connections
        }
        prefix = f"cells.{n}.operations."
        for name, weight in one.supernet.named_parameters():
            if name.startswith(prefix):
                moved = not torch.equal(weight, before[name])
                assert moved == any(name.startswith(f"{prefix}{used_name}.") for used_name in names)
