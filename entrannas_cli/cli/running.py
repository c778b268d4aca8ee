"""Running in the foreground with a view, or in the background, for `search`, `train`, `rank` and `resume`."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import typer

from .arguments import print_json

if TYPE_CHECKING:
    from ..config.resolve import Resolved
    from ..store.run import Run

__all__ = ["run_here", "run_in_background", "run_or_detach"]


def run_or_detach(run: Run, resolved: Resolved[Any], *, detach: bool, as_json: bool, quiet: bool) -> None:
    """Execute the new ``run`` with its configuration, in this process or in the background.

    A run that never began because of a usage error is removed again: the error message is all that is needed.
    """
    from ..common.errors import EntrannasError, UsageError
    from ..store.find_run import remove_run

    if detach:
        run_in_background(run, as_json=as_json)
        return
    try:
        run_here(run, resolved, as_json=as_json, quiet=quiet)
    except UsageError:
        if not run.status().steps and not run.metrics():
            with suppress(EntrannasError):  # what ended the run matters more
                remove_run(run)
        raise


def run_in_background(run: Run, *, as_json: bool) -> None:
    """Start ``run`` in a separate process and print its id."""
    from ..engine.detach import launch_detached

    launch_detached(run)
    if as_json:
        print_json({"id": run.id, "path": str(run.path)})
    else:
        print(run.id)


def run_here(run: Run, resolved: Resolved[Any] | None = None, *, as_json: bool, quiet: bool) -> None:
    """Work on ``run`` in this process, then print its result, or its summary as JSON.

    For a stopped run it prints the command that resumes it and, after a signal, exits with 130 or 143.
    """
    from contextlib import nullcontext

    from ..engine.signals import EXIT_CODES, stop_on_signals
    from ..render.summary import print_summary
    from ..render.views import make_view
    from ..store.session import RunSession
    from .data import progress_on_stderr

    session = RunSession(run)
    view = make_view(quiet=quiet)

    def notify(text: str) -> None:
        session.log(text)
        view.message("info", text)

    try:
        with view, stop_on_signals(session.request_stop, notify), session:
            from ..engine.runner import run_session  # imports torch; the lock is already held by then

            loading = nullcontext if quiet else progress_on_stderr
            summary = run_session(session, view, loading, resolved)
    except KeyboardInterrupt:
        _print_resume_hint(run)
        raise
    if as_json:
        print_json(summary)
    elif summary["state"] == "completed":
        print_summary(run)
    if summary["state"] == "stopped":
        _print_resume_hint(run)
        raise typer.Exit(EXIT_CODES.get(run.status().reason, 0))


def _print_resume_hint(run: Run) -> None:
    from ..common.text import safe
    from ..store.messages import reference_to
    from ..store.run import checkpoint_step

    steps = [checkpoint_step(path) for path in run.checkpoints()[:1]]
    where = f" from step {steps[0]}" if steps else " from the start (there is no checkpoint yet)"
    if run.status().kind == "rank":  # its trainings have the checkpoints
        where = ""
    command = f"entrannas resume {reference_to(run)}"
    print(f"{safe(run.id)} is stopped; resume{where} with: {command}", file=sys.stderr)
