"""What `search`, `train`, `rank` and `resume` share: running here, with a view, or in the background."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from .arguments import print_json

if TYPE_CHECKING:
    from ..config.resolve import Resolved
    from ..store.run import Run

__all__ = ["run_here", "run_in_background", "run_or_detach"]


def run_or_detach(run: Run, resolved: Resolved[Any], *, detach: bool, as_json: bool, quiet: bool) -> None:
    """Execute the new ``run`` with its configuration, here or in the background.

    A run that never began because something is wrong with what was asked for is removed again: only what is wrong
    needs to stay on the screen.
    """
    from ..common.errors import UsageError
    from ..store.find_run import remove_run

    if detach:
        run_in_background(run, as_json=as_json)
        return
    try:
        run_here(run, resolved, as_json=as_json, quiet=quiet)
    except UsageError:
        if not run.status().steps and not run.metrics():
            remove_run(run)
        raise


def run_in_background(run: Run, *, as_json: bool) -> None:
    """Starts ``run`` in a process of its own and prints its id."""
    from ..engine.detach import launch_detached

    launch_detached(run)
    if as_json:
        print_json({"id": run.id, "path": str(run.path)})
    else:
        print(run.id)


def run_here(run: Run, resolved: Resolved[Any] | None = None, *, as_json: bool, quiet: bool) -> None:
    """Works on ``run`` in this process, then prints its result, or its summary as JSON.

    A run that was stopped is left with the command that goes on with it, and with 130 or 143 after a signal.
    """
    from contextlib import nullcontext

    from ..engine.signals import EXIT_CODES, stop_on_signals
    from ..render.summary import print_summary
    from ..render.views import make_view
    from ..store.session import RunSession
    from .data import progress_on_stderr

    session = RunSession(run)
    view = make_view(quiet=quiet)

    def notice(text: str) -> None:
        session.log(text)
        view.message("info", text)

    try:
        with view, stop_on_signals(session.request_stop, notice), session:
            from ..engine.runner import run_session  # brings torch: the lock is taken before, at once

            loading = nullcontext if quiet else progress_on_stderr
            summary = run_session(session, view, loading, resolved)
    except KeyboardInterrupt:
        _say_how_to_go_on(run)
        raise
    if as_json:
        print_json(summary)
    elif summary["state"] == "completed":
        print_summary(run)
    if summary["state"] == "stopped":
        _say_how_to_go_on(run)
        raise typer.Exit(EXIT_CODES.get(run.status().reason, 0))


def _say_how_to_go_on(run: Run) -> None:
    from ..common.text import safe
    from ..store.messages import reference_to
    from ..store.run import checkpoint_step

    steps = [checkpoint_step(path) for path in run.checkpoints()[:1]]
    where = f" from step {steps[0]}" if steps else " from the start (there is no checkpoint yet)"
    if run.status().kind == "rank":  # its trainings have the checkpoints
        where = ""
    command = f"entrannas resume {reference_to(run)}"
    print(f"{safe(run.id)} is stopped; go on{where} with: {command}", file=sys.stderr)
