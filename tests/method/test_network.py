"""The stack of cells: positions of cell kinds and Engine-cells, shapes, sizes."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from entrannas_cli.method.architecture import Architecture
from entrannas_cli.method.complexity import derived_complexity, multiply_adds, parameter_count
from entrannas_cli.method.layers import FactorizedReduce
from entrannas_cli.method.network import DerivedNetwork, SuperNet
from entrannas_cli.method.operations import get_operation, operation_names
from entrannas_cli.method.random_search import draw_genotype
from entrannas_cli.method.space import EngineCells, SearchSpace, cell_kinds, engine_positions
from entrannas_cli.spaces.published import PUBLISHED

from .strategies import spaces


def test_reduction_cells_are_at_one_and_two_thirds() -> None:
    assert [n for n, kind in enumerate(cell_kinds(8)) if kind == "reduce"] == [2, 5]
    assert [n for n, kind in enumerate(cell_kinds(20)) if kind == "reduce"] == [6, 13]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        *[("last", {5, 7}), ("first", {0, 2}), ("middle", {4, 5}), ("all", set(range(8)))],
        *[([1, 2], {1, 2}), ([0, 2, 5], {0, 2, 5})],
    ],
)
def test_engine_cell_positions(chosen: object, expected: set[int]) -> None:
    assert engine_positions(cell_kinds(8), chosen) == expected  # type: ignore[arg-type]


def test_each_cell_takes_its_turn_as_engine_cell() -> None:
    kinds = cell_kinds(8)
    turns = [engine_positions(kinds, "rotate", turn) for turn in range(12)]
    assert turns[:3] == [{0, 2}, {1, 5}, {3, 2}]
    for kind, count in (("normal", 2), ("reduce", 6)):  # of 12 turns, for 6 and 2 cells
        seen = [n for turn in turns for n in turn if kinds[n] == kind]
        assert {seen.count(n) for n in set(seen)} == {count}
    assert turns[6:] == turns[:6]


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [([0, 1], "no Engine-cell of kind reduce"), ([2, 8], "numbered 0 to 7"), ("centre", "expected last")],
)
def test_invalid_engine_positions_are_rejected(chosen: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        engine_positions(cell_kinds(8), chosen)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", operation_names())
@pytest.mark.parametrize("stride", [1, 2])
def test_operations_reduce_the_size_by_their_stride(name: str, stride: int) -> None:
    operation = get_operation(name)
    for height, width in [(8, 8), (7, 5), (1, 1), (2, 3)]:
        module = operation.build(6, stride, False)
        output = module(torch.randn(2, 6, height, width))
        assert output.shape == (2, 6, -(-height // stride), -(-width // stride))
    if stride == 1:
        assert operation.parametric == (parameter_count(operation.build(6, 1, False)) > 0)


def test_factorized_reduce_reads_alternate_pixels() -> None:
    reduce = FactorizedReduce(1, 2, affine=False).eval()
    with torch.no_grad():
        reduce.even.weight.fill_(1)
        reduce.odd.weight.fill_(1)
        image = torch.arange(1.0, 17).view(1, 1, 4, 4)
        even, odd = reduce(image)[0] * (1 + reduce.norm.eps) ** 0.5
    torch.testing.assert_close(even, torch.tensor([[1.0, 3], [9, 11]]))
    torch.testing.assert_close(odd, torch.tensor([[6.0, 8], [14, 16]]))


@settings(max_examples=8)
@given(
    spaces(max_nodes=3, max_operations=3),
    st.integers(3, 6),
    st.sampled_from(["last", "first", "middle", "all", "rotate"]),
    st.booleans(),
)
def test_super_net_runs_with_any_configuration(
    space: SearchSpace, cells: int, engine_cells: EngineCells, share: bool
) -> None:
    net = SuperNet(
        space,
        classes=5,
        channels_in=1,
        channels=4,
        cells=cells,
        engine_cells=engine_cells,
        share_features=share,
    )
    arch = Architecture(space)
    for turn, derivation in enumerate(("dst", "top2")):
        genotype = arch.derive(derivation, 1.0)  # type: ignore[arg-type]
        mixtures = arch.mixtures(derivation, 1.0)  # type: ignore[arg-type]
        logits = net(torch.randn(2, 1, 9, 7), genotype, mixtures, turn)
        assert logits.shape == (2, 5)


def test_imagenet_stem_reduces_by_eight() -> None:
    genotype = PUBLISHED["PC_DARTS_cifar"]
    network = DerivedNetwork(genotype, classes=7, channels=8, cells=3, stem="imagenet")
    sizes = []
    for cell in network.cells:
        cell.register_forward_hook(lambda _, __, output: sizes.append(tuple(output.shape[2:])))
    assert network(torch.randn(2, 3, 64, 64)).shape == (2, 7)
    assert sizes == [(8, 8), (4, 4), (2, 2)]


def test_multiply_adds_follow_the_definition() -> None:
    grouped = torch.nn.Sequential(
        torch.nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2),  # 8 · 4 · 4 outputs of 2 · 9 products
        torch.nn.Flatten(),
        torch.nn.Linear(128, 10),
    )
    assert multiply_adds(grouped, (4, 8, 8)) == 8 * 16 * 18 + 1280
    assert grouped.training


def test_complexity_without_weights_equals_that_of_the_real_network() -> None:
    genotype = PUBLISHED["ISTA_twostage"]
    shape = {"classes": 4, "channels": 8, "cells": 4, "stem": "cifar"}
    network = DerivedNetwork(genotype, channels_in=1, **shape)  # type: ignore[arg-type]
    expected = parameter_count(network), multiply_adds(network, (1, 9, 9))
    assert derived_complexity(genotype, image=(1, 9, 9), **shape) == expected  # type: ignore[arg-type]


def test_random_genotypes_are_uniform_and_seeded() -> None:
    space = SearchSpace(name="s", operations=("skip_connect", "conv_1x1", "conv_3x3"))
    drawn = [draw_genotype(space, seed) for seed in range(400)]
    assert drawn == [draw_genotype(space, seed) for seed in range(400)]
    for genotype in drawn:
        genotype.check(space)
        assert all(len({c.source for c in node}) == 2 == len(node) for node in genotype.normal.nodes)
    counts = dict.fromkeys(space.operations, 0)
    for genotype in drawn:
        for _, connection in genotype.reduce.connections:
            counts[connection.operation] += 1
    assert all(abs(count / 3200 - 1 / 3) < 0.05 for count in counts.values())


def test_method_needs_only_torch() -> None:
    """Importable where only torch and its dependencies are installed."""
    code = """
import sys
import torch
before = set(sys.modules)
import pkgutil, importlib, entrannas_cli.method as method
for module in pkgutil.walk_packages(method.__path__, "entrannas_cli.method."):
    importlib.import_module(module.name)
new = set(sys.modules) - before - {"entrannas_cli"}
new = {name for name in new if not name.startswith("entrannas_cli.method")}
print(sorted({name.split(".")[0] for name in new} - set(sys.stdlib_module_names) - {"torch"}))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_spaces_and_genotypes_do_not_need_torch() -> None:
    code = """
import sys
from entrannas_cli.method import genotype, operations, random_search, space
from entrannas_cli.spaces import published
operations.get_operation("sep_conv_3x3")
print("torch" in sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
