"""``entrannas genotype history``: how the cells changed during a search."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .arguments import AsJson, RunArgument, RunsDirOption, print_json, resolve_run
from .genotype_arguments import print_written

if TYPE_CHECKING:
    from ..store.run import DerivedCells, Run

__all__ = ["history"]


def history(
    run: RunArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The file to write: an animation (.gif), or a picture with panels (.svg, .png, .pdf).",
            show_default=False,
        ),
    ] = None,
    pictures: Annotated[
        int | None,
        typer.Option(
            "--frames",
            "-n",
            min=1,
            metavar="N",
            help="At most N states, evenly spaced, including the first and the last.",
            show_default="all when piped or played, 24 in a terminal, 40 in a .gif, 6 panels",
        ),
    ] = None,
    last: Annotated[
        int | None,
        typer.Option("--last", min=1, metavar="N", help="Only the last N changes.", show_default=False),
    ] = None,
    film: Annotated[bool, typer.Option("--play", help="Play an animation in the terminal.")] = False,
    as_json: AsJson = False,
    runs_dir: RunsDirOption = None,
) -> None:
    """Show how the cells changed during a search.

    As a table, an animation in the terminal or in a file, or panels of a picture.
    """
    import sys

    from ..common.errors import UsageError
    from ..common.text import safe

    forms = [name for name, given in (("--output", output), ("--play", film), ("--json", as_json)) if given]
    if len(forms) > 1:
        raise UsageError(f"{' and '.join(forms)}: choose one of them")
    if output is not None:
        from ..figures.figure_file import FIGURE_SUFFIXES
        from ..render.output_file import check_output

        check_output(output, (".gif", *FIGURE_SUFFIXES))
    if film:
        import os

        from ..render.terminal import why_plain

        if reason := why_plain(sys.stdout, os.environ):
            raise UsageError(
                f"--play needs an interactive terminal ({reason}): --output FILE.gif works without one"
            )
    found = resolve_run(run, runs_dir)
    entries = _history(found)
    entries = entries[-last:] if last else entries
    origin = f"run {safe(found.id)}"
    if output is not None:
        _draw_history(entries, origin, output, pictures)
    elif as_json:
        from ..figures.cell_changes import choose_evenly, frames, history_rows

        print_json(history_rows(frames(choose_evenly(entries, pictures or len(entries)))))
    elif film:
        from ..render.history import play

        play(entries, origin, pictures)
    else:
        from ..render.history import print_history

        print_history(entries, origin, pictures)


def _history(run: Run) -> list[DerivedCells]:
    from ..common.errors import UsageError
    from ..common.text import safe

    status = run.status()
    entries = run.genotypes() if status.kind == "search" else []
    if entries:
        return entries
    reason = "only a search has one" if status.kind != "search" else f"state: {status.state}"
    raise UsageError(f"run {safe(run.id)} has no history of cells ({reason})")


def _draw_history(entries: list[DerivedCells], origin: str, output: Path, limit: int | None) -> None:
    from ..figures.cell_changes import choose_evenly, frames
    from ..figures.figure_file import figure_bytes
    from ..figures.history_figure import MAX_PANELS, MAX_PICTURES, history_animation, history_figure
    from ..render.output_file import write_output

    suffix = output.suffix.lower()
    shown = frames(choose_evenly(entries, limit or (MAX_PICTURES if suffix == ".gif" else MAX_PANELS)))
    title = f"{origin}: {len(shown)} of {len(entries)} states of the cells"
    if suffix == ".gif":
        write_output(output, history_animation(shown, title))
    else:
        write_output(output, figure_bytes(history_figure(shown, title), suffix))
    print_written(output)
