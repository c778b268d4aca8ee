"""The history of cells: its rows replay it, and all frames of an animation share one layout."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pexpect
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from entrannas_cli.figures.cell_changes import choose_evenly, frames, history_rows
from entrannas_cli.figures.cell_layout import animation_rows, lay_out_frame
from entrannas_cli.figures.figure_file import figure_bytes
from entrannas_cli.figures.history_figure import history_animation, history_figure
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.store.create import create_run
from entrannas_cli.store.run import DerivedCells, Run
from entrannas_cli.store.session import RunSession

from .cells import cells, genotypes


@st.composite
def histories(draw: st.DrawFn, most: int = 6) -> list[DerivedCells]:
    found = draw(st.lists(genotypes(most_nodes=4, densest=6), min_size=1, max_size=most))
    return [DerivedCells(10 * n, n, genotype) for n, genotype in enumerate(found)]


@settings(max_examples=20)
@given(histories(), st.integers(1, 9))
def test_chosen_frames_are_evenly_spaced_and_include_both_ends(
    history: list[DerivedCells], limit: int
) -> None:
    chosen = choose_evenly(history, limit)
    assert len(chosen) == min(limit, len(history))
    assert chosen[-1] == history[-1]
    assert limit == 1 or chosen[0] == history[0]
    steps = [entry.step for entry in chosen]
    assert steps == sorted(set(steps))


@settings(max_examples=20)
@given(histories())
def test_rows_replay_the_history(history: list[DerivedCells]) -> None:
    held: dict[str, set[tuple[int, int, str]]] = {"normal": set(), "reduce": set()}
    for row, entry in zip(history_rows(frames(history)), history, strict=True):
        assert (row["step"], row["epoch"]) == (entry.step, entry.epoch)
        for kind, cell in entry.genotype.cells:
            change = row[kind]
            held[kind] -= {tuple(one) for one in change["removed"]}
            held[kind] -= {(c["target"], c["source"], c["before"]) for c in change["changed"]}
            held[kind] |= {tuple(one) for one in change["added"]}
            held[kind] |= {(c["target"], c["source"], c["after"]) for c in change["changed"]}
            assert held[kind] == {(target, c.source, c.operation) for target, c in cell.connections}
            assert change["connections"] == [len(node) for node in cell.nodes]
            assert sum(change["operations"].values()) == len(held[kind])


@given(st.lists(cells(most_nodes=4), min_size=1, max_size=5))
def test_nodes_keep_their_place_in_an_animation(film: list[CellGraph]) -> None:
    rows = animation_rows(film)
    places: dict[object, object] = {}
    for cell in film:
        layout = lay_out_frame("normal", cell, rows)
        for node in layout.nodes:
            assert places.setdefault(node.number, (node.top, node.bottom)) == (node.top, node.bottom)
        taken = set()
        for bundle in layout.bundles:
            assert places.setdefault((bundle.source, bundle.target), bundle.row) == bundle.row
            assert bundle.row not in taken
            taken.add(bundle.row)
            target, source = layout.nodes[bundle.target], layout.nodes[bundle.source]
            assert target.top < bundle.row < target.bottom
            assert source.bottom < bundle.row <= source.rail_end
        drawn = [(b.target, Connection(b.source, one.name)) for b in layout.bundles for one, _ in b.strands]
        assert sorted(drawn) == sorted(cell.connections)


@settings(max_examples=4)
@given(histories(most=4))
def test_animation_has_one_frame_per_state(history: list[DerivedCells]) -> None:
    shown = frames(history)
    film = Image.open(io.BytesIO(history_animation(shown, "run $x$ 漢字")))
    # a picture equal to the previous one may be merged into it
    states = [(entry.step, entry.genotype) for entry in history]
    assert getattr(film, "n_frames", 1) == len(states)
    assert film.info.get("loop", 0) == 0


def test_panels_mark_changes() -> None:
    one = CellGraph(((Connection(0, "sep_conv_3x3"),), (Connection(1, "max_pool_3x3"),)))
    two = CellGraph(((Connection(0, "skip_connect"),), (Connection(1, "max_pool_3x3"),)))
    history = [DerivedCells(0, 0, Genotype(one, one)), DerivedCells(7, 1, Genotype(two, one))]
    figure = history_figure(frames(history), "run 1")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert {"step 0, epoch 0", "step 7, epoch 1"} <= set(texts)
    assert texts.count("+skip") == 1
    assert texts.count("sep3") == 3  # the first state, and the reduction cell of the second
    assert "2 connections   ~1" in texts
    assert figure_bytes(figure, ".svg") == figure_bytes(history_figure(frames(history), "run 1"), ".svg")


def make_run(states: int) -> Run:
    run = create_run(Path("runs"), space="standard", method="entrannas-dst", seed=0)
    with RunSession(run) as session:
        session.begin_attempt(1)
        for n in range(states):
            operations = ("sep_conv_3x3", "skip_connect", "max_pool_3x3")[: 1 + n % 3]
            cell = CellGraph((tuple(Connection(0, name) for name in operations),))
            session.write_genotype(n, n // 10, Genotype(cell, cell))
        session.finish("completed")
    return run


@pytest.mark.parametrize("columns", [80, 120])
def test_history_fits_the_terminal(columns: int) -> None:
    import pyte

    make_run(100)
    screen = pyte.HistoryScreen(columns, 60, history=500)
    out = terminal(["history", "latest"], columns)
    pyte.Stream(screen).feed(out)
    shown = [line.rstrip() for line in screen.display if line.strip()]
    assert "100 states of the cells, 24 of them shown (--frames N shows more)" in shown
    rows = [line.split() for line in shown if line.split()[:2] and all(map(str.isdecimal, line.split()[:2]))]
    assert [rows[0][0], rows[-1][0]] == ["0", "99"]
    assert len(rows) == 24
    assert any("+0→2 skip" in line for line in shown)
    assert all(len(line.rstrip()) <= columns for line in shown)


def test_narrow_terminal_still_shows_the_steps() -> None:
    make_run(100)
    lines = terminal(["history", "latest", "--frames", "3"], 40).splitlines()
    steps = [
        line.split()[:2] for line in lines if line.split()[1:] and all(map(str.isdecimal, line.split()[:2]))
    ]
    assert [steps[0][0], steps[-1][0], len(steps)] == ["0", "99", 3]


def test_playback_ends_with_the_last_state() -> None:
    make_run(5)
    out = terminal(["history", "latest", "--play"], 80)
    assert all(f"({n} of 5)" in out for n in (1, 3, 5))
    assert out.rindex("(5 of 5)") > out.rindex("(4 of 5)")
    assert "\x1b[?25h" in out  # the cursor is shown again


def terminal(arguments: list[str], columns: int) -> str:
    child = pexpect.spawn(
        sys.executable,
        ["-m", "entrannas_cli", "genotype", *arguments],
        env={**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "COLUMNS": str(columns)},
        dimensions=(60, columns),
        encoding="utf-8",
        timeout=30,
    )
    out = child.read()
    child.close()
    assert child.exitstatus == 0, out
    return str(out)
