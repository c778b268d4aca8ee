"""Cells as text: complete, no wider than requested, and every line can be followed."""

from __future__ import annotations

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.render.cell_text import (
    cell_picture,
    cell_short,
    cell_table,
    genotype_picture,
    genotype_tables,
    published_table,
)
from entrannas_cli.spaces.published import PUBLISHED

from .cells import OPERATIONS, ParsedLine, cells, expected, genotypes, read_picture

KINDS = st.sampled_from(["normal", "reduce"])

DARTS_NORMAL = """\
c{k-2}  c{k-1}
┌───┐   ┌───┐
│ 0 │   │ 1 │
└─┬─┘   └─┬─┘        ┌───┐
  ┝━━━━━━━│━━ sep3 ━►│ 2 │
  │       ┝━━ sep3 ━►│   │
  │       │          └─┬─┘        ┌───┐
  ┝━━━━━━━│━━━━━━━━━━━━│━━ sep3 ━►│ 3 │
  │       ┝━━━━━━━━━━━━│━━ sep3 ━►│   │
  │       │            │          └─┬─┘        ┌───┐
  ├╌╌╌╌╌╌╌│╌╌╌╌╌╌╌╌╌╌╌╌│╌╌╌╌╌╌╌╌╌╌╌╌│╌╌ skip ╌►│ 4 │
  │       ┕━━━━━━━━━━━━│━━━━━━━━━━━━│━━ sep3 ━►│   │
  │                    │            │          └─┬─┘        ┌───┐
  └╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌│╌╌╌╌╌╌╌╌╌╌╌╌│╌╌╌╌╌╌╌╌╌╌╌╌│╌╌ skip ╌►│ 5 │
                       ┝━━━━━━━━━━━━│━━━━━━━━━━━━│━━ dil3 ━►│   │
                       │            │            │          └─┬─┘
                       └────────────┴────────────┴────────────┴──► c{k}"""


def test_picture_of_a_known_cell() -> None:
    assert cell_picture("normal", PUBLISHED["DARTS_V2"].normal).plain == DARTS_NORMAL


@given(cells(), KINDS, st.integers(80, 130))
def test_each_connection_is_drawn_once_and_can_be_read_back(cell: CellGraph, kind: str, width: int) -> None:
    picture = cell_picture(kind, cell, width).plain
    found = read_picture(picture)
    assert any(same(found, expected(kind, cell, full=full)) for full in (False, True))
    written = {
        (name, real[2]) for (_, _, name, _), real in zip(found, expected(kind, cell, full=True), strict=True)
    }
    assert len(written) == len({name for name, _ in written}), "two operations go by one name"


def same(found: list[ParsedLine], wanted: list[ParsedLine]) -> bool:
    """Return whether the lines match; names may be shortened in the middle."""

    def fits(written: str, name: str) -> bool:
        start, cut, end = written.partition("…")
        return name.startswith(start) and name.endswith(end) if cut else written == name

    return len(found) == len(wanted) and all(
        a[:2] == b[:2] and a[3] == b[3] and fits(a[2], b[2]) for a, b in zip(found, wanted, strict=True)
    )


@given(genotypes(most_nodes=9, densest=16), st.integers(1, 120), st.booleans())
def test_no_line_is_wider_than_requested(genotype: Genotype, width: int, ascii_only: bool) -> None:
    picture = genotype_picture(genotype, width, ascii_only).plain
    assert max(map(cell_len, picture.split("\n"))) <= width
    if ascii_only:
        assert picture.isascii()


@given(cells(most_nodes=4))
def test_unicode_and_ascii_draw_the_same(cell: CellGraph) -> None:
    fancy = cell_picture("normal", cell).plain
    plain = cell_picture("normal", cell, ascii_only=True).plain
    translated = str.maketrans("━╌┝├┕└►│┌┐┘─┬┴", "=-++++>|+++-++")
    assert fancy.translate(translated) == plain


def test_rails_are_unbroken() -> None:
    """From the node down to the last line that leaves it."""
    rng = random.Random(5)
    connections = [[Connection(i, o) for i in range(j) for o in OPERATIONS] for j in range(2, 6)]
    cell = CellGraph(tuple(tuple(rng.sample(node, 6)) for node in connections))
    lines = cell_picture("normal", cell).plain.split("\n")
    for column in (2, 10):
        rail = [line[column : column + 1] for line in lines[4:]]
        drawn = [character for character in rail if character.strip()]
        assert rail[: len(drawn)] == drawn
        assert drawn[-1] in "┕└"
        assert set(drawn[:-1]) <= set("│┝├")


def test_node_numbers_are_repeated_below_tall_nodes() -> None:
    cell = CellGraph(tuple(tuple(Connection(0, o) for o in OPERATIONS[:10]) for _ in range(3)))
    separators = [line for line in cell_picture("normal", cell).plain.split("\n") if "┌" in line]
    assert [line.split()[0] for line in separators[2:]] == ["0", "0"]


def test_full_names_are_used_where_they_fit() -> None:
    narrow, wide = (cell_picture("normal", PUBLISHED["DARTS_V2"].normal, width).plain for width in (80, 120))
    assert "sep_conv_3x3" not in narrow
    assert wide.count("sep_conv_3x3") == 5


def test_key_explains_every_label() -> None:
    picture = genotype_picture(PUBLISHED["PC_DARTS_cifar"]).plain
    for label, name in (("sep5", "sep_conv_5x5"), ("max", "max_pool_3x3"), ("dil3", "dil_conv_3x3")):
        assert f"{label}: {name}" in picture
    assert "normal cell: 8 connections" in picture
    assert "reduction cell: 8 connections" in picture


UNKNOWN = CellGraph(((Connection(0, "shuffle_conv_3x3"), Connection(1, "skip_connect")),) * 4)


@pytest.mark.parametrize("width", [20, 60, 80, 140])
def test_missing_operation_keeps_its_name(width: int) -> None:
    picture = genotype_picture(Genotype(UNKNOWN, UNKNOWN), width).plain
    assert max(map(len, picture.split("\n"))) <= width
    if width >= 60:
        assert "shuffle_conv_3x3" in picture
        assert "unknown to this installation" in picture


@pytest.mark.parametrize(
    "name",
    [
        "\x1b[31mred\x1b[0m",
        "two\nlines",
        "[bold]markup[/bold]",
        "卷积三",
        "\u202ereversed",
        "e\u0301tude",
        "x" * 300,
    ],
)
def test_names_are_escaped_and_keep_the_alignment(name: str) -> None:
    cell = CellGraph(((Connection(0, name), Connection(1, "skip_connect")), (Connection(2, name),)))
    genotype = Genotype(cell, cell)
    for width in (40, 80):
        picture = genotype_picture(genotype, width)
        assert not {"\x1b", "\u202e", "\r"} & set(picture.plain)
        lines = picture.plain.split("\n")
        assert max(map(cell_len, lines)) <= width
        arrows = {
            cell_len(line[: line.index("►")]) for line in lines if "►│ 2" in line or "►│   │" in line[:40]
        }
        assert len(arrows) <= 1
    for lines in (cell_short(cell, 40), cell_short(cell)):
        assert not any("\x1b" in line or "\n" in line for line in lines)
    out = io.StringIO()
    console = Console(file=out, width=80, markup=False)
    console.print(genotype_tables(genotype, 80))
    assert "\x1b" not in out.getvalue()
    if name.startswith("["):
        assert name in out.getvalue()


@given(cells(most_nodes=4), KINDS)
def test_table_has_one_row_per_connection(cell: CellGraph, kind: str) -> None:
    out = io.StringIO()
    Console(file=out, width=80).print(cell_table(kind, cell))
    rows = [line.split() for line in out.getvalue().splitlines()[3:] if line.strip()]
    node, found = 0, []
    for row in rows:
        if len(row) > 3 and row[1].isdigit():
            node = int(row.pop(0))
        found.append((int(row[0]), node, row[-2], row[-1] == "yes"))
    assert found == expected(kind, cell, full=True)


@given(cells())
def test_short_form_names_all_connections(cell: CellGraph) -> None:
    lines = cell_short(cell)
    found = []
    for line in lines:
        target, sources = line.split(" ← ")
        for part in sources.split(", "):
            source, operations = part.split(" ")
            found += [(int(source), int(target), operation) for operation in operations.split("+")]
    assert found == [row[:3] for row in expected("normal", cell, full=False)]


@given(cells(), st.integers(1, 60))
def test_short_form_fits_and_counts_what_it_omits(cell: CellGraph, width: int) -> None:
    for line, whole, node in zip(cell_short(cell, width), cell_short(cell), cell.nodes, strict=True):
        assert cell_len(line) <= width
        if line != whole and width > 30:
            assert str(len(node)) in line.split("←")[1]


def test_all_published_cells_are_listed() -> None:
    out = io.StringIO()
    Console(file=out, width=80).print(published_table(PUBLISHED))
    for name in PUBLISHED:
        assert name in out.getvalue()
    assert max(map(len, out.getvalue().splitlines())) <= 80


def test_rendering_does_not_import_torch() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from entrannas_cli.render import cell_text, dot, frame, live, summary, views;"
        "from entrannas_cli.spaces.published import PUBLISHED;"
        "[cell_text.genotype_picture(g) for g in PUBLISHED.values()];"
        "print({'torch', 'numpy', 'pandas', 'textual', 'pydantic'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"
