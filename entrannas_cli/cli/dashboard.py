"""``entrannas dashboard``: the workbench in the terminal."""

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
            help="Only look: nothing starts, stops, resumes or deletes a run, or does anything else to it.",
            show_default="--writable; --readonly with --serve",
        ),
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Show it in a browser of this machine rather than here.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", min=0, max=65535, help="With --serve: the port.", show_default="one that is free"
        ),
    ] = None,
) -> None:
    """A workbench in the terminal: watch, start, stop, compare runs.

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
        raise UsageError("--port goes with --serve")
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
        how = "read-only: --writable allows more" if readonly else "whoever has it may stop and delete runs"
        print(f"the dashboard of {safe(str(folder))} is at this address ({how}):", file=sys.stderr)
        print(address, flush=True)
        print("ctrl+c ends it; runs go on", file=sys.stderr)

    serve(folder, readonly=readonly, port=port, ready=ready)
