"""Genotype texts of other projects: as their repositories print them, damaged, and hostile."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrannas_cli.method.genotype import Connection, Genotype
from entrannas_cli.method.random_search import draw_genotype
from entrannas_cli.method.space import SearchSpace
from entrannas_cli.spaces.darts_text import FoundGenotype, has_genotype, read_genotypes
from entrannas_cli.spaces.published import PUBLISHED

from ..method.strategies import spaces

NORMAL = (
    "[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)]"
)
REDUCE = (
    "[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), "
    "('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)]"
)
PLAIN = f"Genotype(normal={NORMAL}, normal_concat=range(2, 6), reduce={REDUCE}, reduce_concat=range(2, 6))"
SMALL = (
    "Genotype(normal=[('a', 0), ('b', 1)], normal_concat=[2], reduce=[('a', 0), ('b', 1)], reduce_concat=[2])"
)

SOURCE_FILE = f"""\
from collections import namedtuple

Genotype = namedtuple('Genotype', 'normal normal_concat reduce reduce_concat')

PRIMITIVES = ['none', 'max_pool_3x3']

NASNet = Genotype(
  normal = [
    ('sep_conv_5x5', 1),   # the first
    ('sep_conv_7x7', 0),
  ],
  normal_concat = [2],
  reduce = [
    ('conv_7x1_1x7', 1),
    ('sep_conv_7x7', 0),
  ],
  reduce_concat = [2],
)

# OLD = {PLAIN}
DARTS_V2 = {PLAIN.replace("range(2, 6)", "[2, 3, 4, 5]")}

PDARTS = DARTS_V2
"""


def read_one(text: str) -> FoundGenotype:
    (found,) = read_genotypes(text)
    return found


@given(spaces(), st.integers(0, 1000))
def test_darts_format_round_trip(space: SearchSpace, seed: int) -> None:
    genotype = draw_genotype(space, seed)
    assert read_one(genotype.to_darts()).genotype == genotype


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        f"DARTS_V2 = {PLAIN}",
        f"07/14 03:21:45 PM genotype = {PLAIN}",
        f"2019-07-14 03:21:45,123 {PLAIN}\n",
        PLAIN.replace("range(2, 6)", "[2, 3, 4, 5]"),
        PLAIN.replace("range(2, 6)", "xrange(2, 6)"),
        PLAIN.replace("range(2, 6)", "list(range(2, 6))"),
        PLAIN.replace("('", "(u'").replace("0)", "0L)"),
        PLAIN.replace("0)", "np.int64(0))").replace("1)", "numpy.int64(1))"),
        PLAIN.replace(", ", ",\n        ").replace("=", " = "),
        PLAIN.replace("'", '"'),
        f'{{"epoch": 3, "genotype": "{PLAIN}"}}',
        f"genotypes.{PLAIN}",
        PLAIN.replace("normal=", "").replace("normal_concat=", "").replace("reduce=", ""),
        f"Genotype(reduce_concat=range(2, 6), reduce={REDUCE}, normal_concat=(2, 3, 4, 5,), normal={NORMAL})",
    ],
)
def test_known_formats_are_parsed(text: str) -> None:
    assert read_one(text).genotype == PUBLISHED["DARTS_V2"]


def test_one_list_per_node_holds_any_number_of_connections() -> None:
    text = (
        "Genotype(normal=[[('a', 0)], [('a', 0), ('b', 0), ('a', 2)]], normal_concat=range(2, 4), "
        "reduce=[[('a', 1)]], reduce_concat=[2])"
    )
    genotype = read_one(text).genotype
    assert genotype is not None
    assert genotype.normal.nodes == (
        (Connection(0, "a"),),
        (Connection(0, "a"), Connection(0, "b"), Connection(2, "a")),
    )


def test_source_file_yields_genotypes_with_name_and_line() -> None:
    nasnet, darts = read_genotypes(SOURCE_FILE)
    assert (nasnet.name, nasnet.line) == ("NASNet", 7)
    assert nasnet.genotype is not None
    assert nasnet.genotype.operations == {"sep_conv_5x5", "sep_conv_7x7", "conv_1x7_7x1"}
    assert nasnet.notes == ("reduce cell: node 2: conv_7x1_1x7 is called conv_1x7_7x1 here",)
    assert (darts.name, darts.genotype) == ("DARTS_V2", PUBLISHED["DARTS_V2"])


def test_log_yields_genotypes_with_the_preceding_line() -> None:
    log = (
        f"[Epoch initial]\nnormal cell:\nStep 1: node1 op2, node0 op2\n{PLAIN}\nDoing Search ...\n"
        f"epoch:  1 lr: [0.025]\n[Epoch 1]\n{SMALL}\n"
        f"05/07 Restricting skipconnect...\n05/07 Number of skip-connect: 2\n05/07 {PLAIN}\n"
    )
    found = read_genotypes(log)
    assert [one.place for one in found] == [
        "[Epoch initial]",
        "[Epoch 1]",
        "05/07 Number of skip-connect: 2",
    ]
    assert [one.line for one in found] == [4, 8, 11]
    assert all(one.genotype for one in found)


def test_none_operation_is_not_a_connection() -> None:
    text = SMALL.replace("[('a', 0), ('b', 1)], normal_concat", "[('none', 0), ('b', 1)], normal_concat")
    found = read_one(text)
    assert found.genotype is not None
    assert found.genotype.normal.nodes == ((Connection(1, "b"),),)
    assert found.notes == ('normal cell: node 2: "none" from node 0 is left out',)
    nothing = read_one(text.replace("'b', 1)], normal_concat", "'none', 1)], normal_concat"))
    assert nothing.genotype is None
    assert nothing.problems == ('normal cell: node 2 has only the operation "none", so it has no input',)


@pytest.mark.parametrize("cut", range(10, len(PLAIN), 29))
@pytest.mark.parametrize("between", ["\n", "\n05/07 12:00:00 PM genotype = ", "", "05/07 12:00:00 PM "])
def test_truncated_line_does_not_hide_others(cut: int, between: str) -> None:
    """At any position."""
    broken, whole = read_genotypes(PLAIN[:cut] + between + PLAIN)
    assert broken.genotype is None
    assert broken.problems
    assert whole.genotype == PUBLISHED["DARTS_V2"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Genotype(normal=[('a', 0)], normal_concat=[2])", "reduce is missing"),
        ("Genotype(recurrent=[('tanh', 0)], concat=range(1, 9))", "a recurrent cell"),
        (SMALL.replace("('b', 1)]", "('b', 1), ('a', 1)]"), "3 connections in one list"),
        (SMALL.replace("1)", "9)"), "normal cell: node 2 reads node 9"),
        (SMALL.replace("1)", "-1)"), "normal cell: node 2 reads node -1"),
        (SMALL.replace("'b', 1", "'a', 0"), "normal cell: node 2 has a from node 0 twice"),
        (SMALL.replace("[2]", "[7]"), "the output takes node 7"),
        (SMALL.replace("[2]", "5"), "expected a list of node numbers"),
        (SMALL.replace("[2]", "range(10**9)"), "malformed Genotype"),
        (SMALL.replace("[2]", "range(999999999)"), "a range of 999999999 nodes, at most 1024"),
        (SMALL.replace("[2]", "range(2, 6, 0)"), "with step 0"),
        (SMALL.replace("[2]", "range('a')"), "isn't a list, a range or a number"),
        (SMALL.replace("[2]", "[0.5]"), "malformed Genotype"),
        (SMALL.replace("[2]", "[99999999999999999999]"), "malformed Genotype"),
        (SMALL.replace("'a', 0", "'a', True"), "malformed Genotype"),
        (SMALL.replace("'a', 0", "'a'"), "expected ('operation', source)"),
        (SMALL.replace("[('a', 0), ('b', 1)]", "__import__('os').system('true')"), "malformed Genotype"),
        (SMALL.replace("[('a', 0), ('b', 1)]", "eval('1')"), "malformed Genotype"),
        (SMALL.replace("normal=", "normal=[], normal="), "normal is given twice"),
        (SMALL.replace("[('a', 0), ('b', 1)], n", "[], n"), "normal cell: it has no nodes"),
        (SMALL.replace("[('a'", "[[[[[[[[[[('a'"), "nested deeper than 6"),
        ("Genotype(normal=gene_normal, normal_concat=concat)", "found 'gene_normal'"),
        (f"Genotype(normal={[('a', 0), ('b', 1)] * 2000}, normal_concat=[2], ", "malformed Genotype"),
        (SMALL.replace("('b', 1)]", f"('b', 1), {'(1, 2), ' * 3000}]"), "expected ('operation', source)"),
        ("Genotype(normal=[" + "1, " * 60_000, "longer than any genotype"),
    ],
)
def test_invalid_genotype_has_a_reason(text: str, reason: str) -> None:
    found = read_one(text)
    assert found.genotype is None
    assert any(reason in problem for problem in found.problems), found.problems


@pytest.mark.parametrize(
    "text", ["", "import os", "Genotype", "namedtuple('Genotype', 'normal')", f"# {PLAIN}"]
)
def test_text_without_genotypes(text: str) -> None:
    assert read_genotypes(text) == []
    assert not has_genotype(text) or text.startswith("#")


@pytest.mark.parametrize(
    "text",
    [
        "Genotype(" * 50_000,
        "Genotype(normal=['" * 30_000,
        'Genotype("' * 50_000,
        "Genotype(#" * 50_000,
        "Genotype(normal=[" + "[" * 500_000,
        "Genotype(" + " " * 500_000,
        "Genotype(" + "(\n" * 250_000,
        "Genotype(normal=" + "u" * 500_000,
        "Genotype" + " " * 500_000,
        "\n" * 500_000 + PLAIN,
    ],
)
def test_hostile_text_is_parsed_in_linear_time(text: str) -> None:
    start = time.process_time()
    read_genotypes(text)
    assert time.process_time() - start < 3  # linear parsing takes well below one second, quadratic minutes


@given(st.text(alphabet="Genotype(normal=[]),'ab\"01 \n#_\\.-", max_size=80))
def test_any_text_is_parsed_without_an_exception(text: str) -> None:
    for found in read_genotypes("Genotype(" + text + PLAIN):
        assert (found.genotype is None) == bool(found.problems)
        assert found.genotype is None or isinstance(found.genotype, Genotype)


def test_aliases_are_resolved() -> None:
    text = f"A = {PLAIN}\nB = {SMALL}\n\nDARTS = A  # the one in use\nOTHER = C\n"
    one, other = read_genotypes(text)
    assert (one.name, one.aliases) == ("A", ("DARTS",))
    assert (other.name, other.aliases) == ("B", ())
