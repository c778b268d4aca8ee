"""Creates the run directory of a ranking from searches and a resolved configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...common.errors import UsageError
from ...common.text import plain, texts
from ...config.resolve import print_config
from ...store.create import create_run
from ...store.find_run import short_id
from ...store.run import CONFIG_FILE, Run
from ..preflight import data_of
from ..train.create import search_summary
from .candidates import CANDIDATES_FILE, candidates_json, find_candidates

if TYPE_CHECKING:
    from ...config.rank import RankConfig
    from ...config.resolve import Resolved

__all__ = ["prepare_ranking"]


def prepare_ranking(
    searches: Sequence[Run],
    resolved: Resolved[RankConfig],
    runs_dir: Path,
    *,
    name: str | None = None,
    command: str = "",
) -> Run:
    """Create a run directory with everything the ranking needs; ``command`` is the command line to record.

    Raises ``UsageError`` as :func:`find_candidates` does, and for searches on different data, a bad name, or an
    unusable folder.
    """
    _require_same_data(searches)
    candidates = find_candidates(searches)
    config = resolved.config
    summaries = [search_summary(run) for run in searches]
    spaces, methods = ({str(search.get(key) or "") for search in summaries} for key in ("space", "method"))
    label = short_id(searches[0].id) if len(searches) == 1 else f"{len(searches)}-searches"
    return create_run(
        runs_dir,
        kind="rank",
        space=spaces.pop() if len(spaces) == 1 else "",
        method=methods.pop() if len(methods) == 1 else "",
        seed=config.seed,
        name=name,
        label=f"rank-{label}-s{config.seed}",
        files={
            CONFIG_FILE: f"# {plain(command)}\n{print_config(resolved)}",
            CANDIDATES_FILE: candidates_json(candidates),
        },
        summary={
            "searches": [run.id for run in searches],
            "warnings": [
                f"{search['id']}: {text}" for search in summaries for text in texts(search.get("warnings"))
            ],
            "candidates": len(candidates),
            "dataset": config.data.dataset,
            "preset": config.train.preset,
        },
    )


def _require_same_data(searches: Sequence[Run]) -> None:
    """Raise ``UsageError`` for searches on different images: their accuracies cannot be compared."""
    first, *others = ((run, data_of(run)) for run in searches)
    for run, data in others:
        for key in ("data.dataset", "data.path"):
            if data.get(key) != first[1].get(key):
                raise UsageError(
                    f"{plain(run.id)} searched on different data than {plain(first[0].id)} "
                    f"({key} = {plain(str(data.get(key)))}, not {plain(str(first[1].get(key)))}): rank them apart"
                )
