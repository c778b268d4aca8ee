"""What changed between cells, and over a search, as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from ..method.genotype import CellGraph, Connection, Genotype
from ..method.space import CELL_KINDS, INPUT_NODES
from ..store.find_genotype import NamedGenotype
from ..store.run import DerivedCells

__all__ = [
    "CellChange",
    "ConnectionChange",
    "HistoryFrame",
    "cell_change",
    "choose_evenly",
    "compare_cells",
    "counts_text",
    "difference_dict",
    "frames",
    "history_rows",
    "operation_counts",
]


@dataclass(frozen=True)
class ConnectionChange:
    """One line of a difference, on the edge from ``source`` to ``target``.

    ``before`` and ``after`` are the operations; None if the connection was added or removed.
    """

    target: int
    source: int
    before: str | None
    after: str | None

    @property
    def kind(self) -> str:
        """``kept``, ``changed``, ``added`` or ``removed``."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        return "kept" if self.before == self.after else "changed"


@dataclass(frozen=True)
class CellChange:
    """How two cells differ: one ``ConnectionChange`` per edge and operation, by target, then source."""

    before: CellGraph
    after: CellGraph
    changes: tuple[ConnectionChange, ...]

    def of_kind(self, kind: str) -> tuple[ConnectionChange, ...]:
        """Return the changes of a kind (see :attr:`ConnectionChange.kind`)."""
        return tuple(change for change in self.changes if change.kind == kind)

    def counts(self) -> dict[str, int]:
        """Count the changes of each kind."""
        found = Counter(change.kind for change in self.changes)
        return {kind: found[kind] for kind in ("kept", "changed", "added", "removed")}

    @property
    def same(self) -> bool:
        return self.before == self.after


def cell_change(before: CellGraph, after: CellGraph) -> CellChange:
    """Compare two cells edge by edge.

    Operations in both cells are kept; the others are paired in order. A pair is a changed operation; what is left
    over was added or removed.
    """
    changes = []
    for n in range(max(len(before.nodes), len(after.nodes))):
        target = n + INPUT_NODES
        old_connections, new_connections = (
            set(cell.nodes[n]) if n < len(cell.nodes) else set[Connection]() for cell in (before, after)
        )
        for source in sorted({connection.source for connection in old_connections | new_connections}):
            old_operations = {c.operation for c in old_connections if c.source == source}
            new_operations = {c.operation for c in new_connections if c.source == source}
            changes += [
                ConnectionChange(target, source, name, name)
                for name in sorted(old_operations & new_operations)
            ]
            pairs = zip_longest(
                sorted(old_operations - new_operations), sorted(new_operations - old_operations)
            )
            changes += [ConnectionChange(target, source, old, new) for old, new in pairs]
    return CellChange(before, after, tuple(changes))


def compare_cells(before: Genotype, after: Genotype) -> dict[str, CellChange]:
    """Compare both kinds of cells."""
    return {kind: cell_change(before.cell(kind), after.cell(kind)) for kind in CELL_KINDS}


def difference_dict(before: NamedGenotype, after: NamedGenotype) -> dict[str, Any]:
    """Return the difference as a JSON object. Connections are [target, source, operation]."""
    differences = compare_cells(before.genotype, after.genotype)
    return {
        "before": before.title,
        "after": after.title,
        "same": all(change.same for change in differences.values()),
        **{kind: _change_dict(change) for kind, change in differences.items()},
    }


def _change_dict(change: CellChange) -> dict[str, Any]:
    """Return how a cell changed, as a JSON object."""
    return {
        "connections": [_per_node(change.before), _per_node(change.after)],
        "kept": [[c.target, c.source, c.after] for c in change.of_kind("kept")],
        "added": [[c.target, c.source, c.after] for c in change.of_kind("added")],
        "removed": [[c.target, c.source, c.before] for c in change.of_kind("removed")],
        "changed": [
            {"target": c.target, "source": c.source, "before": c.before, "after": c.after}
            for c in change.of_kind("changed")
        ],
        "operations": {name: list(counts) for name, counts in sorted(operation_counts(change).items())},
        "concat": [list(change.before.concat), list(change.after.concat)],
    }


def _per_node(cell: CellGraph) -> list[int]:
    return [len(connections) for connections in cell.nodes]


def operation_counts(change: CellChange) -> dict[str, tuple[int, int]]:
    """Count the uses of each operation, before and after."""
    before, after = (
        Counter(c.operation for _, c in cell.connections) for cell in (change.before, change.after)
    )
    return {name: (before[name], after[name]) for name in before | after}


@dataclass(frozen=True)
class HistoryFrame:
    """The cells from ``step`` on, and how they differ from the previous frame; the first has no changes."""

    step: int
    epoch: int
    genotype: Genotype
    changes: dict[str, CellChange]


def choose_evenly(history: Sequence[DerivedCells], limit: int) -> list[DerivedCells]:
    """Return at most ``limit`` entries, evenly spaced, including the last and, if there are two, the first."""
    if len(history) <= limit:
        return list(history)
    if limit == 1:
        return [history[-1]]
    last = len(history) - 1
    return [history[round(n * last / (limit - 1))] for n in range(limit)]


def frames(history: Sequence[DerivedCells]) -> list[HistoryFrame]:
    """Return the entries of a history, each with the changes since the one before."""
    history_frames: list[HistoryFrame] = []
    for entry in history:
        changes = compare_cells(history_frames[-1].genotype, entry.genotype) if history_frames else {}
        history_frames.append(HistoryFrame(entry.step, entry.epoch, entry.genotype, changes))
    return history_frames


def counts_text(change: CellChange | None) -> str:
    """Return ``+1 -3 ~2``: connections added, removed, with another operation; zeros are left out."""
    if change is None:
        return ""
    counts = change.counts()
    signs = (("added", "+"), ("removed", "-"), ("changed", "~"))
    return " ".join(f"{sign}{counts[kind]}" for kind, sign in signs if counts[kind])


def history_rows(shown: Sequence[HistoryFrame]) -> list[dict[str, Any]]:
    """Return the frames as JSON objects, with the changes since the one before; the first adds everything."""
    rows = []
    for frame in shown:
        summary: dict[str, Any] = {"step": frame.step, "epoch": frame.epoch}
        for kind, cell in frame.genotype.cells:
            if kind in frame.changes:
                change = _change_dict(frame.changes[kind])
                entry = {key: change[key] for key in ("added", "removed", "changed")}
            else:
                everything = [[target, c.source, c.operation] for target, c in cell.connections]
                entry = {"added": everything, "removed": [], "changed": []}
            operations = Counter(connection.operation for _, connection in cell.connections)
            summary[kind] = {
                "connections": [len(connections) for connections in cell.nodes],
                "operations": dict(sorted(operations.items())),
                **entry,
            }
        rows.append(summary)
    return rows
