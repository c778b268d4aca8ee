"""Executes a run from its last checkpoint, and records how it ended."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from ..config.resolve import load_config
from ..store.run import CONFIG_FILE
from ..store.session import RunSession
from .device import resolve_compute
from .environment import describe_environment
from .log_observer import LogObserver
from .observer import Observer, Row
from .run_context import Loading, RunContext, StoppedEarly, Work

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ..config.resolve import Resolved

__all__ = ["execute"]


def execute(
    session: RunSession,
    observer: Observer,
    model: type[BaseModel],
    work: Work,
    loading: Loading = nullcontext,
    resolved: Resolved[Any] | None = None,
) -> Row:
    """Do ``work`` with the run's configuration until it ends or is stopped; return the summary.

    The configuration is that of ``resolved`` for a new run, otherwise a ``model`` read from the run directory.
    ``loading``: see :class:`RunContext`. Raises ``UsageError`` for a configuration that cannot be run here,
    ``RunFailed`` with the reason if the run fails, which the run directory records too.
    """
    run = session.run
    config: Any = resolved.config if resolved else load_config(run.path / CONFIG_FILE, model)
    compute = resolve_compute(config.device)
    session.write_environment(describe_environment(compute))
    session.update_summary({"dataset": config.data.dataset, "device": compute.name})
    logged = LogObserver(observer, session)
    try:
        work(
            RunContext(
                session=session,
                observer=logged,
                config=config,
                compute=compute,
                loading=loading,
                space=resolved.space if resolved else None,
            )
        )
    except StoppedEarly:
        session.finish("stopped", session.stop_reason)
    summary = run.summary()
    logged.finished(summary)
    return summary
