"""Figures of cells: the labels and lines drawn, and the bytes of the files."""

from __future__ import annotations

import io
import warnings
from collections import Counter
from pathlib import Path
from typing import TypeVar
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text
from matplotlib.typing import ColorType
from PIL import Image

from entrannas_cli.common.errors import UsageError
from entrannas_cli.figures.cell_figure import genotype_figure
from entrannas_cli.figures.cell_layout import lay_out, look
from entrannas_cli.figures.cell_painter import RAILS, operation_label
from entrannas_cli.figures.figure_file import figure_bytes
from entrannas_cli.figures.page import PAPER
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.render.output_file import check_output, write_output
from entrannas_cli.spaces.published import PUBLISHED

from ..render.cells import OPERATIONS, expected, genotypes

DENSE = CellGraph(
    tuple(
        tuple(Connection(i, o) for i in range(j) for o in OPERATIONS[:7]) for j in range(2, 6)
    )  # the 98 connections that a search starts with
)
Kind = TypeVar("Kind")
SVG = "{http://www.w3.org/2000/svg}"


def parts(figure: Figure, kind: type[Kind]) -> list[Kind]:
    return [artist for artist in figure.axes[0].get_children() if isinstance(artist, kind)]


def labels(figure: Figure) -> list[tuple[FancyBboxPatch, bool]]:
    """Return the label boxes of the operations, each with whether it is filled."""
    boxes = [box for box in parts(figure, FancyBboxPatch) if box.get_zorder() == 7]
    return [(box, matplotlib_hex(box.get_facecolor()) != PAPER) for box in boxes]


def matplotlib_hex(colour: ColorType) -> str:
    from matplotlib.colors import to_hex

    return to_hex(colour)


@settings(max_examples=15)
@given(genotypes())
def test_each_connection_has_a_line_and_a_label(genotype: Genotype) -> None:
    figure = genotype_figure(genotype, "title", key=False)
    wanted = [row for kind, cell in genotype.cells for row in expected(kind, cell, full=True)]
    written = Counter(text.get_text() for text in parts(figure, Text))
    for name, count in Counter(row[2] for row in wanted).items():
        assert written[name] == count
    boxes = labels(figure)
    assert Counter(filled for _, filled in boxes) == Counter(row[3] for row in wanted)
    for box, filled in boxes:  # the outline too, so that they differ without colour
        assert (box.get_linestyle() == "solid") is filled
    lines = [line for line in parts(figure, Line2D) if line.get_zorder() == 2]
    assert Counter(not line.is_dashed() for line in lines) == Counter(row[3] for row in wanted)


@pytest.mark.parametrize("cells", [(DENSE, DENSE), tuple(PUBLISHED["DARTS_V2"].cells[n][1] for n in (0, 1))])
def test_nothing_overlaps_or_leaves_the_page(cells: tuple[CellGraph, CellGraph]) -> None:
    figure = genotype_figure(Genotype(*cells), "run 1", key=True)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    page = figure.bbox
    boxes = [
        box.get_window_extent(renderer).extents
        for box in parts(figure, FancyBboxPatch)
        if box.get_zorder() in (6, 7)
    ]
    for n, (left, bottom, right, top) in enumerate(boxes):
        assert page.x0 <= left < right <= page.x1
        assert page.y0 <= bottom < top <= page.y1
        for x0, y0, x1, y1 in boxes[n + 1 :]:
            assert right <= x0 or x1 <= left or top <= y0 or y1 <= bottom
    for text in parts(figure, Text):
        if text.get_text():
            extent = text.get_window_extent(renderer)
            assert page.x0 <= extent.x0 < extent.x1 <= page.x1
    height = min(box.get_window_extent(renderer).height for box, _ in labels(figure))
    assert height / figure.dpi >= 0.15  # inches: a readable line of text, however many there are


def height_of(line: Line2D) -> float:
    return float(np.asarray(line.get_ydata())[0])


def test_lines_follow_the_layout() -> None:
    """Lines are in the rows and the order of the layout."""
    cell = PUBLISHED["DARTS_V2"].normal
    figure = genotype_figure(Genotype(cell, cell), kinds=("normal",), key=False)
    edges = lay_out("normal", cell).edges
    lines = sorted(
        (line for line in parts(figure, Line2D) if line.get_zorder() == 2),
        key=height_of,
    )
    heights = [height_of(line) for line in lines]
    rows = [edge.row for edge in edges]
    steps = {
        round((b - a) / (d - c), 6) for a, b, c, d in zip(heights, heights[1:], rows, rows[1:], strict=False)
    }
    assert len(steps) == 1
    assert [line.get_color() for line in lines] == [RAILS[edge.source] for edge in edges]


def test_svg_contains_text_and_is_reproducible() -> None:
    first, second = (
        figure_bytes(genotype_figure(PUBLISHED["DARTS_V2"], "published cells DARTS_V2"), ".svg")
        for _ in range(2)
    )
    assert first == second
    root = ElementTree.fromstring(first)
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert "published cells DARTS_V2" in texts
    assert texts.count("sep_conv_3x3") == 5
    assert b"sans-serif" in first
    assert b"dc:date" not in first
    assert "http://www.w3.org" in first.decode()
    assert not [
        e
        for e in root.iter()
        if any(k.endswith("href") and not v.startswith("#") for k, v in e.attrib.items())
    ]


@pytest.mark.parametrize(
    "name", ["$x^2$", "<script>alert(1)</script>", "a&b", "]]>", "漢字", "\x1b[31m", "_" * 90]
)
def test_names_are_shown_verbatim(name: str) -> None:
    cell = CellGraph(((Connection(0, name), Connection(1, "conv_1x1")),))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = genotype_figure(Genotype(cell, cell), f"file {name}")
        root = ElementTree.fromstring(figure_bytes(figure, ".svg"))
        assert figure_bytes(figure, ".png", 50)
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert texts.count(operation_label(look(name))) == 2
    assert any(text and "unknown to this installation" in text for text in texts)


def test_png_and_pdf() -> None:
    figure = genotype_figure(PUBLISHED["DARTS_V2"])
    picture = Image.open(io.BytesIO(figure_bytes(figure, ".png", 50)))
    width, height = figure.get_size_inches()
    assert picture.size == pytest.approx((width * 50, height * 50), abs=1)
    pdf = figure_bytes(figure, ".pdf")
    assert pdf.startswith(b"%PDF-")
    assert pdf == figure_bytes(genotype_figure(PUBLISHED["DARTS_V2"]), ".pdf")


def test_single_cell_kind() -> None:
    texts = {
        text.get_text() for text in parts(genotype_figure(PUBLISHED["DARTS_V2"], kinds=("reduce",)), Text)
    }
    assert "reduction cell" in texts
    assert "normal cell" not in texts


def test_cell_too_large_for_a_page_is_rejected() -> None:
    endless = CellGraph(tuple((Connection(n, "conv_1x1"),) for n in range(1000)))
    with pytest.raises(UsageError, match="too large for a picture"):
        genotype_figure(Genotype(endless, endless))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("cell.jpg", r"unsupported file extension \.jpg; use \.svg, \.png or \.pdf"),
        ("cell", "no file extension"),
        ("missing/cell.svg", "no folder missing"),
        ("folder.svg", "is a folder"),
        ("pipe.svg", "not a regular file"),
        ("file/cell.svg", "cannot be written|no folder file"),
    ],
)
def test_invalid_output_paths_are_rejected(name: str, reason: str) -> None:
    import os

    Path("folder.svg").mkdir()
    Path("file").touch()
    os.mkfifo("pipe.svg")
    with pytest.raises(UsageError, match=reason):
        check_output(Path(name), (".svg", ".png", ".pdf"))


def test_symlink_is_followed_and_unwritable_path_is_named() -> None:
    Path("real.svg").write_text("old")
    Path("link.svg").symlink_to("real.svg")
    write_output(Path("link.svg"), "new")
    assert Path("real.svg").read_text() == "new"
    assert Path("link.svg").is_symlink()
    with pytest.raises(UsageError, match="cannot be written"):
        write_output(Path("/proc/cell.svg"), "x")
    with pytest.raises(UsageError, match="cannot be written"):
        write_output(Path("a\0b.svg"), "x")
