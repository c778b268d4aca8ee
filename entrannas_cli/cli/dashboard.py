"""``entrannas dashboard``: the workbench in the terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from .arguments import RunsDirOption

__all__ = ["dashboard", "register"]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(dashboard)


def dashboard(
    runs_dir: RunsDirOption = None,
    readonly: Annotated[
        bool, typer.Option("--readonly", help="Only look: nothing starts, stops, resumes or deletes a run.")
    ] = False,
) -> None:
    """Watch all runs, live; start, stop, resume, delete them: a workbench in the terminal. Press ? for its keys."""
    import os
    import sys

    from ..config.location import runs_dir as locate
    from ..errors import UsageError
    from ..render.terminal import is_live, why_plain

    folder = locate(runs_dir)
    reason = why_plain(sys.stdout, os.environ) or (
        "" if is_live(sys.stdin) else "no keyboard: stdin is piped"
    )
    if reason:
        raise UsageError(f"the dashboard needs a terminal ({reason}); `entrannas runs list` prints the runs")
    from ..dashboard.app import Dashboard

    app = Dashboard(folder, readonly=readonly)
    app.run()
    raise typer.Exit(app.return_code or 0)
