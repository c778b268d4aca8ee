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
            "line": one.line,
            "name": one.name,
            "place": one.place,
            "genotype": one.genotype.to_dict() if one.genotype else None,
            "problems": list(one.problems),
            "notes": list(one.notes),
        }
        for number, one in enumerate(found, 1)
    ]


def print_found(found: Sequence[FoundGenotype]) -> None:
    """Print the list: as a table on a terminal, as tab-separated values if piped."""
    console = console_for()
    rows = [_row(number, one) for number, one in enumerate(found, 1)]
    if not is_live(console.file):
        print(*HEADINGS, sep="\t")
        for row in rows:
            print(*row, sep="\t")
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), show_edge=False)
    for n, heading in enumerate(HEADINGS):
        least = 12 if n == 5 else len(heading) if n < 3 else None  # not squeezed if there is no room
        table.add_column(heading, justify="right" if n < 2 else "left", no_wrap=n < 5, min_width=least)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _row(number: int, one: FoundGenotype) -> tuple[str, ...]:
    cells = [connections_text(cell) for _, cell in one.genotype.cells] if one.genotype else ["-", "-"]
    remark = "; ".join(one.problems[:3]) or one.place
    return str(number), str(one.line), shortened(safe(one.name), 24), *cells, safe(remark)
