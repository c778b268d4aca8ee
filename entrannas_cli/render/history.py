"""How the cells changed over a search: as lines, as a table, and as an animation in the terminal."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from ..common.text import counted, safe, shortened
from ..figures.cell_changes import (
    ConnectionChange,
    HistoryFrame,
    choose_evenly,
    compare_cells,
    counts_text,
    frames,
)
from ..figures.cell_layout import kind_title, look
from ..method.genotype import CellGraph, Genotype
from ..store.run import DerivedCells
from .cell_diff import filled
from .cell_text import cell_short
from .terminal import ascii_only, console_for, is_live

__all__ = ["connections_text", "play", "print_history"]

MAX_TABLE_ROWS = 24  # on a terminal, unless more are requested
KEY = "n: normal cell, r: reduction cell; +: added, -: removed, ~: another operation"
SHORT = {"normal": "n", "reduce": "r"}
MAX_PLAY_S = 12.0  # for the whole animation
MAX_FRAME_S = 0.6  # per frame


def connections_text(cell: CellGraph) -> str:
    """Return ``2+1+2+3 = 8``: the connections of each node and of the cell."""
    counts = [len(connections) for connections in cell.nodes]
    return f"{'+'.join(map(str, counts))} = {sum(counts)}" if len(counts) < 10 else str(sum(counts))


def print_history(history: Sequence[DerivedCells], origin: str, limit: int | None) -> None:
    """Print the history: as a table on a terminal, as tab-separated lines if piped.

    At most ``limit`` changes, evenly spaced; without a limit, all if piped, otherwise as many as fit a screen.
    """
    console = console_for()
    piped = not is_live(console.file)
    limit = limit or (len(history) if piped else MAX_TABLE_ROWS)
    shown = frames(choose_evenly(history, limit))
    arrow = "->" if ascii_only(console.file) else "→"
    if piped:
        print("step", "epoch", "normal", "reduce", "changes", sep="\t")
        for frame in shown:
            cells = (connections_text(cell) for _, cell in frame.genotype.cells)
            print(frame.step, frame.epoch, *cells, _changes_text(frame, arrow), sep="\t")
        return
    console.print(Text(safe(origin), "bold"), soft_wrap=True)
    number = counted(len(history), "state")
    part = f", {len(shown)} of them shown (--frames N shows more)" if len(shown) < len(history) else ""
    console.print(Text(f"{number} of the cells{part}\n", "dim"), soft_wrap=True)
    console.print(_table(shown, arrow, console.width))
    if len(shown) > 1:
        console.print(Text("\nfirst to last", "bold"))
        print(_totals_text(shown[0].genotype, shown[-1].genotype, arrow, console.width), file=console.file)
        console.print(Text(f"\n{KEY}", "dim"), soft_wrap=True)


def _table(shown: Sequence[HistoryFrame], arrow: str, width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), show_edge=False)
    for heading in ("step", "epoch", "normal", "reduction"):
        min_width = len(heading) if heading in ("step", "epoch") else None  # not squeezed if there is no room
        table.add_column(heading, justify="right", no_wrap=True, min_width=min_width)
    table.add_column("changes", no_wrap=True, overflow="ellipsis")
    widths = [
        max(map(len, column))
        for column in zip(
            *(_cells_of(frame) for frame in shown), ("step", "epoch", "normal", "reduction"), strict=True
        )
    ]
    room = max(width - sum(widths) - 2 * len(widths), 8)
    for frame in shown:
        described = _changes_text(frame, arrow)
        if len(described) > room:
            described = "  ".join(
                f"{SHORT[kind]} {counts_text(change)}"
                for kind, change in frame.changes.items()
                if not change.same
            )
        table.add_row(*_cells_of(frame), Text(shortened(described, room)))
    return table


def _cells_of(frame: HistoryFrame) -> tuple[str, str, str, str]:
    normal, reduction = (connections_text(cell) for _, cell in frame.genotype.cells)
    return str(frame.step), str(frame.epoch), normal, reduction


def _totals_text(first: Genotype, last: Genotype, arrow: str, width: int) -> str:
    """Return a line per cell: its connections and operations, first and last."""
    lines = []
    for kind, change in compare_cells(first, last).items():
        before, after = (
            Counter(c.operation for _, c in cell.connections) for cell in (change.before, change.after)
        )
        items = [
            _counts(safe(look(name).label), before[name], after[name], arrow)
            for name in sorted(before | after)
        ]
        start = _counts(kind_title(kind), before.total(), after.total(), arrow) + ": "
        lines.append(filled(start, items, width))
    return "\n".join(lines)


def _counts(name: str, before: int, after: int, arrow: str) -> str:
    return f"{name} {before} {arrow} {after}" if before != after else f"{name} {after}"


def _changes_text(frame: HistoryFrame, arrow: str) -> str:
    """Return the changes as ``n +0→2 sep3 -1→4 skip  r ~1→3 sep3→skip``: source→target, operation."""
    parts = []
    for kind, change in frame.changes.items():
        lines = [_change_text(one, arrow) for one in change.changes if one.kind != "kept"]
        if change.before.concat != change.after.concat:
            lines.append("~output")
        if lines:
            parts.append(f"{SHORT[kind]} {' '.join(lines)}")
    return "  ".join(parts)


def _change_text(change: ConnectionChange, arrow: str) -> str:
    sign = {"added": "+", "removed": "-", "changed": "~"}[change.kind]
    labels = [safe(look(name).label) for name in (change.before, change.after) if name]
    return f"{sign}{change.source}{arrow}{change.target} {arrow.join(labels)}"


def play(history: Sequence[DerivedCells], origin: str, limit: int | None) -> None:
    """Play the history as an animation on the terminal; the last frame stays. Ctrl-C stops it."""
    from rich.live import Live

    console = console_for()
    shown = frames(choose_evenly(history, limit or len(history)))
    pause = min(MAX_FRAME_S, MAX_PLAY_S / len(shown))
    pictures = _pictures(shown, origin, console)
    with Live(next(pictures), console=console, auto_refresh=False, vertical_overflow="crop") as live:
        live.refresh()
        for picture in pictures:
            time.sleep(pause)
            live.update(picture, refresh=True)


def _pictures(shown: Sequence[HistoryFrame], origin: str, console: Console) -> Iterator[Group]:
    plain = ascii_only(console.file)
    arrow = "->" if plain else "→"
    for number, frame in enumerate(shown, 1):
        lines = [
            Text(shortened(safe(origin), console.width), "bold", no_wrap=True),
            Text(
                f"step {frame.step}, epoch {frame.epoch}   ({number} of {len(shown)})", "cyan", no_wrap=True
            ),
        ]
        for kind, cell in frame.genotype.cells:
            counts = counts_text(frame.changes.get(kind))
            lines.append(
                Text.assemble("\n", (kind_title(kind), "bold"), f"  {connections_text(cell)}   {counts}")
            )
            lines += [Text(line, no_wrap=True) for line in cell_short(cell, console.width, plain)]
        described = shortened(_changes_text(frame, arrow), console.width)
        yield Group(*lines, Text(f"\n{described}", "dim", no_wrap=True))
