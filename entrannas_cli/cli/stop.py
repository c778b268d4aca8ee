"""``entrannas stop``: stop a running search or training, wherever it was started."""

from __future__ import annotations

from typing import Annotated

import typer

from .arguments import RunArgument, RunsDirOption, resolve_run

__all__ = ["stop"]


def stop(
    run: RunArgument,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0, metavar="SECONDS", help="How long to wait for it to stop.")
    ] = 300.0,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until it has stopped and report the outcome.")
    ] = True,
    runs_dir: RunsDirOption = None,
) -> None:
    """Stop a run; it can be resumed later.

    It finishes its step and writes a checkpoint first.

    Ctrl-C stops waiting; the run still stops.
    """
    import sys

    from ..common.text import safe
    from ..store.stop import outcome, request_stop, wait_until_ended

    chosen = resolve_run(run, runs_dir)
    before = request_stop(chosen)
    silent = f" (no heartbeat for {before.heartbeat_age:.0f} s)" if before.stale else ""
    print(
        f"asked {safe(chosen.id)}{silent} to stop: it finishes its step and writes a checkpoint first",
        file=sys.stderr,
    )
    if wait:
        print(outcome(chosen, before, wait_until_ended(chosen, before.attempt, timeout)))
