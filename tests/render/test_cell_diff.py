"""Differences of cells: complete, and marked by signs that need no colour."""

from __future__ import annotations

import re

from hypothesis import given
from rich.cells import cell_len

from entrannas_cli.figures.cell_changes import cell_change, compare_cells, difference_dict
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.render.cell_diff import difference_text
from entrannas_cli.spaces.published import PUBLISHED
from entrannas_cli.store.find_genotype import NamedGenotype

from .cells import cells, genotypes

Triple = tuple[int, int, str]


def triples(cell: CellGraph) -> set[Triple]:
    return {(target, c.source, c.operation) for target, c in cell.connections}


@given(cells(), cells())
def test_changes_transform_one_cell_into_the_other(before: CellGraph, after: CellGraph) -> None:
    change = cell_change(before, after)
    old = {(c.target, c.source, c.before) for c in change.changes if c.before is not None}
    new = {(c.target, c.source, c.after) for c in change.changes if c.after is not None}
    assert old == triples(before)
    assert new == triples(after)
    kept = {(c.target, c.source, c.after) for c in change.of_kind("kept")}
    assert kept == triples(before) & triples(after)
    for one in change.of_kind("removed"):  # otherwise it would be a changed operation
        assert not any((c.target, c.source) == (one.target, one.source) for c in change.of_kind("added"))
    assert sum(change.counts().values()) == len(change.changes)


@given(cells())
def test_cell_has_no_difference_to_itself(cell: CellGraph) -> None:
    change = cell_change(cell, cell)
    assert change.same
    assert {one.kind for one in change.changes} == {"kept"}


@given(genotypes(), genotypes())
def test_text_lists_each_change_with_its_sign(before: Genotype, after: Genotype) -> None:
    differences = compare_cells(before, after)
    text = difference_text(differences, 10_000).plain
    read: dict[str, list[Triple]] = {"+": [], "-": [], "~": []}
    target = 0
    for line in text.splitlines():
        if match := re.fullmatch(r"  node (\d+)", line):
            target = int(match[1])
        elif match := re.fullmatch(r"    ([-+~]) (\d+)  (.+)", line):
            read[match[1]] += [(target, int(match[2]), name) for name in match[3].split(", ")]
    for sign, kind in (("+", "added"), ("-", "removed")):
        assert sorted(read[sign]) == sorted(
            (c.target, c.source, c.after or c.before or "")
            for change in differences.values()
            for c in change.of_kind(kind)
        )
    assert sorted(read["~"]) == sorted(
        (c.target, c.source, f"{c.before} → {c.after}")
        for change in differences.values()
        for c in change.of_kind("changed")
    )


@given(genotypes(), genotypes())
def test_long_lines_are_wrapped(before: Genotype, after: Genotype) -> None:
    lines = difference_text(compare_cells(before, after), 80).plain.splitlines()
    assert max(map(cell_len, lines)) <= 80


def test_output_nodes_are_compared() -> None:
    nodes = ((Connection(0, "a"),), (Connection(1, "a"),))
    one, other = CellGraph(nodes), CellGraph(nodes, (3,))
    text = difference_text(compare_cells(Genotype(one, one), Genotype(other, one))).plain
    assert "~ output: nodes 2, 3 → 3" in text
    assert "reduction cell: the same, 2 connections" in text


def test_names_are_escaped() -> None:
    hostile, plain = CellGraph(((Connection(0, "\x1b[31m[bold]"),),)), CellGraph(((Connection(0, "b"),),))
    text = difference_text(compare_cells(Genotype(hostile, plain), Genotype(plain, hostile))).plain
    assert "\x1b" not in text
    assert "~ 0  \\x1b[31m[bold] → b" in text


def test_diff_as_json() -> None:
    before = NamedGenotype(PUBLISHED["DARTS_V2"], "a", "step 3")
    after = NamedGenotype(PUBLISHED["PC_DARTS_cifar"], "b")
    found = difference_dict(before, after)
    assert (found["before"], found["after"], found["same"]) == ("a, step 3", "b", False)
    normal = found["normal"]
    assert normal["added"] == [[5, 1, "dil_conv_3x3"]]
    assert normal["removed"] == [[5, 2, "dil_conv_3x3"]]
    assert {"target": 2, "source": 0, "before": "sep_conv_3x3", "after": "skip_connect"} in normal["changed"]
    assert normal["operations"]["sep_conv_3x3"] == [5, 3]
    assert difference_dict(before, before)["same"] is True
