"""``entrannas runs``: list, show, locate, annotate and remove runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .arguments import AsJson, RunArgument, RunsArgument, RunsDirOption, print_json, resolve_run

if TYPE_CHECKING:
    from ..store.run import Run

__all__ = ["app"]

app = typer.Typer(help="List, show, find, tag, annotate and remove runs.", no_args_is_help=True)

States = Annotated[
    list[str] | None,
    typer.Option(
        "--state",
        metavar="STATE",
        help="Only runs in this state: created, running, completed, stopped, failed, lost or broken. "
        "Can be repeated.",
    ),
]


@app.command("list")
def list_(
    state: States = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(
            "--tag", metavar="TAG", help="Only runs with this tag. If repeated, runs must have all of them."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, metavar="N", help="Only the newest N.")
    ] = None,
    as_json: AsJson = False,
    runs_dir: RunsDirOption = None,
) -> None:
    """List runs, newest first.

    Prints a table in a terminal, tab-separated values when piped.
    """
    import itertools
    import sys

    from ..common.text import choices, safe
    from ..config.project import runs_dir as locate
    from ..store.find_run import list_runs
    from ..store.notes import checked_tag
    from ..store.overview import overview

    _check_states(state or [])
    tags = {checked_tag(name) for name in tag or []}
    folder = locate(runs_dir)
    runs = list_runs(folder)
    matching = (
        found
        for found in map(overview, runs)
        if (not state or found.status.state in state) and tags.issubset(found.notes.tags)
    )
    listed = list(itertools.islice(matching, limit))
    if as_json:
        print_json([found.to_dict() for found in listed])
        return
    if not listed:
        hint = (
            "`entrannas search --space standard` creates one" if not runs else f"there are {len(runs)} others"
        )
        kind = f"no {' or '.join(state)} run" if state else "no run"
        kind += f" tagged {choices(sorted(tags), last='and')}" if tags else ""
        print(f"{kind} in {safe(str(folder))}: {hint}", file=sys.stderr)
        return
    from ..render.run_list import print_list

    print_list(listed, ids=[run.id for run in runs])


def _check_states(states: list[str]) -> None:
    from ..common.errors import UsageError
    from ..common.text import did_you_mean, shown
    from ..store.status import BROKEN, LOST, WRITTEN_STATES

    known = (*WRITTEN_STATES, LOST, BROKEN)
    for state in states:
        if state not in known:
            raise UsageError(
                f"--state {shown(state)}: no such state{did_you_mean(state, known)}: choose from {', '.join(known)}"
            )


@app.command()
def show(run: RunArgument, as_json: AsJson = False, runs_dir: RunsDirOption = None) -> None:
    """Show a run: state, latest metrics, cells, next command."""
    from ..store.overview import describe

    description = describe(resolve_run(run, runs_dir))
    if as_json:
        print_json(description)
        return
    from ..render.run_page import print_run

    print_run(description)


@app.command()
def path(run: RunArgument, runs_dir: RunsDirOption = None) -> None:
    """Print the path of a run's folder."""
    import os
    import sys

    from ..common.text import safe

    found = resolve_run(run, runs_dir).path
    if sys.stdout.isatty():
        print(safe(str(found)))
    else:  # for a program: the name as it is, even if it isn't UTF-8
        sys.stdout.buffer.write(os.fsencode(found) + b"\n")


@app.command()
def tag(
    runs: RunsArgument,
    add: Annotated[
        list[str] | None,
        typer.Option("--add", "-a", metavar="TAG", help="A tag to add. Can be repeated."),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option("--remove", "-r", metavar="TAG", help="A tag to remove. Can be repeated."),
    ] = None,
    runs_dir: RunsDirOption = None,
) -> None:
    """Add tags to runs, or remove them.

    Find tagged runs with `runs list --tag good` or `compare --where tags=good`.
    """
    import sys

    from ..common.errors import UsageError
    from ..common.text import safe
    from ..store.notes import change_notes

    if not add and not remove:
        raise UsageError("nothing to change: name a tag with --add TAG or --remove TAG")
    chosen = list(dict.fromkeys(resolve_run(run, runs_dir) for run in runs))
    for run in chosen:
        tags = change_notes(run, add or (), remove or ()).tags
        print(f"{safe(run.id)}: {', '.join(tags) if tags else 'no tags'}", file=sys.stderr)


@app.command()
def note(
    run: RunArgument,
    text: Annotated[
        str | None,
        typer.Argument(metavar="[TEXT]", help="The new note, which replaces the old one; '' removes it."),
    ] = None,
    runs_dir: RunsDirOption = None,
) -> None:
    """Set the note of a run, or print it."""
    from ..common.text import safe
    from ..store.notes import change_notes, read_notes

    chosen = resolve_run(run, runs_dir)
    if text is not None:
        change_notes(chosen, note=text)
        return
    for line in read_notes(chosen).note.splitlines():
        print(safe(line))


@app.command()
def rm(
    runs: RunsArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    runs_dir: RunsDirOption = None,
) -> None:
    """Remove runs with all their files.

    Asks first, and refuses while a process works on a run.
    """
    import sys

    from ..common.text import safe
    from ..store.find_run import check_removable, remove_run

    chosen = list(dict.fromkeys(resolve_run(run, runs_dir) for run in runs))
    for run in chosen:
        check_removable(run)
    if not yes and not _confirmed(chosen):
        print("nothing removed", file=sys.stderr)
        raise typer.Exit(1)
    for run in chosen:
        remove_run(run)
        print(f"removed {safe(run.id)}", file=sys.stderr)


def _confirmed(runs: list[Run]) -> bool:
    import sys

    from typer.exceptions import Abort

    from ..common.errors import UsageError
    from ..common.numbers import bytes_text
    from ..common.text import safe

    for run in runs:
        size = bytes_text(sum(run.files().values()))
        print(f"{safe(run.id)} ({run.status().state}, {size})", file=sys.stderr)
    what = "this run" if len(runs) == 1 else f"these {len(runs)} runs"
    try:
        return typer.confirm(f"Remove {what} with all files?", err=True)
    except Abort:
        if sys.stdin.isatty():  # Ctrl-C, Ctrl-D
            raise
        raise UsageError(
            "cannot ask for confirmation without a terminal: use `--yes` to remove without asking"
        ) from None
