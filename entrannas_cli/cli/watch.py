"""``entrannas watch``: one run, live in the terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from .arguments import RunArgument, RunsDirOption, resolve_run

__all__ = ["watch"]


def watch(
    run: RunArgument,
    runs_dir: RunsDirOption = None,
    readonly: Annotated[
        bool, typer.Option("--readonly", help="Disable all actions that start or change runs.")
    ] = False,
) -> None:
    """Watch a run live in the terminal.

    Shows curves, cells, architecture parameters and the log. Press ? for its keys.
    """
    from ..common.errors import UsageError
    from ..render.terminal import why_no_screen
    from ..store.messages import reference_to

    found = resolve_run(run, runs_dir)
    if reason := why_no_screen():
        shown = f"`entrannas runs show {reference_to(found)}` prints the run"
        raise UsageError(f"watching needs a terminal ({reason}): {shown}")
    from ..dashboard.watch_app import WatchApp

    app = WatchApp(found, readonly=readonly)
    app.run()
    raise typer.Exit(app.return_code or 0)
