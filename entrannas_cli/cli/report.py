"""``entrannas report``: an HTML page about runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .arguments import RunsDirOption, SelectionArgument

__all__ = ["report"]

SUFFIXES = (".html", ".htm")


def report(
    runs: SelectionArgument,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="The .html file to write.", show_default=False),
    ],
    title: Annotated[
        str, typer.Option("--title", metavar="TEXT", help="The page's heading.", show_default=False)
    ] = "",
    runs_dir: RunsDirOption = None,
) -> None:
    """Write one self-contained HTML page about runs.

    Contains the result table, curves, cells, configuration differences, environment and how to repeat each run.

    The page works offline. Searches and trainings may be mixed.
    """
    from ..common.numbers import bytes_text
    from ..common.text import counted, safe
    from ..config.project import runs_dir as locate
    from ..render.output_file import check_output, write_output
    from ..report.page import report_page
    from ..results.select_runs import select_runs

    check_output(output, SUFFIXES)
    selection = select_runs(runs, locate(runs_dir))
    for problem in selection.problems:
        print(f"left out: {problem}", file=sys.stderr)
    page = report_page(selection.overviews, title)
    for note in page.notes:
        print(note, file=sys.stderr)
    write_output(output, page.html)
    print(safe(output))
    size = bytes_text(len(page.html.encode()))
    print(f"{counted(len(selection.runs), 'run')}, {size}", file=sys.stderr)
