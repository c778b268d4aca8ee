"""`entrannas resume`."""

from __future__ import annotations

from . import options
from .arguments import AsJson, RunArgument, RunsDirOption, resolve_run

__all__ = ["resume"]


def resume(
    run: RunArgument,
    detach: options.DetachOption = False,
    quiet: options.QuietOption = False,
    runs_dir: RunsDirOption = None,
    as_json: AsJson = False,
) -> None:
    """Resume a run from its last checkpoint.

    On a CPU the result is the same as without the interruption.
    """
    from ..common.errors import UsageError
    from ..common.text import safe
    from .running import run_here, run_in_background

    chosen = resolve_run(run, runs_dir)
    if chosen.status().state == "completed":
        raise UsageError(f"{safe(chosen.id)} is completed: there is nothing left to do")
    if detach:
        run_in_background(chosen, as_json=as_json)
    else:
        run_here(chosen, as_json=as_json, quiet=quiet)
