"""Cells drawn at random."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrannas_cli.method import random_search
from entrannas_cli.method.complexity import derived_complexity
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype, GenotypeError
from entrannas_cli.method.random_search import draw_like
from entrannas_cli.method.space import SearchSpace
from entrannas_cli.spaces.files import load_space
from entrannas_cli.spaces.published import PUBLISHED

SPACES = {name: load_space(name) for name in ("standard", "extended")}
IMAGE = (3, 16, 16)


@cache
def multiply_adds(genotype: Genotype) -> int:
    return derived_complexity(genotype, image=IMAGE, classes=10, channels=4, cells=3, stem="cifar")[1]


def draw_sparse_cells(space: SearchSpace, normal: int, reduce: int) -> Genotype:
    """Draw cells with the given numbers of connections, several on some edges, as sparsification may leave them."""

    def cell(connections: int) -> CellGraph:
        sources, names = 2, len(space.operations)
        nodes: list[list[Connection]] = [[] for _ in space.intermediate]
        for n in range(connections):
            turn, node = divmod(n, space.nodes)
            nodes[node].append(
                Connection(turn % sources, space.operations[(turn // sources + 3 * n) % names])
            )
        return CellGraph(tuple(map(tuple, nodes)))

    return Genotype(normal=cell(normal), reduce=cell(reduce))


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
@pytest.mark.parametrize(("normal", "reduce"), [(4, 5), (9, 12), (23, 7)])
def test_drawn_cells_match_the_size_of_the_model(space: SearchSpace, normal: int, reduce: int) -> None:
    model = draw_sparse_cells(space, normal, reduce)
    wanted = multiply_adds(model)
    drawn = [draw_like(model, space, seed, multiply_adds) for seed in range(3)]
    for cells in drawn:
        cells.check(space)
        assert len(cells.normal.connections) == normal
        assert len(cells.reduce.connections) == reduce
        assert abs(multiply_adds(cells) - wanted) <= 0.05 * wanted  # counted in the whole network
    assert len({*drawn, model}) == 4
    assert drawn[2] == draw_like(model, space, 2, multiply_adds)


@settings(max_examples=5)
@given(st.integers(0, 2**32 - 1))
def test_custom_cost_function_is_matched(seed: int) -> None:
    """The given count is matched, here one in which only separable convolutions differ."""

    def count(genotype: Genotype) -> int:
        return 10 + sum(
            c.operation.startswith("sep") for _, cell in genotype.cells for _, c in cell.connections
        )

    model = PUBLISHED["DARTS_V2"]
    drawn = draw_like(model, SPACES["standard"], seed, count)
    assert count(drawn) == count(model)


def test_model_that_no_draw_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random_search, "ATTEMPTS", 200)
    largest = tuple((Connection(0, "sep_conv_5x5"), Connection(1, "sep_conv_5x5")) for _ in range(4))
    model = Genotype(normal=CellGraph(largest), reduce=CellGraph(largest))
    with pytest.raises(
        ValueError, match=r"none of 200 draws of 8 \+ 8 connections has \d+ multiply-adds within 5 %"
    ):
        draw_like(model, SPACES["standard"], 0, multiply_adds)


def test_cells_of_another_space_are_rejected() -> None:
    narrow = SearchSpace(name="narrow", operations=("skip_connect", "sep_conv_3x3"))
    with pytest.raises(GenotypeError, match="the space narrow has no operation"):
        draw_like(PUBLISHED["PC_DARTS_cifar"], narrow, 0, multiply_adds)
