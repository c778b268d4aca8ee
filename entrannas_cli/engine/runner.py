"""Executes a run of any kind, and imports only what that kind needs."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from ..common.errors import UsageError
from ..common.text import plain
from ..store.session import RunSession
from .execute import execute
from .observer import Observer, Row
from .run_context import Loading

if TYPE_CHECKING:
    from ..config.resolve import Resolved

__all__ = ["run_session"]


def run_session(
    session: RunSession,
    observer: Observer,
    loading: Loading = nullcontext,
    resolved: Resolved[Any] | None = None,
) -> Row:
    """Execute the run of ``session``; see :func:`entrannas_cli.engine.execute.execute`."""
    match session.run.status().kind:
        case "search":
            from ..config.search import SearchConfig
            from .search.run import run_search

            return execute(session, observer, SearchConfig, run_search, loading, resolved)
        case "train":
            from ..config.train import TrainConfig
            from .train.run import run_training

            return execute(session, observer, TrainConfig, run_training, loading, resolved)
        case "rank":
            from ..config.rank import RankConfig
            from .rank.run import run_ranking

            return execute(session, observer, RankConfig, run_ranking, loading, resolved)
        case other:
            raise UsageError(f"unknown kind of run {plain(other)}: this release knows search, train and rank")
