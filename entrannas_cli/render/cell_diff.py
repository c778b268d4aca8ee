"""What changed between two pairs of cells, as text that is readable without colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.text import Text

from ..common.text import counted, safe
from ..figures.cell_changes import CellChange, ConnectionChange, compare_cells, operation_counts
from ..figures.cell_layout import kind_title
from ..store.find_genotype import NamedGenotype
from .terminal import ascii_only, console_for

__all__ = ["difference_text", "filled", "print_difference"]

SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


def difference_text(differences: Mapping[str, CellChange], width: int = 80, *, arrow: str = "→") -> Text:
    """Return the differences of both cells, a signed line for each; kept connections are one line per node."""
    text = Text()
    for kind, change in differences.items():
        text.append("\n\n" if text else "").append(kind_title(kind), "bold")
        before, after = (sum(map(len, cell.nodes)) for cell in (change.before, change.after))
        if change.same:
            text.append(f": the same, {counted(after, 'connection')}")
            continue
        counts = ", ".join(f"{count} {name}" for name, count in change.counts().items() if count)
        moved = f" {arrow} {after}" if before != after else ""
        text.append(f": {counted(before, 'connection')}{moved} ({counts})")
        for target in sorted({c.target for c in change.changes}):
            text.append(f"\n  node {target}")
            _append_node(text, [c for c in change.changes if c.target == target], width, arrow)
        if change.before.concat != change.after.concat:
            old, new = (", ".join(map(str, cell.concat)) for cell in (change.before, change.after))
            text.append(f"\n  ~ output: nodes {old} {arrow} {new}", "yellow")
        uses = [
            f"{safe(name)} {old} {arrow} {new}"
            for name, (old, new) in sorted(operation_counts(change).items())
            if old != new
        ]
        if uses:
            text.append("\n" + filled("  operations: ", uses, width))
    return text


def _append_node(text: Text, changes: list[ConnectionChange], width: int, arrow: str) -> None:
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
    """Wrap ``items`` after ``start``, without breaking any; further lines are indented by its length."""
    lines = [start]
    for n, item in enumerate(items):
        shown = f"{item}, " if n < len(items) - 1 else item
        if len(lines[-1]) > len(start) and cell_len(lines[-1] + shown.rstrip()) > width:
            lines.append(" " * len(start))
        lines[-1] += shown
    return "\n".join(line.rstrip() for line in lines)


def print_difference(before: NamedGenotype, after: NamedGenotype) -> None:
    """Print the differences to stdout, below what is compared."""
    console = console_for()
    arrow = "->" if ascii_only(console.file) else "→"
    console.print(Text.assemble(("- ", "red"), safe(before.title)), soft_wrap=True)
    console.print(Text.assemble(("+ ", "green"), safe(after.title), "\n"), soft_wrap=True)
    differences = compare_cells(before.genotype, after.genotype)
    console.print(difference_text(differences, console.width, arrow=arrow), soft_wrap=True)
