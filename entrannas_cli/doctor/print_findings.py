"""The findings of ``entrannas doctor`` in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ..render.terminal import ascii_only, console_for

if TYPE_CHECKING:
    from . import Finding

__all__ = ["print_findings"]

MARKS = {"ok": ("✓", "ok", "green"), "note": ("·", "--", "dim"), "warning": ("!", "!!", "bold yellow")}
BROKEN = ("✗", "XX", "bold red")


def print_findings(findings: Sequence[Finding]) -> None:
    """Print the findings by section on stdout, each with its fix below it, and a summary."""
    console = console_for()
    plain = ascii_only(console.file)
    arrow = "->" if plain else "→"
    for section in dict.fromkeys(finding.section for finding in findings):
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for finding in findings:
            if finding.section == section:
                mark, ascii_mark, style = MARKS.get(finding.level, BROKEN)
                text = Text(finding.value)
                if finding.fix:
                    text.append(f"\n{arrow} {finding.fix}", "dim" if finding.level == "note" else "bold")
                table.add_row(Text(ascii_mark if plain else mark, style), Text(finding.name), text)
        console.print(Text(section, "bold"))
        console.print(table)
        console.print()
    console.print(_summary(findings))


def _summary(findings: Sequence[Finding]) -> Text:
    broken = [finding.name for finding in findings if finding.level == "broken"]
    warnings = [finding.name for finding in findings if finding.level == "warning"]
    if broken:
        return Text(f"No search can run here until this is fixed: {', '.join(broken)}.", "bold red")
    if warnings:
        return Text(f"Searches can run here; check: {', '.join(warnings)}.", "bold yellow")
    return Text("Everything a search needs is available.", "bold green")
