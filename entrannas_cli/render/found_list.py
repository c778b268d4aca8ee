"""The genotypes found in a text, as a table and as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table

from ..common.text import safe, shortened
from ..spaces.darts_text import FoundGenotype
from .history import connections_text
from .terminal import console_for, is_live

__all__ = ["found_dicts", "print_found"]

HEADINGS = ("number", "line", "name", "normal", "reduction", "where, or what is wrong")


def found_dicts(found: Sequence[FoundGenotype]) -> list[dict[str, Any]]:
    """Return one JSON object per genotype."""
    return [
        {
            "number": number,
            "line": entry.line,
            "name": entry.name,
            "place": entry.place,
            "genotype": entry.genotype.to_dict() if entry.genotype else None,
            "problems": list(entry.problems),
            "notes": list(entry.notes),
        }
        for number, entry in enumerate(found, 1)
    ]


def print_found(found: Sequence[FoundGenotype]) -> None:
    """Print the list: as a table on a terminal, as tab-separated values if piped."""
    console = console_for()
    rows = [_row(number, entry) for number, entry in enumerate(found, 1)]
    if not is_live(console.file):
        print(*HEADINGS, sep="\t")
        for row in rows:
            print(*row, sep="\t")
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), show_edge=False)
    for n, heading in enumerate(HEADINGS):
        min_width = 12 if n == 5 else len(heading) if n < 3 else None  # not squeezed if there is no room
        table.add_column(heading, justify="right" if n < 2 else "left", no_wrap=n < 5, min_width=min_width)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _row(number: int, entry: FoundGenotype) -> tuple[str, ...]:
    cells = [connections_text(cell) for _, cell in entry.genotype.cells] if entry.genotype else ["-", "-"]
    remark = "; ".join(entry.problems[:3]) or entry.place
    return str(number), str(entry.line), shortened(safe(entry.name), 24), *cells, safe(remark)
