"""Taking up a run, whatever its kind: set everything up, work on it, say how it ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from ..common.errors import UsageError
from ..common.text import safe
from ..config.resolve import load_config
from ..store.run import CONFIG_FILE
from ..store.session import RunSession
from .device import resolve_compute
from .environment import describe_environment
from .log_observer import Logged
from .observer import Observer, Row
from .run_context import Context, Loading, StoppedEarly

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["take_up"]

Work = Callable[[Context[Any]], None]


def take_up(session: RunSession, observer: Observer, loading: Loading = nullcontext) -> Row:
    """Works on the run of ``session`` from its last checkpoint, or the start, to its end or until it is stopped.

    ``loading``: see :class:`Context`. Returns the summary. Raises ``UsageError`` for a configuration that can't be
    run here, ``RunFailed`` with the reason when it fails; the run directory then says so too.
    """
    run = session.run
    model, work = _kind(run.status().kind)
    config: Any = load_config(run.path / CONFIG_FILE, model)
    compute = resolve_compute(config.device)
    session.environment(describe_environment(compute))
    session.summary({"dataset": config.data.dataset, "device": compute.name})
    logged = Logged(observer, session)
    try:
        work(Context(session=session, observer=logged, config=config, compute=compute, loading=loading))
    except StoppedEarly:
        session.finish("stopped", session.stop_reason)
    summary = run.summary()
    logged.finished(summary)
    return summary


def _kind(name: str) -> tuple[type[BaseModel], Work]:
    """The configuration's model and the work; each brings only what it needs."""
    match name:
        case "search":
            from ..config.search import SearchConfig
            from .search.run import run_search

            return SearchConfig, run_search
        case "train":
            from ..config.train import TrainConfig
            from .train.run import run_training

            return TrainConfig, run_training
        case "rank":
            from ..config.train import RankConfig
            from .rank.run import run_ranking

            return RankConfig, run_ranking
    raise UsageError(f"a run of the kind {safe(name)}: this release knows search, train and rank")
