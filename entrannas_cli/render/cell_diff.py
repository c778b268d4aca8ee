"""What changed between two pairs of cells: as data, and as text that needs no colour to be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from ..common.text import counted, safe
from ..method.genotype import CellGraph, Connection, Genotype
from ..method.space import CELL_KINDS, INPUT_NODES
from ..store.find_genotype import NamedGenotype
from .cell_text import kind_title
from .terminal import ascii_only, console_for

__all__ = [
    "CellChange",
    "Change",
    "cell_change",
    "change_dict",
    "compare_cells",
    "difference_dict",
    "difference_text",
    "filled",
    "print_difference",
]

SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


@dataclass(frozen=True)
class Change:
    """One line of a difference, at the edge from ``source`` to ``target``.

    ``before`` and ``after`` are the operations; None where there is none: a connection added or removed.
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
    """How one cell becomes another: a ``Change`` an edge and operation, in the order of target, then source."""

    before: CellGraph
    after: CellGraph
    changes: tuple[Change, ...]

    def of_kind(self, kind: str) -> tuple[Change, ...]:
        """The changes of a kind (see :attr:`Change.kind`)."""
        return tuple(change for change in self.changes if change.kind == kind)

    def counts(self) -> dict[str, int]:
        """How many there are of each kind."""
        found = Counter(change.kind for change in self.changes)
        return {kind: found[kind] for kind in ("kept", "changed", "added", "removed")}

    @property
    def same(self) -> bool:
        return self.before == self.after


def cell_change(before: CellGraph, after: CellGraph) -> CellChange:
    """Compares two cells. Of an edge's operations those in both are kept; the others are paired in their order.

    A pair is a change of operation; what is left over was added or removed.
    """
    changes = []
    for n in range(max(len(before.nodes), len(after.nodes))):
        target = n + INPUT_NODES
        old, new = (
            set(cell.nodes[n]) if n < len(cell.nodes) else set[Connection]() for cell in (before, after)
        )
        for source in sorted({connection.source for connection in old | new}):
            left = {c.operation for c in old if c.source == source}
            right = {c.operation for c in new if c.source == source}
            changes += [Change(target, source, name, name) for name in sorted(left & right)]
            pairs = zip_longest(sorted(left - right), sorted(right - left))
            changes += [Change(target, source, one, other) for one, other in pairs]
    return CellChange(before, after, tuple(changes))


def compare_cells(before: Genotype, after: Genotype) -> dict[str, CellChange]:
    """Both kinds of cells."""
    return {kind: cell_change(before.cell(kind), after.cell(kind)) for kind in CELL_KINDS}


def difference_dict(before: NamedGenotype, after: NamedGenotype) -> dict[str, Any]:
    """The difference as a JSON object. Connections are [target, source, operation]."""
    differences = compare_cells(before.genotype, after.genotype)
    return {
        "before": before.title,
        "after": after.title,
        "same": all(change.same for change in differences.values()),
        **{kind: change_dict(change) for kind, change in differences.items()},
    }


def change_dict(change: CellChange) -> dict[str, Any]:
    """How a cell changed, as a JSON object."""
    return {
        "connections": [_per_node(change.before), _per_node(change.after)],
        "kept": [[c.target, c.source, c.after] for c in change.of_kind("kept")],
        "added": [[c.target, c.source, c.after] for c in change.of_kind("added")],
        "removed": [[c.target, c.source, c.before] for c in change.of_kind("removed")],
        "changed": [
            {"target": c.target, "source": c.source, "before": c.before, "after": c.after}
            for c in change.of_kind("changed")
        ],
        "operations": {name: list(counts) for name, counts in sorted(_operation_counts(change).items())},
        "concat": [list(change.before.concat), list(change.after.concat)],
    }


def _per_node(cell: CellGraph) -> list[int]:
    return [len(connections) for connections in cell.nodes]


def _operation_counts(change: CellChange) -> dict[str, tuple[int, int]]:
    """How often each operation is used, before and after."""
    before, after = (
        Counter(c.operation for _, c in cell.connections) for cell in (change.before, change.after)
    )
    return {name: (before[name], after[name]) for name in before | after}


def difference_text(differences: Mapping[str, CellChange], width: int = 80, *, arrow: str = "→") -> Text:
    """The difference of both cells, with a sign a line; what was kept, a line a node."""
    text = Text()
    for kind, change in differences.items():
        text.append("\n\n" if text else "").append(kind_title(kind), "bold")
        before, after = (sum(_per_node(cell)) for cell in (change.before, change.after))
        if change.same:
            text.append(f": the same, {counted(after, 'connection')}")
            continue
        counts = ", ".join(f"{count} {name}" for name, count in change.counts().items() if count)
        moved = f" {arrow} {after}" if before != after else ""
        text.append(f": {counted(before, 'connection')}{moved} ({counts})")
        for target in sorted({one.target for one in change.changes}):
            text.append(f"\n  node {target}")
            _append_node(text, [one for one in change.changes if one.target == target], width, arrow)
        if change.before.concat != change.after.concat:
            old, new = (", ".join(map(str, cell.concat)) for cell in (change.before, change.after))
            text.append(f"\n  ~ output: nodes {old} {arrow} {new}", "yellow")
        uses = [
            f"{safe(name)} {old} {arrow} {new}"
            for name, (old, new) in sorted(_operation_counts(change).items())
            if old != new
        ]
        if uses:
            text.append("\n" + filled("  operations: ", uses, width))
    return text


def _append_node(text: Text, changes: list[Change], width: int, arrow: str) -> None:
    kept = [f"{c.source} {safe(c.after)}" for c in changes if c.kind == "kept"]
    if kept:
        text.append("\n" + filled("      kept: ", kept, width), "dim")
    for source in sorted({change.source for change in changes}):
        for kind, (sign, style) in SIGNS.items():
            operations = [
                f" {arrow} ".join(safe(name) for name in (change.before, change.after) if name is not None)
                for change in changes
                if change.source == source and change.kind == kind
            ]
            if operations:
                text.append("\n" + filled(f"    {sign} {source}  ", operations, width), style)


def filled(start: str, items: Sequence[str], width: int) -> str:
    """``start`` and the items, none broken over two lines, each further line indented as far as ``start``."""
    lines = [start]
    for n, item in enumerate(items):
        shown = f"{item}, " if n < len(items) - 1 else item
        if len(lines[-1]) > len(start) and cell_len(lines[-1] + shown.rstrip()) > width:
            lines.append(" " * len(start))
        lines[-1] += shown
    return "\n".join(line.rstrip() for line in lines)


def print_difference(before: NamedGenotype, after: NamedGenotype) -> None:
    """The difference on stdout, headed by what is compared."""
    console = console_for()
    arrow = "->" if ascii_only(console.file) else "→"
    console.print(Text.assemble(("- ", "red"), safe(before.title)), soft_wrap=True)
    console.print(Text.assemble(("+ ", "green"), safe(after.title), "\n"), soft_wrap=True)
    differences = compare_cells(before.genotype, after.genotype)
    console.print(difference_text(differences, console.width, arrow=arrow), soft_wrap=True)
