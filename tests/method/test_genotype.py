"""The genotype: its JSON form, and exact error messages for invalid ones."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrannas_cli.method.genotype import (
    MAX_CONNECTIONS,
    MAX_NODES,
    CellGraph,
    Connection,
    Genotype,
    GenotypeError,
)
from entrannas_cli.method.space import SearchSpace
from entrannas_cli.spaces.published import PUBLISHED

from .strategies import STANDARD, genotypes, spaces


@given(st.data(), spaces())
def test_json_round_trip(data: st.DataObject, space: SearchSpace) -> None:
    genotype = data.draw(genotypes(space))
    assert Genotype.from_json(genotype.to_json()) == genotype
    assert Genotype.from_dict(json.loads(json.dumps(genotype.to_dict()))) == genotype
    assert json.loads(genotype.to_json()) == genotype.to_dict()
    genotype.check(space)


@pytest.mark.parametrize("name", sorted(PUBLISHED.keys() - {"AmoebaNet"}))  # which is in NASNet's space
def test_bundled_cells_fit_the_standard_space(name: str) -> None:
    PUBLISHED[name].check(STANDARD)
    assert len(PUBLISHED[name].normal.connections) == 8


def test_order_of_connections_does_not_matter() -> None:
    one, other = Connection(0, "skip_connect"), Connection(1, "conv_1x1")
    assert CellGraph(((one, other),)) == CellGraph(((other, one),), concat=(2,))


def test_darts_format_rejects_what_it_cannot_hold() -> None:
    three = CellGraph(((Connection(0, "a"), Connection(0, "b"), Connection(1, "a")),))
    two_and_one = CellGraph(((Connection(0, "a"), Connection(1, "a")), (Connection(2, "a"),)))
    with pytest.raises(GenotypeError) as caught:
        Genotype(three, two_and_one).to_darts()
    assert caught.value.problems == (
        "normal cell: node 2 has 3 connections, DARTS' text form holds exactly two per node",
        "reduce cell: node 3 has 1 connection, DARTS' text form holds exactly two per node",
    )


@pytest.mark.parametrize(
    ("nodes", "concat", "reason"),
    [
        ([[(0, "a")], []], (), "node 3 has no input"),
        ([[(2, "a")]], (), "node 2 reads node 2, but may read only 0 to 1"),
        ([[(-1, "a")]], (), "node 2 reads node -1, but may read only 0 to 1"),
        ([[(0, "a")], [(3, "a")]], (), "node 3 reads node 3, but may read only 0 to 2"),
        ([[(0, "a"), (0, "a")]], (), "node 2 has a from node 0 twice"),
        ([[(0, "a")]], (3,), "the output takes node 3, but the intermediate nodes are 2 to 2"),
        ([[(0, "a")], [(2, "a")]], (1,), "the output takes node 1, but the intermediate nodes are 2 to 3"),
        ([[(0, "a")]], (2, 2), "the output takes a node twice"),
        ([], (), "it has no nodes"),
    ],
)
def test_invalid_cells_are_rejected(
    nodes: list[list[tuple[int, str]]], concat: tuple[int, ...], reason: str
) -> None:
    with pytest.raises(GenotypeError) as caught:
        CellGraph(tuple(tuple(Connection(*c) for c in node) for node in nodes), concat)
    assert caught.value.problems == (reason,)


def test_cell_without_nodes_is_rejected() -> None:
    with pytest.raises(GenotypeError) as caught:
        CellGraph((), (2,))
    assert caught.value.problems == (
        "it has no nodes",
        "the output takes node 2, but the intermediate nodes are none",
    )


CELL = {"nodes": [[[0, "a"]]], "concat": [2]}
WHOLE = {"format": "entrannas-genotype", "version": 1, "normal": CELL, "reduce": CELL}
ENTRY = "expected [source, operation], found"


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ({"format": "onnx"}, ["format: expected \"entrannas-genotype\", found 'onnx'"]),
        ({"format": "a" * 58}, [f"format: expected \"entrannas-genotype\", found '{'a' * 58}'"]),
        ({"format": "a" * 59}, [f'format: expected "entrannas-genotype", found \'{"a" * 56}...']),
        ({"version": 2}, ["version: this release reads 1, found 2"]),
        ({"normal": None}, ['normal: expected an object with "nodes", found nothing']),
        ({"normal": [1]}, ['normal: expected an object with "nodes", found a list']),
        ({"normal": "a"}, ['normal: expected an object with "nodes", found a string']),
        ({"normal": 1.5}, ['normal: expected an object with "nodes", found the float 1.5']),
        ({"normal": {"nodes": {}}}, ['normal: expected an object with "nodes", found an object']),
        ({"normal": {"nodes": [[[0]]]}}, [f"normal: node 2: {ENTRY} [0]"]),
        ({"normal": {"nodes": [[[0, "a"]], 7]}}, [f"normal: node 3: {ENTRY} 7"]),
        ({"normal": {"nodes": [[[True, "a"]]]}}, [f"normal: node 2: {ENTRY} [True, 'a']"]),
        ({"reduce": {"nodes": [[[5, "a"]]]}}, ["reduce cell: node 2 reads node 5, but may read only 0 to 1"]),
        (
            {"normal": {"nodes": [[]]}, "reduce": {"nodes": []}},
            ["normal cell: node 2 has no input", "reduce cell: it has no nodes"],
        ),
        (
            {"reduce": {"nodes": [[[0, "a"]]], "concat": "all"}},
            ["reduce: concat: expected a list of node numbers, found 'all'"],
        ),
        (
            {"reduce": {"nodes": [[[0, "a"]]], "concat": [2.0]}},
            ["reduce: concat: expected a list of node numbers, found [2.0]"],
        ),
        ({"reduce": {"nodes": [[[0, "a"]]] * 2000}}, [f"reduce: 2000 nodes, at most {MAX_NODES} are read"]),
        (
            {"normal": {"nodes": [[[0, f"op{n}"] for n in range(200_000)]]}},
            [f"normal: 200,000 connections, at most {MAX_CONNECTIONS:,} are read"],
        ),
    ],
)
def test_every_error_of_a_json_genotype_is_listed(change: dict[str, object], problems: list[str]) -> None:
    with pytest.raises(GenotypeError) as caught:
        Genotype.from_json(json.dumps(WHOLE | change))
    assert caught.value.problems == tuple(problems)


def test_json_genotype_may_have_the_maximum_of_nodes() -> None:
    chain = {"nodes": [[[0, "a"]]] * MAX_NODES}
    assert len(Genotype.from_json(json.dumps(WHOLE | {"reduce": chain})).reduce.nodes) == MAX_NODES


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "expected a JSON object, found a list"),
        ("null", "expected a JSON object, found nothing"),
        ('"a"', "expected a JSON object, found a string"),
        ("12", "expected a JSON object, found the int 12"),
        ('{"format": 1}', 'format: expected "entrannas-genotype", found 1'),
        ("", "not JSON"),
        ("nonsense", "not JSON"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_json_that_is_not_a_genotype_is_rejected(text: str, problem: str) -> None:
    with pytest.raises(GenotypeError) as caught:
        Genotype.from_json(text)
    (found,) = caught.value.problems
    assert found.startswith(problem)


def test_check_names_missing_operations_and_wrong_node_counts() -> None:
    space = SearchSpace(name="tiny", operations=("skip_connect",), nodes=3)
    with pytest.raises(GenotypeError) as caught:
        PUBLISHED["DARTS_V2"].check(space)
    assert caught.match("normal cell: 4 nodes, the space tiny has 3")
    assert caught.match("normal cell: node 2: the space tiny has no operation sep_conv_3x3")
