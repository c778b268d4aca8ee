"""Graphviz text, read back by a small parser for the subset of the language in use."""

from __future__ import annotations

import html
import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrannas_cli.common.text import safe
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.render.dot import genotype_dot
from entrannas_cli.spaces.published import PUBLISHED

from .cells import expected, genotypes

EDGE = re.compile(
    r'^(\w+)_(\d+) -> \1_(\d+) \[label=("(?:[^"\\]|\\.)*"), style=(solid|dashed)(?:, penwidth=2)?\]$'
)


def unquoted(text: str) -> str:
    return html.unescape(re.sub(r"\\(.)", r"\1", text[1:-1]))


def edges(dot: str, kind: str) -> list[tuple[int, int, str, bool]]:
    found = []
    for line in map(str.strip, dot.splitlines()):
        match = EDGE.match(line)
        if match and match[1] == kind:
            found.append((int(match[2]), int(match[3]), unquoted(match[4]), match[5] == "solid"))
    return found


@given(genotypes())
def test_each_connection_is_an_edge(genotype: Genotype) -> None:
    dot = genotype_dot(genotype)
    for kind, cell in genotype.cells:
        assert edges(dot, kind) == expected(kind, cell, full=True)
        for node in cell.concat:
            assert f"{kind}_{node} -> {kind}_output" in dot
    assert dot.count("{") == dot.count("}")


@given(st.text(min_size=1))
def test_names_cannot_escape_their_label(name: str) -> None:
    cell = CellGraph(((Connection(0, name),),))
    dot = genotype_dot(Genotype(cell, cell))
    assert edges(dot, "normal") == [(0, 2, safe(name), True)]
    assert len(dot.splitlines()) == len(
        genotype_dot(Genotype(*(CellGraph(((Connection(0, "x"),),)),) * 2)).splitlines()
    )


@pytest.mark.parametrize("name", ['a"] ; x [label="b', "back\\", "\\N", "&lt;b&gt;", "new\nline", "<b>x</b>"])
def test_hostile_names_are_quoted(name: str) -> None:
    cell = CellGraph(((Connection(0, name),),))
    assert edges(genotype_dot(Genotype(cell, cell)), "reduce") == [(0, 2, safe(name), True)]


def test_title_and_single_cell_kind() -> None:
    dot = genotype_dot(PUBLISHED["DARTS_V2"], 'run "x"\n', ("reduce",))
    assert '  label="run \\"x\\"\\\\n"\n' in dot
    assert edges(dot, "normal") == []
    assert len(edges(dot, "reduce")) == 8


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_accepts_the_output() -> None:
    svg = subprocess.run(
        ["dot", "-Tsvg"],
        input=genotype_dot(PUBLISHED["DARTS_V2"]),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert svg.count("sep_conv_3x3") == 5
