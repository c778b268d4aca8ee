"""The layout shared by all drawings of a cell."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest
from hypothesis import given

from entrannas_cli.figures.cell_layout import animation_rows, lay_out, lay_out_frame, look
from entrannas_cli.method import operations
from entrannas_cli.method.genotype import CellGraph, Connection

from ..render.cells import cells


@given(cells())
def test_each_connection_has_its_own_row_within_its_target(cell: CellGraph) -> None:
    layout = lay_out("normal", cell)
    assert [(e.target, Connection(e.source, e.operation.name)) for e in layout.edges] == list(
        cell.connections
    )
    rows = [edge.row for edge in layout.edges]
    assert rows == sorted(set(rows))
    for edge in layout.edges:
        target, source = layout.nodes[edge.target], layout.nodes[edge.source]
        assert target.top < edge.row < target.bottom
        assert source.bottom < edge.row <= source.rail_end


@given(cells())
def test_rails_end_at_their_last_reader(cell: CellGraph) -> None:
    layout = lay_out("normal", cell)
    assert tuple(node.number for node in layout.outputs) == cell.concat
    for node in layout.nodes:
        reads = [edge.row for edge in layout.edges if edge.source == node.number]
        if node.in_output:
            assert node.rail_end == layout.output_row
        else:
            assert node.rail_end == max(reads, default=node.bottom)


@given(cells())
def test_layers_run_from_left_to_right(cell: CellGraph) -> None:
    layout = lay_out("normal", cell)
    assert all(layout.nodes[e.source].layer < layout.nodes[e.target].layer for e in layout.edges)


def test_skip_connection_has_weights_where_it_halves_the_size() -> None:
    cell = CellGraph(((Connection(0, "skip_connect"),), (Connection(2, "skip_connect"),)))
    assert [edge.parametric for edge in lay_out("reduce", cell).edges] == [True, False]
    assert [edge.parametric for edge in lay_out("normal", cell).edges] == [False, False]


def test_unknown_operation_counts_as_parametric() -> None:
    unknown = look("shuffle")
    assert (unknown.label, unknown.parametric, unknown.known) == ("shuffle", True, False)


def test_broken_plugin_package_is_tolerated(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("broken_op", "no_such_module_anywhere:build", operations.ENTRY_POINT_GROUP)
    monkeypatch.setattr(operations, "_plugins", lambda: {"broken_op": point})
    assert not look("broken_op").known


@given(cells())
def test_frame_bundles_operations_between_two_nodes(cell: CellGraph) -> None:
    layout, frame = lay_out("normal", cell), lay_out_frame("normal", cell, animation_rows([cell]))
    strands = [
        (bundle.source, bundle.target, operation, parametric)
        for bundle in frame.bundles
        for operation, parametric in bundle.strands
    ]
    assert strands == [(edge.source, edge.target, edge.operation, edge.parametric) for edge in layout.edges]
    assert len({(bundle.source, bundle.target) for bundle in frame.bundles}) == len(frame.bundles)
    for node, other in zip(frame.nodes, layout.nodes, strict=True):
        assert (node.layer, node.in_output) == (other.layer, other.in_output)
