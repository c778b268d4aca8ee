"""The genotype: its JSON form, and that a wrong one is told exactly what is wrong."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrannas_cli.method.genotype import CellGraph, Connection, Genotype, GenotypeError
from entrannas_cli.method.published import PUBLISHED
from entrannas_cli.method.space import SearchSpace

from .strategies import STANDARD, genotypes, spaces


@given(st.data(), spaces())
def test_json_reads_back_equal(data: st.DataObject, space: SearchSpace) -> None:
    genotype = data.draw(genotypes(space))
    assert Genotype.from_json(genotype.to_json()) == genotype
    assert Genotype.from_dict(json.loads(json.dumps(genotype.to_dict()))) == genotype
    assert json.loads(genotype.to_json()) == genotype.to_dict()
    genotype.check(space)


@pytest.mark.parametrize("name", sorted(PUBLISHED.keys() - {"AmoebaNet"}))  # that is of NASNet's space
def test_bundled_cells_fit_the_standard_space(name: str) -> None:
    PUBLISHED[name].check(STANDARD)
    assert len(PUBLISHED[name].normal.connections) == 8


def test_the_order_of_connections_makes_no_difference() -> None:
    one, other = Connection(0, "skip_connect"), Connection(1, "conv_1x1")
    assert CellGraph(((one, other),)) == CellGraph(((other, one),), concat=(2,))


def test_darts_form_refuses_what_it_cannot_hold() -> None:
    cell = CellGraph(((Connection(0, "a"), Connection(0, "b"), Connection(1, "a")),))
    with pytest.raises(GenotypeError, match=r"normal cell: node 2 has 3 connections.*exactly two"):
        Genotype(cell, cell).to_darts()


@pytest.mark.parametrize(
    ("nodes", "concat", "reason"),
    [
        ([[(0, "a")], []], (), "node 3 has no input"),
        ([[(2, "a")]], (), "node 2 reads node 2, but may read only 0 to 1"),
        ([[(-1, "a")]], (), "node 2 reads node -1"),
        ([[(0, "a"), (0, "a")]], (), "node 2 has a from node 0 twice"),
        ([[(0, "a")]], (3,), "the output takes node 3, but the intermediate nodes are 2 to 2"),
        ([[(0, "a")]], (2, 2), "takes a node twice"),
        ([], (), "no nodes"),
    ],
)
def test_cells_that_cannot_be_computed(
    nodes: list[list[tuple[int, str]]], concat: tuple[int, ...], reason: str
) -> None:
    with pytest.raises(GenotypeError, match=reason):
        CellGraph(tuple(tuple(Connection(*c) for c in node) for node in nodes), concat)


CELL = {"nodes": [[[0, "a"]]], "concat": [2]}
WHOLE = {"format": "entrannas-genotype", "version": 1, "normal": CELL, "reduce": CELL}


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({"format": "onnx"}, ["format: expected"]),
        ({"version": 2}, ["version: this release reads 1, found 2"]),
        ({"normal": None}, ["normal: expected an object"]),
        ({"normal": {"nodes": [[[0]]]}}, [r"normal: node 2: expected \[source, operation\], found \[0\]"]),
        ({"normal": {"nodes": [[[True, "a"]]]}}, ["normal: node 2: expected"]),
        ({"reduce": {"nodes": [[[5, "a"]]]}}, ["reduce cell: node 2 reads node 5"]),
        ({"normal": {"nodes": [[]]}, "reduce": {"nodes": []}}, ["normal cell: node 2 has no", "reduce cell"]),
        ({"reduce": {"nodes": [[[0, "a"]]], "concat": "all"}}, ["reduce: concat: expected a list"]),
        ({"reduce": {"nodes": [[[0, "a"]]] * 2000}}, ["reduce: 2000 nodes, at most"]),
    ],
)
def test_every_fault_of_a_json_genotype_is_named(change: dict[str, object], reasons: list[str]) -> None:
    with pytest.raises(GenotypeError) as caught:
        Genotype.from_json(json.dumps(WHOLE | change))
    for reason in reasons:
        assert caught.match(reason)
    assert len(caught.value.problems) == len(reasons)


@pytest.mark.parametrize("text", ["", "[]", "nonsense", "[" * 100_000, '{"format": 1}', "null"])
def test_json_that_is_no_genotype_is_refused(text: str) -> None:
    with pytest.raises(GenotypeError):
        Genotype.from_json(text)


def test_a_space_names_the_operations_and_nodes_that_it_lacks() -> None:
    space = SearchSpace(name="tiny", operations=("skip_connect",), nodes=3)
    with pytest.raises(GenotypeError) as caught:
        PUBLISHED["DARTS_V2"].check(space)
    assert caught.match("normal cell: 4 nodes, the space tiny has 3")
    assert caught.match("normal cell: node 2: the space tiny has no operation sep_conv_3x3")
