"""A single frame of the live view."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrannas_cli.render.frame import draw_frame
from entrannas_cli.render.progress import RunProgress

from .fake_search import ID, WARNING, cells, epoch_row, started_facts, step_row


def progress(connections: int = 2, note: str = WARNING) -> RunProgress:
    known = RunProgress()
    known.started(started_facts(epochs=5))
    for step in range(1, 13):
        known.take_step(step_row(step, 30))
    known.take_epoch(epoch_row(12, 30))
    known.derived(cells(connections))
    if note:
        known.note("warning", note)
    return known


def text(known: RunProgress, width: int, height: int, ascii_only: bool = False) -> str:
    return "\n".join(line.plain for line in draw_frame(known, width, height, ascii_only))


def test_frame_shows_everything_at_80x24() -> None:
    shown = text(progress(), 80, 24)
    for part in (
        ID,
        "running",
        "entrannas-dst, standard space, digits, CPU (2 threads)",
        "epoch 2/5",
        "40 %",
        "step 12/30",
        "eta ",
        "loss 1.033",
        "arch. 1.078",
        "train acc. 42.0 %",
        "sparsity 36 / 32 %",
        "temp. 0.398",
        "super-net 60.2 %",
        "derived 58.8 %",
        "gap 1.4 %",
        "img/s 1.23 k",
        "memory 838.9 MB",
        "weight loss",
        "architecture loss",
        "sparsity, normal cell",
        "sparsity, reduction cell",
        "normal cell: 8 connections",
        "2 ← 0 avg+max",
        "! node 5 of the normal cell",
    ):
        assert part in shown, part
    assert len(shown.splitlines()) <= 24


@given(st.integers(10, 220), st.integers(2, 70), st.sampled_from([1, 2, 14]), st.booleans(), st.booleans())
def test_frame_fits_every_terminal(
    width: int, height: int, connections: int, ascii_only: bool, note: bool
) -> None:
    lines = draw_frame(progress(connections, WARNING if note else ""), width, height, ascii_only)
    assert 0 < len(lines) <= height
    assert max(line.cell_len for line in lines) <= width
    if ascii_only:
        assert "".join(line.plain for line in lines).replace("–", "-").isascii()
    assert any("epoch 2/5"[:width] in line.plain for line in lines)


@pytest.mark.parametrize(("width", "height"), [(10, 2), (20, 5), (80, 24), (160, 50)])
def test_frame_before_the_first_step(width: int, height: int) -> None:
    known = RunProgress()
    assert len(draw_frame(known, width, height)) <= height
    known.started(started_facts())
    assert "epoch 0/5" in text(known, width, height)


def test_large_terminal_shows_more() -> None:
    small, large = text(progress(), 80, 24), text(progress(), 160, 50)
    assert "consistency gap, per epoch" in large
    assert "consistency gap, per epoch" not in small
    assert "┌───┐" in large
    assert "┌───┐" not in small


def test_dense_cells_stay_in_short_form_on_a_large_terminal() -> None:
    assert "┌───┐" not in text(progress(connections=35), 160, 50)


def test_long_message_is_cut_where_space_is_short() -> None:
    shown = text(progress(note="word " * 300), 80, 24)
    assert shown.rstrip().endswith("…")
    assert len(shown.splitlines()) == 24


def test_messages_are_escaped() -> None:
    assert "\x1b" not in text(progress(note="\x1b[2Jgone"), 80, 24)
