"""``entrannas dashboard``: the dashboard, in the terminal or in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .arguments import RunsDirOption

__all__ = ["dashboard"]


def dashboard(
    runs_dir: RunsDirOption = None,
    readonly: Annotated[
        bool | None,
        typer.Option(
            "--readonly/--writable",
            help="Disable all actions that start or change runs.",
            show_default="--writable, or --readonly with --serve",
        ),
    ] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Show it in a browser on this machine.")] = False,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="The port for --serve.", show_default="a free one"),
    ] = None,
) -> None:
    """Open the dashboard: watch, start, stop and compare runs.

    Press ? for its keys.
    """
    from ..common.errors import UsageError
    from ..config.project import runs_dir as locate
    from ..render.terminal import why_no_screen

    folder = locate(runs_dir)
    if serve:
        _serve(folder, readonly=readonly is not False, port=port)
        return
    if port is not None:
        raise UsageError("--port needs --serve: add it, or leave --port out")
    if reason := why_no_screen():
        raise UsageError(f"the dashboard needs a terminal ({reason}); `entrannas runs list` prints the runs")
    from ..dashboard.app import Dashboard

    app = Dashboard(folder, readonly=bool(readonly))
    app.run()
    raise typer.Exit(app.return_code or 0)


def _serve(folder: Path, *, readonly: bool, port: int | None) -> None:
    import sys

    from ..common.text import safe
    from ..dashboard.serve import serve

    def ready(address: str) -> None:
        how = (
            "read-only; --writable enables actions"
            if readonly
            else "anyone who has it can stop and delete runs"
        )
        print(f"serving the dashboard of {safe(str(folder))} at this address ({how}):", file=sys.stderr)
        print(address, flush=True)
        print("stop it with ctrl+c; runs continue", file=sys.stderr)

    serve(folder, readonly=readonly, port=port, ready=ready)
